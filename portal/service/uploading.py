"""Takes the bytes of files, part by part, so that a broken upload goes on where it stopped.

A part is written to the store first and then written down: bytes that nobody wrote down do not exist, and each try
writes under a name of its own, so that two who send the same part at once cannot mix. No lock is held while bytes flow.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.database.tables import FileRow, RequestRow
from portal.domain.errors import Conflict, Invalid, TooLarge
from portal.domain.people import Person
from portal.domain.rights import Action
from portal.domain.states import Direction, State
from portal.service import asking, rows, said
from portal.service.parts import Parts
from portal.service.views import FileView
from portal.store import Area, Piece

UPLOADS: Final = {Direction.OUTPUT: Area.OUTPUT_UPLOADS, Direction.INPUT: Area.INPUT_UPLOADS}
"""Where the bytes of each direction arrive."""
RELEASED: Final = {Direction.OUTPUT: Area.RELEASED_OUTPUTS, Direction.INPUT: Area.RELEASED_INPUTS}
"""Where the bytes of each direction are picked up."""
MOST_PARTS: Final = 10_000
"""Pieces in which one file comes; their list is rewritten with each."""


class WrongOffset(Conflict):
    """A part does not begin where the file ends; `offset` (bytes) says where it does."""

    def __init__(self, offset: int, *, complete: bool) -> None:
        what = "the file is complete" if complete else f"the file stands at byte {offset}"
        super().__init__(what, "Go on from `offset`; there is nothing to send if the file is complete.")
        self.offset = offset

    def document(self) -> dict[str, str]:
        """Return what programs are told, with the right offset."""
        return {**super().document(), "offset": str(self.offset)}


@dataclass(frozen=True)
class _Place:
    area: Area
    key: str
    limit: int


async def upload(
    parts: Parts,
    person: Person,
    request_id: str,
    file_id: str,
    offset: int,
    stream: AsyncIterator[bytes],
    *,
    last: bool,
    sha256: str | None,
) -> FileView:
    """Take one part: see `Airlock.upload`."""
    wanted = said.sha256(sha256) if sha256 else None
    place = await asyncio.to_thread(_place, parts, person, request_id, file_id, offset)
    piece = await parts.areas.write(place.area, place.key, stream, place.limit)
    if wanted and not hmac.compare_digest(wanted, piece.sha256):
        raise Invalid("the part is not what its SHA-256 says", "Send it again.", "sha256")

    def run(session: Session) -> FileView:
        request, file = _standing(session, person, request_id, file_id, offset, lock=True)
        _take(request, file, place.key.rsplit("/", 1)[1], piece)
        if last:
            _complete(file)
        session.flush()
        return rows.file_view(file)

    return await asyncio.to_thread(parts.database.write, run)


def _place(parts: Parts, person: Person, request_id: str, file_id: str, offset: int) -> _Place:
    """Return where the part is to be written and how long it may be, before a byte of it is read."""
    with parts.database.reading() as session:
        request, file = _standing(session, person, request_id, file_id, offset, lock=False)
        limits = rows.policy_now(session, request.project).limits
        room = min(limits.file_bytes - file.size, limits.request_bytes - request.size)
        if file.expected is not None:
            room = min(room, file.expected - file.size)
        if len(file.parts) >= MOST_PARTS:
            raise TooLarge(f"a file comes in at most {MOST_PARTS} parts", "Send larger parts.")
        turn = request.round + (State(request.state) is State.CHANGES_REQUESTED)
        name = f"{turn:04d}-{len(file.parts):06d}-{secrets.token_hex(6)}"
        area = UPLOADS[Direction(request.direction)]
        return _Place(area, f"{request.id}/{file.id}/{name}", room)


def _standing(
    session: Session, person: Person, request_id: str, file_id: str, offset: int, *, lock: bool
) -> tuple[RequestRow, FileRow]:
    if lock:
        request = asking.open_request(session, person, request_id)
    else:
        request = rows.request_of(session, person, request_id, Action.UPLOAD, lock=False)
        if State(request.state) not in asking.OPEN:
            raise Conflict("the files of a submitted request stand still", "Wait for the review.")
    file = rows.file_of(session, request, file_id)
    if file.complete or offset != file.size:
        raise WrongOffset(file.size, complete=file.complete)
    return request, file


def _take(request: RequestRow, file: FileRow, name: str, piece: Piece) -> None:
    if not piece.size and file.parts:
        return  # nothing came but the word that the file ends
    taken: dict[str, Any] = {"name": name, "size": piece.size, "sha256": piece.sha256}
    file.parts = [*file.parts, taken]
    file.size += piece.size
    request.size += piece.size


def _complete(file: FileRow) -> None:
    if file.expected is not None and file.size != file.expected:
        raise Invalid(
            f"the file has {file.size} bytes where {file.expected} were announced",
            "Send the rest, or remove the file and announce it again.",
        )
    file.complete = True


def keys(file: FileRow) -> list[str]:
    """Return the keys of a file's parts, in order; the same in the upload area and where they are held."""
    return [f"{file.request_id}/{file.id}/{part['name']}" for part in file.parts]
