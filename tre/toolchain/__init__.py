"""The tools that the deployer drives: found, downloaded or built, and kept in the cache.

tools = toolchain.ensure("pulumi")              # dict of program name to Tool
tools = toolchain.ensure(*toolchain.group("cluster"))
tools["cilium-agent"].path                      # and .folder / "bpf" beside it
"""

from __future__ import annotations

from collections.abc import Sequence

from tre.errors import failure
from tre.toolchain import finding, obtaining, packages, table
from tre.toolchain.report import Line, doctor_lines
from tre.toolchain.store import Tool

__all__ = [
    "Line",
    "Tool",
    "doctor_lines",
    "ensure",
    "find",
    "group",
    "groups",
    "install",
    "install_packages",
    "need",
    "packages_missing",
]


def groups() -> Sequence[str]:
    """Return the names of the groups: `engine`, `cluster`, `images`, `tests`."""
    return list(table.load().groups)


def group(name: str) -> Sequence[str]:
    """Return the names of the tools in a group. Raises `TreError` for a group that does not exist."""
    return table.load().group(name)


def find(name: str) -> Tool | None:
    """Return a program where it is there already, from PATH or the cache. Downloads and builds nothing.

    Raises `TreError` for a name that is not in the table.
    """
    known = table.load()
    entry = known.entry(name)
    tools = finding.find(known, entry) or {}
    return tools.get(name) or next(iter(tools.values()), None)


def need(name: str) -> Tool:
    """Return a program that must be there already. Raises `TreError` with the remedy where it is not."""
    found = find(name)
    if not found:
        raise failure(name, "is not there", obtaining.remedy(table.load().entry(name)))
    return found


def ensure(*names: str, downloads: bool | None = None, build: bool = True) -> dict[str, Tool]:
    """Return every program of the named tools and groups, getting what is not there; see `obtaining.ensure`."""
    return obtaining.ensure(table.load(), names, downloads=downloads, build=build)


def install(
    wanted: Sequence[str], consent: packages.Consent, *, downloads: bool | None = None
) -> dict[str, Tool]:
    """Return every program of the named tools and groups, installing system packages too; see `obtaining.install`."""
    return obtaining.install(table.load(), wanted, consent, downloads)


def packages_missing(*names: str, building: bool = False) -> list[str]:
    """Return the Debian packages that the named groups lack; `building` adds what building their tools needs."""
    return packages.missing(table.load(), names, building=building)


def install_packages(names: Sequence[str], consent: packages.Consent) -> None:
    """Install Debian packages with apt-get, once `consent(names)` says yes; see `packages.install`."""
    packages.install(names, consent)
