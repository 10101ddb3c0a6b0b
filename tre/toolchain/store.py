"""The cache of tools: one folder per tool and recipe, whole or absent.

<cache>/tools/<tool>/<version>-<fingerprint>/<program>    and tool.json, which says where it came from
<cache>/tools/<tool>/.lock, .new-*                        a run at work; swept by the next one
<cache>/tools/logs/<tool>.log                             what the last build or installation printed
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tre import paths
from tre.errors import failure
from tre.locks import alone
from tre.toolchain.table import Entry, Table

Origin = Literal["path", "package", "release", "build", "wheel"]
RECORD = "tool.json"


@dataclass(frozen=True)
class Tool:
    """A program that can be run. `origin` tells where it came from; `version` is empty where it cannot be told."""

    name: str
    version: str
    path: Path
    origin: Origin

    @property
    def folder(self) -> Path:
        """The folder of the program, which also holds what belongs beside it (Cilium's `bpf`)."""
        return self.path.parent

    def document(self) -> dict[str, str]:
        """Return the tool as JSON-ready fields."""
        return {"name": self.name, "version": self.version, "path": str(self.path), "origin": self.origin}


def root() -> Path:
    """Return the folder of all cached tools."""
    return paths.cache_folder() / "tools"


def log_file(name: str) -> Path:
    """Return where the output of making `name` is kept; its folder exists."""
    folder = root() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def home(table: Table, entry: Entry) -> Path:
    """Return the folder that holds the tool, once it is there, for its present recipe."""
    return root() / entry.name / f"{entry.version}-{table.fingerprint(entry)}"


def cached(table: Table, entry: Entry) -> dict[str, Tool] | None:
    """Return the tool's programs from the cache, or `None`. Runs nothing: the record beside them tells."""
    folder = home(table, entry)
    try:
        record = json.loads((folder / RECORD).read_text())
        origin, version = record["origin"], record["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    tools = {name: Tool(name, version, folder / name, origin) for name in entry.programs}
    return tools if all(os.access(tool.path, os.X_OK) for tool in tools.values()) else None


@contextlib.contextmanager
def locked(name: str) -> Generator[Path]:
    """Hold the only right to change the tool `name`, and give its folder. Another run is waited for, aloud."""
    folder = root() / name
    with alone(folder / ".lock", f"{name}: another run is making it"):
        yield folder


@contextlib.contextmanager
def workshop(folder: Path) -> Generator[Path]:
    """Give an empty folder beside the final one, and remove it afterwards. Call with the tool's lock held.

    What a killed run left behind is swept first: nobody else can be at work in there.
    """
    for left in folder.glob(".new-*"):
        shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def install(made: Path, final: Path, entry: Entry, origin: Origin, facts: dict[str, Any]) -> None:
    """Move a folder of finished programs to its final place in one step, with a record of where they came from.

    Raises `TreError` where a program is missing: a half-made tool is never installed.
    """
    for name in entry.programs:
        program = made / name
        if not program.is_file():
            raise failure(entry.name, f"the {origin} did not bring the program {name}")
        program.chmod(0o755)
    record = {"name": entry.name, "version": entry.version, "origin": origin, **facts}
    (made / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    made.chmod(0o755)
    if final.exists():
        shutil.rmtree(final)
    made.rename(final)
