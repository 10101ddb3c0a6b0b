"""Tools built from their pinned Go modules."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from tre.errors import failure
from tre.toolchain import running, store
from tre.toolchain.table import Entry, GoBuild, Machine, Table

# Settings of the user that would change what is built are overruled: the pinned modules alone decide.
_SETTINGS = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local", "GO111MODULE": "on"}


def build(table: Table, entry: Entry, go: Path, made: Path) -> dict[str, Any]:
    """Build a tool's programs into the folder `made` with the Go toolchain `go`, and return facts for the record.

    The user's module and build caches serve. Raises `TreError` with the name of the log where the build fails.
    """
    recipe = entry.go
    if recipe is None:
        raise failure(entry.name, "cannot be built: the table has no Go modules for it")
    began = time.monotonic()
    folder = table.folder / recipe.folder
    environment = _environment(recipe, Machine.here())
    running.run(
        f"building {entry.name}",
        _command(recipe, go, made),
        store.log_file(entry.name),
        folder=folder,
        environment=environment,
        progress=_progress,
    )
    _rename(recipe, made)
    for name, (module, inside) in recipe.copies.items():
        _copy(_module_folder(go, folder, module, environment) / inside, made / name)
    return {"seconds": round(time.monotonic() - began, 1), "module": recipe.folder}


def _environment(recipe: GoBuild, machine: Machine) -> dict[str, str]:
    here = {"GOOS": machine.system, "GOARCH": machine.arch, "CGO_ENABLED": "1" if recipe.cgo else "0"}
    return {**os.environ, **_SETTINGS, **here}


def _command(recipe: GoBuild, go: Path, made: Path) -> list[str]:
    return [
        str(go), "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false",
        "-tags", ",".join(recipe.tags),
        "-ldflags", " ".join(["-s", "-w", *recipe.ldflags]),
        "-o", f"{made}{os.sep}",
        *recipe.packages.values(),
    ]  # fmt: skip


def _rename(recipe: GoBuild, made: Path) -> None:
    """Give each program its name: Go calls it after the last part of its package that is not a version."""
    for program, package in recipe.packages.items():
        parts = [part for part in package.split("/") if not (part[0] == "v" and part[1:].isdigit())]
        if parts[-1] != program:
            (made / parts[-1]).rename(made / program)


def _progress(printed: str) -> str:
    lines = printed.splitlines()[1:]
    loaded = sum(line.startswith("go: downloading") for line in lines)
    compiled = len(lines) - loaded
    return (
        f"{compiled} packages compiled, now {lines[-1][:80]}" if compiled else f"{loaded} modules downloaded"
    )


def _module_folder(go: Path, folder: Path, module: str, environment: dict[str, str]) -> Path:
    command = [str(go), "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module]
    answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode or not answer.stdout.strip():
        raise failure(module, f"the folder of the Go module is not known: {answer.stderr.strip()}")
    return Path(answer.stdout.strip())


def _copy(source: Path, target: Path) -> None:
    """Copy a folder of a module. Go keeps its modules read-only; the copy can be removed again."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder in [target, *(place for place in target.rglob("*") if place.is_dir())]:
        folder.chmod(0o755)
