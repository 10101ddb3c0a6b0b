"""The table of tools, `toolchain/tools.toml`, as typed values."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import platform
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tre import paths
from tre.errors import failure

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Machine:
    """The kind of machine programs must run on, in Go's words: `linux` or `darwin`, `amd64` or `arm64`."""

    system: str
    arch: str

    @classmethod
    def here(cls) -> Machine:
        """Return the kind of this machine."""
        machine = platform.machine().lower()
        return cls(platform.system().lower(), _ARCHITECTURES.get(machine, machine))


@dataclass(frozen=True)
class Release:
    """An official release: where the file is, and where its SHA-256 is published (or pinned, by system-arch)."""

    url: str
    checksum: str
    members: Mapping[str, str] = field(default_factory=dict[str, str])
    systems: Sequence[str] = ("linux",)
    arch: Mapping[str, str] = field(default_factory=dict[str, str])
    sha256: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class GoBuild:
    """How a tool is built from the Go modules pinned in `toolchain/<folder>`."""

    folder: str
    packages: Mapping[str, str]
    tags: Sequence[str] = ()
    ldflags: Sequence[str] = ()
    cgo: bool = False
    copies: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    needs: Sequence[str] = ()


@dataclass(frozen=True)
class Entry:
    """One tool of the table. The keys are explained at the head of `toolchain/tools.toml`."""

    name: str
    version: str
    programs: Sequence[str]
    path: str | None = None
    names: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    places: Sequence[str] = ()
    ask: Sequence[str] = ()
    package: str = ""
    release: Release | None = None
    go: GoBuild | None = None


@dataclass(frozen=True)
class Package:
    """A system package. `provides` is a command, or a file where it begins with a slash."""

    name: str
    provides: str
    groups: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """Every tool, group and system package. `folder` holds the table and the pinned Go modules."""

    folder: Path
    tools: Mapping[str, Entry]
    groups: Mapping[str, Sequence[str]]
    packages: Mapping[str, Package]

    def entry(self, name: str) -> Entry:
        """Return the tool called `name`, or the one that brings the program `name`.

        Raises `TreError` where the table knows neither.
        """
        if name in self.tools:
            return self.tools[name]
        for entry in self.tools.values():
            if name in entry.programs:
                return entry
        raise failure(
            name,
            "is not in the table of tools",
            f"groups: {', '.join(self.groups)}; tools: {', '.join(self.tools)}",
        )

    def group(self, name: str) -> Sequence[str]:
        """Return the names of the tools in a group. Raises `TreError` for a group that does not exist."""
        if name not in self.groups:
            raise failure(name, "is not a group of tools", f"groups: {', '.join(self.groups)}")
        return self.groups[name]

    def expand(self, wanted: Sequence[str]) -> list[str]:
        """Return the tools that a list of groups, tools and programs asks for, each once, in order.

        Raises `TreError` for a name that is none of these.
        """
        names = [self.groups[name] if name in self.groups else [self.entry(name).name] for name in wanted]
        return list(dict.fromkeys(itertools.chain.from_iterable(names)))

    def fingerprint(self, entry: Entry) -> str:
        """Return eight hexadecimal digits that change whenever the tool would be made differently."""
        digest = hashlib.sha256()
        if entry.go:
            for name in ("go.mod", "go.sum"):
                digest.update((self.folder / entry.go.folder / name).read_bytes() + b"\0")
        digest.update(json.dumps(_recipe(entry), sort_keys=True).encode())
        return digest.hexdigest()[:8]


def _recipe(entry: Entry) -> dict[str, Any]:
    """Return what the fingerprint covers besides the module files. A release is its version: not covered."""
    go = entry.go
    if not go:
        return {"programs": list(entry.programs)}
    return {
        "packages": dict(go.packages),
        "tags": list(go.tags),
        "ldflags": list(go.ldflags),
        "cgo": go.cgo,
        "copies": {name: list(place) for name, place in go.copies.items()},
    }


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """Fill `{name}`-like words into every text of a table entry. Words that are not known yet stay."""
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(f"{{{word}}}", text)
        return value
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return {_filled(key, words): _filled(item, words) for key, item in pairs.items()}
    if isinstance(value, list):
        return [_filled(item, words) for item in cast("list[Any]", value)]
    return value


def _entry(name: str, raw: Mapping[str, Any], tools: Mapping[str, Any], machine: Machine) -> Entry:
    fields = {**tools.get(raw.get("like", ""), {}), **raw}
    fields.pop("like", None)
    renamed: Mapping[str, str] = fields.get("release", {}).get("arch", {})
    words = {"name": name, "version": fields["version"], "system": machine.system}
    words["arch"] = renamed.get(machine.arch, machine.arch)
    fields = _filled(fields, words)
    if "release" in fields:
        fields["release"] = Release(**_filled(fields["release"], {"url": fields["release"]["url"]}))
    if "go" in fields:
        fields["go"] = GoBuild(**fields["go"])
    return Entry(name=name, programs=fields.pop("programs", [name]), **fields)


def read(folder: Path, machine: Machine) -> Table:
    """Read `folder/tools.toml` for one kind of machine.

    Raises `TreError` where the file is missing, is not TOML, or has a key that the table does not know.
    """
    file = folder / "tools.toml"
    try:
        raw = tomllib.loads(file.read_text())
        tools: dict[str, Any] = raw["tools"]
        entries = {name: _entry(name, fields, tools, machine) for name, fields in tools.items()}
        packages = {name: Package(name, **fields) for name, fields in raw["packages"].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise failure(
            str(file), f"cannot be read: {error}", "restore the file from the repository"
        ) from error
    return Table(folder, entries, raw["groups"], packages)


@functools.cache
def load() -> Table:
    """Return the table of this checkout, for this machine."""
    return read(paths.checkout() / "toolchain", Machine.here())
