"""What the deployer remembers of each stack's last good deployment, so that it can skip what has not changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tre import paths


@dataclass(frozen=True)
class Deployed:
    """One stack's last good deployment.

    `fingerprint` covers everything that the deployment depended on, `mark` is the state's own sign of it (see
    `state.marks`), `promises` says for each promise whether the registered resources kept it.
    """

    stack: str
    project: str
    target: str
    fingerprint: str
    mark: str
    when: str
    resources: int
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    promises: Mapping[str, bool] = field(default_factory=dict[str, bool])


def _folder(site_folder: Path) -> Path:
    return paths.private_folder(site_folder / "deployed")


def remember(site_folder: Path, deployed: Deployed) -> None:
    """Write down a good deployment."""
    file = _folder(site_folder) / f"{deployed.stack}.json"
    paths.write_private(file, json.dumps(dataclasses.asdict(deployed), indent=1))


def forget(site_folder: Path, stack: str) -> None:
    """Forget a stack's last good deployment, because the stack is being changed or is gone."""
    (_folder(site_folder) / f"{stack}.json").unlink(missing_ok=True)


def remembered(site_folder: Path) -> Mapping[str, Deployed]:
    """Return the last good deployment of every stack of a site."""
    found = (_read(file) for file in sorted(_folder(site_folder).glob("*.json")))
    return {each.stack: each for each in found if each}


def _read(file: Path) -> Deployed | None:
    try:
        return Deployed(**json.loads(file.read_text()))
    except (ValueError, TypeError):
        return None  # Half-written or of an older format: the stack is deployed again, which does no harm.
