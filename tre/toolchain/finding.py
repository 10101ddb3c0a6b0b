"""What is already there: programs on PATH whose version will do, and the cache."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tre.toolchain import store
from tre.toolchain.store import Origin, Tool
from tre.toolchain.table import Entry, Table

_VERSION = re.compile(r"(\d+(?:\.\d+)+)")
_BOUND = re.compile(r"(>=|<|==)(\d+(?:\.\d+)*)")


def find(table: Table, entry: Entry) -> dict[str, Tool] | None:
    """Return the tool's programs, from PATH or else from the cache, or `None`. Downloads and makes nothing."""
    return on_path(entry) or store.cached(table, entry)


def on_path(entry: Entry) -> dict[str, Tool] | None:
    """Return the tool's programs from PATH, where all are there and the version is one the table takes."""
    if entry.path is None:
        return None
    places = {name: _place(entry, name) for name in entry.programs}
    present = {name: place for name, place in places.items() if place}
    if len(present) < len(places):
        return None
    version = _version(entry, present[entry.programs[0]])
    if not accepts(entry.path, version):
        return None
    return {name: Tool(name, version, place, _origin(entry, place)) for name, place in present.items()}


def refused(entry: Entry) -> str:
    """Return what is on PATH and why it is not taken, in a few words; nothing where PATH has none."""
    place = _place(entry, entry.programs[0]) if entry.path else None
    version = _version(entry, place) if place else ""
    if not place or accepts(entry.path or "", version):
        return ""
    return f"{place} is {version or 'of unknown version'}, wanted {entry.path}"


def accepts(wanted: str, version: str) -> bool:
    """Tell whether a version is within bounds such as `>=1.2,<2` or `==1.2.3`; no bounds take any version."""
    return all(_holds(sign, _numbers(version), _numbers(bound)) for sign, bound in _BOUND.findall(wanted))


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _holds(sign: str, version: tuple[int, ...], bound: tuple[int, ...]) -> bool:
    if sign == "==":
        return version == bound
    return bool(version) and (version >= bound if sign == ">=" else version < bound)


def _place(entry: Entry, program: str) -> Path | None:
    path = os.pathsep.join([os.environ.get("PATH", ""), *entry.places])
    for name in entry.names.get(program, [program]):
        if place := shutil.which(name, path=path):
            return Path(place)
    return None


def _origin(entry: Entry, place: Path) -> Origin:
    return "package" if entry.package and place.is_relative_to("/usr") else "path"


def _version(entry: Entry, place: Path) -> str:
    """Return the version a program prints; asked once for each program file, then remembered in the cache."""
    if not entry.ask:
        return ""
    real = place.resolve()
    status = real.stat()
    key = f"{real} {status.st_mtime_ns} {status.st_size}"
    memory = _remembered()
    if key not in memory:
        memory = {**memory, key: _ask(entry, place)}
        _remember(memory)
    return memory[key]


def _ask(entry: Entry, place: Path) -> str:
    try:
        answer = subprocess.run(
            [place, *entry.ask],
            capture_output=True,
            text=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = _VERSION.search(answer.stdout + answer.stderr)
    return found.group(1) if answer.returncode == 0 and found else ""


def _memory_file() -> Path:
    return store.root() / "versions.json"


def _remembered() -> Mapping[str, str]:
    try:
        return json.loads(_memory_file().read_text())
    except (OSError, ValueError):
        return {}


def _remember(memory: Mapping[str, str]) -> None:
    file = _memory_file()
    part = file.with_name(f".{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, not the answer
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(memory))
        part.replace(file)
