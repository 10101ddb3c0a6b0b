"""Hands released files out: by a link for one person, spent once, counted here and not by who fetches.

Before the first byte goes out the whole file is hashed, and again while it goes: bytes that were put in the place of
the approved ones stay where they are, and that they were found is an event and a notice.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import secrets
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.database.tables import FileRow, LinkRow, ReceiptRow, RequestRow
from portal.domain.errors import Conflict, NotFound
from portal.domain.people import Person
from portal.domain.rights import Action
from portal.domain.states import Direction, State
from portal.record.receiving import receive
from portal.service import moving, rows, uploading
from portal.service.moving import Actor
from portal.service.parts import Parts
from portal.service.views import FileView, LinkView
from portal.store import Piece

_TOKEN_BYTES: Final = 32


class Swapped(Conflict):
    """What stands in the release area is not what was approved."""

    def __init__(self) -> None:
        super().__init__(
            "the bytes that stand here are not those that were approved",
            "Nothing was handed out. Tell the operator: the event says which file.",
        )


@dataclass(frozen=True)
class _Fetched:
    request_id: str
    token_sha256: str
    area_key: tuple[Direction, str]
    file: FileView


def link(parts: Parts, person: Person, request_id: str, file_id: str) -> LinkView:
    """Make a link to one released file: see `Airlock.link`."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)

    def run(session: Session) -> LinkView:
        request = rows.request_of(session, person, request_id, Action.PICK_UP, lock=False)
        _released(request)
        file = rows.file_of(session, request, file_id)
        _not_received(session, person, file)
        now = parts.clock()
        row = LinkRow(
            token_sha256=_hash(token),
            request_id=request.id,
            file_id=file.id,
            person=person.subject,
            made_at=now,
            expires_at=now + parts.lives.link,
        )
        session.add(row)
        moving.note(session, parts.clock, request, "link", Actor.of(person), {"file": file.id})
        return LinkView(token, request.id, file.id, file.path, row.expires_at)

    return parts.database.write(run)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _released(request: RequestRow) -> None:
    if State(request.state) is not State.RELEASED or request.bytes_removed:
        raise Conflict("the request is not released now", "Look at the request again.")


def _not_received(session: Session, person: Person, file: FileRow) -> None:
    count = session.scalar(
        select(func.count())
        .select_from(ReceiptRow)
        .where(ReceiptRow.file_id == file.id, ReceiptRow.person == person.subject)
    )
    if count:
        raise Conflict("you have fetched this file, whole", "A released file is fetched once; ask again.")


async def fetch(parts: Parts, person: Person, token: str) -> tuple[FileView, AsyncIterator[bytes]]:
    """Spend a link and return the file with its bytes: see `Airlock.fetch`."""
    fetched = await asyncio.to_thread(_spend, parts, person, token)
    direction, key = fetched.area_key
    found = await parts.areas.digest(uploading.RELEASED[direction], [key])
    if found != Piece(fetched.file.size, fetched.file.sha256):
        await asyncio.to_thread(_report, parts, person, fetched, found)
        raise Swapped
    return fetched.file, _stream(parts, person, fetched)


def _spend(parts: Parts, person: Person, token: str) -> _Fetched:
    def run(session: Session) -> _Fetched:
        now = parts.clock()
        row = session.get(LinkRow, _hash(token), with_for_update=True)
        if row is None or row.person != person.subject or row.begun_at or not _alive(parts, row, now):
            raise NotFound("there is no such link", "It was for somebody else, was used, or has expired.")
        request = rows.request_of(session, person, row.request_id, Action.PICK_UP, lock=False)
        _released(request)
        file = rows.file_of(session, request, row.file_id)
        _not_received(session, person, file)
        row.begun_at = now
        direction = Direction(request.direction)
        return _Fetched(
            request.id, row.token_sha256, (direction, f"{request.id}/{file.id}"), rows.file_view(file)
        )

    return parts.database.write(run)


def _alive(parts: Parts, row: LinkRow, now: datetime.datetime) -> bool:
    """Tell whether a link has not expired; one from the future was made by a clock that was wrong."""
    return row.made_at - parts.lives.link <= now < row.expires_at


async def _stream(parts: Parts, person: Person, fetched: _Fetched) -> AsyncGenerator[bytes]:
    """Give the bytes, the last of them only once all were seen to be the approved ones; then write the receipt."""
    direction, key = fetched.area_key
    digest, size, waiting = hashlib.sha256(), 0, b""
    async for chunk in parts.areas.read(uploading.RELEASED[direction], key):
        if waiting:
            yield waiting
        digest.update(chunk)
        size += len(chunk)
        waiting = chunk
    found = Piece(size, digest.hexdigest())
    if found != Piece(fetched.file.size, fetched.file.sha256):
        await asyncio.to_thread(_report, parts, person, fetched, found)
        raise Swapped
    if waiting:
        yield waiting
    await asyncio.to_thread(_receipt, parts, person, fetched)


def _receipt(parts: Parts, person: Person, fetched: _Fetched) -> None:
    def run(session: Session) -> None:
        row = session.get(LinkRow, fetched.token_sha256, with_for_update=True)
        request = session.get(RequestRow, fetched.request_id)
        if row is None or request is None or row.finished_at:
            return
        now = parts.clock()
        row.finished_at = now
        file = fetched.file
        receipt = ReceiptRow(
            id=str(uuid.uuid4()),
            request_id=request.id,
            file_id=file.id,
            path=file.path,
            sha256=file.sha256,
            person=person.subject,
            person_name=person.name,
            at=now,
        )
        receive(session, parts.clock, request.project, receipt)

    parts.database.write(run)


def _report(parts: Parts, person: Person, fetched: _Fetched, found: Piece) -> None:
    """Make visible that somebody put other bytes in the place of approved ones."""

    def run(session: Session) -> None:
        request = session.get(RequestRow, fetched.request_id)
        if request is None:
            return
        wrong = {
            "file": fetched.file.id,
            "approved_sha256": fetched.file.sha256,
            "found_sha256": found.sha256,
            "found_size": found.size,
        }
        moving.note(session, parts.clock, request, "swapped", Actor.of(person), wrong)
        moving.tell(session, request, "swapped", parts.clock())

    parts.database.write(run)
