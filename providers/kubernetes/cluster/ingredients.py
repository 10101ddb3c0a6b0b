"""What goes into an image beside its own folder: our code, wheels at locked hashes, Keycloak's distribution.

Everything comes from package registries through their own clients and is held to a hash, so that a mirror serves as
well as the origin. What was fetched stays in the cache.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from providers.kubernetes.cluster import tools
from tre import paths
from tre.errors import failure

Run = Callable[[Sequence[str]], None]

KEYCLOAK_VERSION: Final = "26.4.0"
KEYCLOAK_SHA256: Final = "1b6a11a2726ac8a8dc9c91d5fafe989a75ce4f1622d7f7b45c21d5bc16629c0a"
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
_PYTHON: Final = "3.11"
"""Debian's Python, which the image runs: wheels are for it, whatever Python the deployer has."""
_LIBC: Final = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
_OWN_CODE: Final = (".py", ".html", ".css", ".js", ".svg", ".mako", ".json", ".txt")


def sources(name: str) -> Sequence[Path]:
    """Return the files beside an image's folder that decide what it holds: a change to one builds it anew."""
    return _portal_files() if name == "portal" else []


def words(name: str) -> str:
    """Return what else decides it: versions that stand in this module."""
    return {"keycloak": KEYCLOAK_SHA256, "portal": f"{_PYTHON} {_LIBC}"}.get(name, "")


def gather(name: str, folder: Path, run: Run) -> None:
    """Put what an image needs beside its Containerfile into its build folder.

    Raises:
        TreError: something cannot be had, or is not what it should be.
    """
    gatherer = _GATHERERS.get(name)
    if gatherer:
        gatherer(folder, run)


def _portal_files() -> list[Path]:
    root = paths.checkout() / "portal"
    return sorted(each for each in root.rglob("*") if each.is_file() and each.suffix in _OWN_CODE)


def _portal(folder: Path, run: Run) -> None:
    for path in _portal_files():
        target = folder / "source" / path.relative_to(paths.checkout())
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    _wheels(paths.checkout() / "images/portal/requirements.lock", folder / "packages", run)


def _wheels(lock: Path, target: Path, run: Run) -> None:
    key = hashlib.sha256(f"{_PYTHON} {_LIBC} {platform.machine()}".encode() + lock.read_bytes()).hexdigest()
    kept = paths.cache_folder() / "images" / "wheels" / key[:16]
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".partial-") as work:
            platforms = [f"--platform={each}_{platform.machine()}" for each in _LIBC]
            for_image = ["--only-binary=:all:", f"--python-version={_PYTHON}", *platforms]
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps"]
            held = ["--require-hashes", "--requirement", str(lock)]
            run([*pip, *held, *for_image, "--target", f"{work}/packages"])
            Path(work, "packages").replace(kept)
    shutil.copytree(kept, target, symlinks=True)


def keycloak_archive(run: Run) -> Path:
    """Return Keycloak's distribution, a zip file in the cache, fetched from Maven Central where it is not there yet."""
    archive = paths.cache_folder() / "images" / "downloads" / f"keycloak-{KEYCLOAK_VERSION}.zip"
    if not (archive.exists() and _digest(archive) == KEYCLOAK_SHA256):
        _download_keycloak(archive, run)
    return archive


def _keycloak(folder: Path, run: Run) -> None:
    with zipfile.ZipFile(keycloak_archive(run)) as packed:
        packed.extractall(folder)
    unpacked = folder / f"keycloak-{KEYCLOAK_VERSION}"
    (unpacked / "bin" / "kc.sh").chmod(0o755)
    unpacked.replace(folder / "keycloak")


def _download_keycloak(archive: Path, run: Run) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".partial-") as work:
        artifact = f"org.keycloak:keycloak-quarkus-dist:{KEYCLOAK_VERSION}:zip"
        into = [f"-DoutputDirectory={work}", f"-Dmaven.repo.local={work}/repository"]
        run([str(tools.find("mvn")), "--batch-mode", "--quiet", _COPY, f"-Dartifact={artifact}", *into])
        found = Path(work, f"keycloak-quarkus-dist-{KEYCLOAK_VERSION}.zip")
        if _digest(found) != KEYCLOAK_SHA256:
            raise failure("image keycloak", f"{found.name} is not what was pinned", "check the Maven mirror")
        found.replace(archive)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_GATHERERS: Final[Mapping[str, Callable[[Path, Run], None]]] = {"portal": _portal, "keycloak": _keycloak}
