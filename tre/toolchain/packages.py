"""What only the system's own package manager brings: missing packages, and their installation with apt-get."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tre import console
from tre.errors import ExitCode, Problem, TreError
from tre.toolchain import finding, running, store
from tre.toolchain.table import Entry, Package, Table

Consent = Callable[[Sequence[str]], bool]


def missing(table: Table, wanted: Sequence[str], *, building: bool = False) -> list[str]:
    """Return the Debian packages that some groups or tools lack, sorted.

    `building` adds what is wanted to build the tools that are not there yet. Presence is told by the command or
    file that a package provides, so the answer is right on other systems too, where only the names may differ.
    """
    beside = [package for package in table.packages.values() if set(package.groups) & set(wanted)]
    names = {package.name for package in beside if not _present(package)}
    for name in table.expand(wanted):
        names |= _lacking(table, table.entry(name), building)
    return sorted(names)


def build_needs(table: Table, entry: Entry) -> list[str]:
    """Return the packages that building one tool lacks."""
    needs = entry.go.needs if entry.go else ()
    return [name for name in needs if not _present(table.packages[name])]


def _lacking(table: Table, entry: Entry, building: bool) -> set[str]:
    if not entry.package and not (building and entry.go and entry.go.needs):
        return set()
    if finding.find(table, entry):
        return set()
    return {entry.package} if entry.package else set(build_needs(table, entry))


def _present(package: Package) -> bool:
    if package.provides.startswith("/"):
        return Path(package.provides).exists()
    return shutil.which(package.provides, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def remedy(names: Sequence[str]) -> str:
    """Return what a person can do about missing packages on this machine."""
    command = f"apt-get install --no-install-recommends {' '.join(names)}"
    if shutil.which("apt-get") is None:
        return f"install with this system's package manager what Debian calls: {', '.join(names)}"
    return f"run: {command}" if os.geteuid() == 0 else f"run: sudo {command}"


def install(names: Sequence[str], consent: Consent) -> None:
    """Install packages with apt-get after `consent` was given for exactly these.

    Raises `TreError` with the command to run where this is not root, not Debian, not consented to, or fails.
    """
    if not names:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        why = "this is not root" if os.geteuid() else "this system has no apt-get"
        raise TreError(Problem("system packages", f"{', '.join(names)}: missing, and {why}", remedy(names)))
    if not consent(names):
        problem = Problem("system packages", f"{', '.join(names)}: not installed, as you wish", remedy(names))
        raise TreError(problem, code=ExitCode.REFUSED)
    with console.step(f"installing {', '.join(names)} with apt-get"):
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *names)


def _apt(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=120", *arguments]
    running.run(
        f"apt-get {arguments[0]}", command, store.log_file(f"apt-{arguments[0]}"), environment=environment
    )
