"""What asking takes, at either door: begin, send, hand in, wait, list."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tre.airlock import door as doors
from tre.airlock import sending, sessions, telling
from tre.airlock.door import Door
from tre.errors import InvalidInput, Problem

_POLL: Final = 2.0
_OPEN: Final = frozenset({"draft", "changes_requested"})


@dataclass(frozen=True)
class About:
    """What a new request is told."""

    project: str
    title: str
    purpose: str
    direction: str


def opened(address: str) -> Door:
    """Return the door at an address, for whoever is signed in there."""
    return sessions.opened(doors.origin(address))


def pages(door: Door, query: Mapping[str, object], every: bool) -> list[Any]:
    """Return the newest page of requests, or every page."""
    found: list[Any] = []
    before: str | None = None
    while True:
        page = door.get("/requests", **query, before=before)
        found += page["items"]
        before = page["next"]
        if not before or not every:
            return found


def begin(door: Door, about: About, key: str = "") -> Mapping[str, Any]:
    """Begin a request; the same key gives the same one.

    Raises:
        InvalidInput: it has no project or title.
    """
    if not about.project or not about.title:
        raise InvalidInput(Problem("request", "needs a project and a title", "Add --project and --title."))
    made: Mapping[str, Any] = door.post("/requests", vars(about), key=key)
    return made


def send(door: Door, about: About, request_id: str, files: tuple[Path, ...], hand_in: bool) -> str:
    """Send files, to a request that exists or to a new one, and hand it in; return the request's number.

    Broken off, the same call goes on where it stopped.
    """
    local = sending.found(files) if files or not request_id else []
    journal = sending.Journal(door.address, about.project or request_id, about.title, local)
    request_id = request_id or _unsent(door, journal, about)
    for each in local:
        sending.send(door, request_id, each, journal, telling.progress)
    if hand_in:
        door.post(f"/requests/{request_id}/submit", {}, key=journal.key)
    journal.forget()
    return request_id


def _unsent(door: Door, journal: sending.Journal, about: About) -> str:
    """Return the request that an earlier attempt began, or a new one where that was handed in since."""
    made = begin(door, about, journal.key)
    if made["state"] not in _OPEN:
        journal.forget()
        made = begin(door, about, journal.key)
    return str(made["id"])


def awaited(door: Door, request_id: str, while_in: frozenset[str]) -> Mapping[str, Any]:
    """Return a request once it is in none of some states."""
    while True:
        detail: Mapping[str, Any] = door.get(f"/requests/{request_id}")
        if detail["request"]["state"] not in while_in:
            return detail
        time.sleep(_POLL)


def turned_down(detail: Mapping[str, Any], given: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return what is said of single files, each given as `path=reason`.

    Raises:
        InvalidInput: the request has no such file.
    """
    numbers = {each["path"]: each["id"] for each in detail["files"]}
    found: dict[str, dict[str, str]] = {}
    for each in given:
        path, _, why = each.rpartition("=")
        if path not in numbers:
            raise InvalidInput(Problem(path, "is no file of this request", "Write --file 'path=reason'."))
        found[numbers[path]] = {"outcome": "changes", "reason": why}
    return found
