"""Where the engine keeps its state, and the environment it runs in."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

import yaml

from tre import paths
from tre.errors import failure

PROJECT: Final = "tre"
SECRET_KEYS: Final = ("secretsprovider", "encryptionsalt", "encryptedkey")
"""The keys of a stack's file that are Pulumi's own: how the stack's secrets are encrypted."""


@dataclass(frozen=True)
class Settings:
    """How the engine is run for one site.

    `backend` is the address of Pulumi's state (https://www.pulumi.com/docs/iac/concepts/state-and-backends/),
    `folder` holds the site's files, `work` is a private folder for the files that Pulumi writes itself, so that
    a deployment never changes what people wrote.
    """

    site: str
    folder: Path
    project: str
    backend: str
    work: Path
    home: Path
    environment: Mapping[str, str] = field(repr=False)

    @property
    def local_state(self) -> Path | None:
        """Return the folder of the state files, where the state is kept in local files."""
        parts = urlsplit(self.backend)
        return Path(unquote(parts.netloc + parts.path)).expanduser() if parts.scheme == "file" else None


def site_folder(site: str) -> Path:
    """Return the private folder of what the deployer itself remembers of a site."""
    sites = paths.private_folder(paths.private_folder(paths.state_folder()) / "sites")
    return paths.private_folder(sites / site)


def settings(site: str, folder: Path) -> Settings:
    """Return the settings of a site whose files are in `folder`, making private folders where missing.

    The state's address comes from `PULUMI_BACKEND_URL`, else from `Pulumi.yaml`, else it is a local folder.

    Raises:
        TreError: `Pulumi.yaml` cannot be read, or the passphrase of existing stacks is gone.
    """
    home = paths.private_folder(paths.private_folder(paths.state_folder()) / "pulumi")
    project_file = _project_file(folder)
    found = Settings(
        site=site,
        folder=folder,
        project=str(project_file.get("name", PROJECT)),
        backend=_backend(project_file),
        work=paths.private_folder(site_folder(site) / "work"),
        home=home,
        environment={},
    )
    environment = {**_environment(found), **_passphrase(found)}
    _write_work(found)
    return replace(found, environment=environment)


def _project_file(folder: Path) -> Mapping[str, Any]:
    places = (folder, folder.parent, paths.checkout())
    file = next((place / "Pulumi.yaml" for place in places if (place / "Pulumi.yaml").is_file()), None)
    return _yaml(file) if file else {}


def _yaml(file: Path) -> Mapping[str, Any]:
    try:
        loaded: Any = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise failure(str(file), f"cannot be read: {error}", "Mend the file, then try again.") from error
    return cast("dict[str, Any]", loaded) if isinstance(loaded, dict) else {}


def _backend(project_file: Mapping[str, Any]) -> str:
    configured: Mapping[str, Any] = project_file.get("backend") or {}
    given = os.environ.get("PULUMI_BACKEND_URL") or str(configured.get("url", ""))
    return given or paths.private_folder(paths.state_folder() / "stacks").as_uri()


def _environment(found: Settings) -> dict[str, str]:
    return {
        "PULUMI_BACKEND_URL": found.backend,
        "PULUMI_HOME": str(found.home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Each update's checkpoint is in the history already; a second copy only costs time.
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "NO_COLOR": "1",
    }


def _passphrase(found: Settings) -> dict[str, str]:
    """Return what Pulumi needs to encrypt secrets, where nobody has chosen another way."""
    given = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
    if any(name in os.environ for name in given) or found.local_state is None:
        return {}
    return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase_file(found))}


def _passphrase_file(found: Settings) -> Path:
    file = paths.state_folder() / "passphrase"
    if not file.exists():
        if _has_stacks(found):
            raise failure(
                str(file),
                "the passphrase of the existing stacks is missing, so their secrets cannot be read",
                "Put the file back from its copy, or set PULUMI_CONFIG_PASSPHRASE_FILE to where it is.",
            )
        _create_once(file, secrets.token_urlsafe(32))
    file.chmod(0o600)
    return file


def _create_once(file: Path, text: str) -> None:
    """Make a private file; where two commands race, the first one's text stays."""
    private = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    paths.write_private(private, text)
    try:
        os.link(private, file)
    except FileExistsError:
        pass
    finally:
        private.unlink()


def _has_stacks(found: Settings) -> bool:
    state = found.local_state
    return state is not None and any(state.glob(".pulumi/stacks/*/*.json"))


def _write_work(found: Settings) -> None:
    text = f"name: {found.project}\nruntime: python\nmain: .\n"
    paths.write_private(found.work / "Pulumi.yaml", text)


def stack_secrets(file: Path) -> Mapping[str, str]:
    """Return the secrets settings that people, or plain Pulumi, wrote into a stack's file."""
    # Reading YAML takes milliseconds and a site has a file per project, so the text is looked at first.
    if not file.is_file() or not any(key in file.read_text() for key in SECRET_KEYS):
        return {}
    written = _yaml(file)
    return {key: str(written[key]) for key in SECRET_KEYS if key in written}
