"""The site's audit log: who did what and when, each entry bound to the one before by its hash.

Changing, removing or reordering an entry breaks the chain from there on. Cutting entries off the end cannot be
seen from the file alone: `head` returns the last hash, to be kept somewhere else.
"""

from __future__ import annotations

import datetime
import fcntl
import getpass
import hashlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, cast

from tre import paths

Action = Literal["deploy", "destroy", "erase", "run", "break-glass", "close", "recover"]
START: Final = "0" * 64


@dataclass(frozen=True)
class Verified:
    """What checking a log found: how many entries hold, the last hash, and what is wrong (empty where nothing)."""

    entries: int
    head: str
    problem: str = ""


def _file(site: str) -> Path:
    sites = paths.private_folder(paths.private_folder(paths.state_folder()) / "sites")
    return paths.private_folder(sites / site) / "audit.jsonl"


def append(site: str, action: Action, detail: Mapping[str, Any]) -> str:
    """Add an entry to a site's log, on disk before this returns, and return its hash.

    `detail` is JSON-ready and holds no secret and no data.
    """
    with _opened(site) as stream:
        previous = _last_hash(stream)
        entry = {
            "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "who": _login(),
            "host": socket.gethostname(),
            "action": action,
            "detail": dict(detail),
            "previous": previous,
        }
        entry["hash"] = _hash(entry)
        _write(stream, _text(entry) + b"\n")
    return str(entry["hash"])


def _opened(site: str) -> BinaryIO:
    descriptor = os.open(_file(site), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    stream = os.fdopen(descriptor, "r+b", buffering=0)
    fcntl.flock(stream, fcntl.LOCK_EX)  # Released when the file is closed.
    return cast("BinaryIO", stream)


def _write(stream: BinaryIO, line: bytes) -> None:
    end = stream.seek(0, os.SEEK_END)
    if end and _ends_torn(stream, end):
        line = b"\n" + line  # A crash tore the last line: the new entry starts on a line of its own.
    stream.write(line)
    os.fsync(stream.fileno())


def _ends_torn(stream: BinaryIO, end: int) -> bool:
    stream.seek(end - 1)
    return stream.read(1) != b"\n"


def _last_hash(stream: BinaryIO) -> str:
    stream.seek(0)
    lines = [line for line in stream.read().splitlines() if line.strip()]
    if not lines:
        return START
    entry = _parsed(lines[-1])
    # A torn or foreign last line is bound by its own bytes, so that the damage stays visible.
    return str(entry["hash"]) if entry and "hash" in entry else hashlib.sha256(lines[-1]).hexdigest()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return None
    return cast("dict[str, Any]", entry) if isinstance(entry, dict) else None


def _text(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str).encode()


def _hash(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text({key: value for key, value in entry.items() if key != "hash"})).hexdigest()


def _login() -> str:
    """Return the sign-in name of whoever is acting: behind sudo, the person and not the account."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):
        account = str(os.getuid())
    person = os.environ.get("SUDO_USER", "")
    return f"{person} as {account}" if person and person != account else account


def entries(site: str) -> list[dict[str, Any]]:
    """Return the entries of a site's log, oldest first, whether or not the chain holds."""
    file = _file(site)
    lines = file.read_bytes().splitlines() if file.exists() else []
    return [entry for line in lines if (entry := _parsed(line))]


def verify(site: str) -> Verified:
    """Check a site's log from its first entry, and tell at which line the chain breaks, if it does."""
    file = _file(site)
    previous, number = START, 0
    for line in file.read_bytes().splitlines() if file.exists() else []:
        number += 1
        entry = _parsed(line)
        if problem := _problem(entry, previous):
            return Verified(number - 1, previous, f"{file}:{number}: {problem}")
        previous = str(cast("dict[str, Any]", entry)["hash"])
    return Verified(number, previous)


def _problem(entry: Mapping[str, Any] | None, previous: str) -> str:
    if entry is None or "hash" not in entry:
        return "this line is not an entry"
    if entry["hash"] != _hash(entry):
        return "this entry was changed after it was written"
    if entry.get("previous") != previous:
        return "an entry before this one was removed, added or moved"
    return ""
