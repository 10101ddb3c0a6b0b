"""What Pulumi's state knows: which stacks there are, what locks them, and which operations never ended."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from pulumi.automation.errors import CommandError

from tre import paths
from tre.engine.command import Pulumi
from tre.engine.events import place
from tre.engine.settings import Settings
from tre.errors import failure

_PENDING: Final = b'"pending_operations"'


@dataclass(frozen=True)
class Lock:
    """One lock on a stack: who holds it, and whether that process is still there."""

    stack: str
    file: Path
    process: int
    host: str
    user: str
    since: str
    alive: bool


@dataclass(frozen=True)
class Pending:
    """An operation that began and never ended: `creating`, `updating`, `deleting`, ... a resource."""

    stack: str
    urn: str
    doing: str

    def __str__(self) -> str:
        return f"{self.doing} {place(self.urn)}"


def marks(settings: Settings, command: Pulumi) -> Mapping[str, str]:
    """Return each stack that the state knows, with a mark that changes whenever somebody deploys it."""
    state = settings.local_state
    if state is None:
        return _asked(settings, command)
    files = (state / ".pulumi" / "stacks" / settings.project).glob("*.json")
    return {file.stem: mark(file) for file in files}


def mark(file: Path) -> str:
    """Return the mark of a stack's state file."""
    seen = file.stat()
    return f"{seen.st_mtime_ns}-{seen.st_size}"


def _file(settings: Settings, stack: str) -> Path | None:
    """Return a stack's state file, where the state is in local files and the stack is there."""
    state = settings.local_state
    file = state and state / ".pulumi" / "stacks" / settings.project / f"{stack}.json"
    return file if file and file.is_file() else None


def mark_now(settings: Settings, stack: str) -> str:
    """Return a stack's mark as it is now, or nothing where only the engine could tell."""
    file = _file(settings, stack)
    return mark(file) if file else ""


def _asked(settings: Settings, command: Pulumi) -> Mapping[str, str]:
    arguments = ["stack", "ls", "--json", "--project", settings.project]
    try:
        answer = command.run(arguments, str(settings.work), dict(settings.environment))
    except CommandError as error:
        raise failure(
            settings.backend, f"the state cannot be read: {error}", "Check PULUMI_BACKEND_URL."
        ) from error
    listed = cast("list[dict[str, Any]]", json.loads(answer.stdout))
    return {
        str(each["name"]).rpartition("/")[2]: f"{each.get('lastUpdate')}-{each.get('resourceCount')}"
        for each in listed
    }


def locks(settings: Settings, stacks: Iterable[str]) -> Sequence[Lock]:
    """Return the locks on stacks whose state is in local files; elsewhere only the engine can tell."""
    state = settings.local_state
    if state is None:
        return []
    folder = state / ".pulumi" / "locks" / "organization" / settings.project
    return [_lock(stack, file) for stack in stacks for file in sorted((folder / stack).glob("*.json"))]


def _lock(stack: str, file: Path) -> Lock:
    try:
        held = cast("dict[str, Any]", json.loads(file.read_text()))
    except (OSError, ValueError):
        held = {}  # A process that was killed while it wrote its lock leaves an empty file.
    process, host = int(held.get("pid", 0)), str(held.get("hostname", ""))
    alive = process > 0 and (host != socket.gethostname() or engine_runs(process))
    return Lock(
        stack, file, process, host, str(held.get("username", "")), str(held.get("timestamp", "")), alive
    )


def engine_runs(process: int) -> bool:
    """Tell whether a process of this machine is a Pulumi engine that still runs."""
    command = Path(f"/proc/{process}/cmdline")
    if command.parent.parent.joinpath("self").exists():
        try:
            return b"pulumi" in command.read_bytes().partition(b"\0")[0]
        except OSError:
            return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def pending(settings: Settings, stack: str) -> Sequence[Pending]:
    """Return the operations of a stack that never ended, where its state is in local files."""
    file = _file(settings, stack)
    if file is None:
        return []
    text = file.read_bytes()
    # Reading the whole state of every stack takes long; hardly any has such operations.
    return pending_in(stack, _latest(file, text)) if _PENDING in text else []


def _latest(file: Path, text: bytes) -> Mapping[str, Any]:
    try:
        checkpoint: Any = json.loads(text)
    except ValueError as error:
        remedy = f"Put back {file}.bak, or a copy of yours, in its place."
        raise failure(str(file), f"the stack's state is damaged: {error}", remedy) from error
    return cast("dict[str, Any]", checkpoint.get("checkpoint", {}).get("latest") or {})


def pending_in(stack: str, deployment: Mapping[str, Any]) -> Sequence[Pending]:
    """Return the operations that never ended in a stack's exported state."""
    listed = cast("list[dict[str, Any]]", deployment.get("pending_operations") or [])
    return [Pending(stack, str(each["resource"]["urn"]), str(each["type"])) for each in listed]


def resources(settings: Settings, stack: str) -> Sequence[Mapping[str, Any]]:
    """Return a stack's resources as the state has them, where it is in local files."""
    file = _file(settings, stack)
    return resources_of(_latest(file, file.read_bytes())) if file else []


def resources_of(deployment: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return a deployment's resources."""
    return cast("list[dict[str, Any]]", deployment.get("resources") or [])


Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def rewrite(settings: Settings, stack: str, change: Change) -> bool:
    """Change a stack's deployment in its state file, whole or not at all; tell whether it is in local files.

    What was there stays beside it, as the engine itself keeps it (`.bak`). The caller has seen to it that no engine
    works on the stack.

    Raises:
        TreError: the state is damaged.
    """
    file = _file(settings, stack)
    if file is None:
        return False
    text = file.read_text()
    latest = _latest(file, text.encode())
    checkpoint: dict[str, Any] = json.loads(text)
    checkpoint["checkpoint"]["latest"] = change(latest)
    paths.write_private(file.with_name(f"{file.name}.bak"), text)
    paths.write_private(file, json.dumps(checkpoint))
    return True


def unprotected(deployment: Mapping[str, Any], goes_with: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a deployment in which nothing is protected or kept, and each resource is known to go with another."""
    found: list[Mapping[str, Any]] = []
    for each in resources_of(deployment):
        free = {key: value for key, value in each.items() if key not in ("protect", "retainOnDelete")}
        if (other := goes_with.get(str(each["urn"]))) and not each.get("deletedWith"):
            free["deletedWith"] = other
        found.append(free)
    return {**deployment, "resources": found}
