"""Shows frozen files to those who review them: as previews, as downloads only where the tier allows.

Every look is an event: who saw what is part of the record (SATRE 3.3.09).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from portal.checks import Held
from portal.database.tables import FileRow, RequestRow
from portal.domain.errors import Conflict, Refused
from portal.domain.people import Person
from portal.domain.rights import Action
from portal.domain.states import State
from portal.preview import Preview
from portal.preview import preview as shown
from portal.service import asking, moving, rows, uploading
from portal.service.moving import Actor
from portal.service.parts import Parts
from portal.service.views import FileView
from portal.store import Area, Areas

_NOT_FROZEN: Final = asking.OPEN | {State.SUBMITTED, State.CANCELLED}


@dataclass(frozen=True)
class Pieces:
    """A file as it is held: the parts in which it came, read as one."""

    areas: Areas
    keys: tuple[str, ...]
    sizes: tuple[int, ...]
    """Bytes of each."""

    def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Read from one offset up to another, or to the end, with bounded memory."""
        return self._read(max(start, 0), sum(self.sizes) if end is None else min(end, sum(self.sizes)))

    async def _read(self, start: int, end: int) -> AsyncGenerator[bytes]:
        before = 0
        for key, size in zip(self.keys, self.sizes, strict=True):
            first, last = max(start - before, 0), min(end - before, size)
            if first < last:
                async for chunk in self.areas.read(Area.HELD, key, first, last):
                    yield chunk
            before += size


def pieces(areas: Areas, file: FileRow) -> Pieces:
    """Return a file as it is held."""
    return Pieces(areas, tuple(uploading.keys(file)), tuple(int(part["size"]) for part in file.parts))


def held(areas: Areas, file: FileRow) -> Held:
    """Return a file as checks and previews are given it."""
    return Held(file.id, file.path, file.size, file.media_type, pieces(areas, file).read)


async def preview(parts: Parts, person: Person, request_id: str, file_id: str) -> Preview:
    """Return what a reviewer sees of a file."""
    file = await asyncio.to_thread(_look, parts, person, request_id, file_id, "preview")
    return await shown(held(parts.areas, file))


async def download(
    parts: Parts, person: Person, request_id: str, file_id: str
) -> tuple[FileView, AsyncIterator[bytes]]:
    """Return a frozen file and its bytes."""
    file = await asyncio.to_thread(_look, parts, person, request_id, file_id, "download_for_review")
    return rows.file_view(file), pieces(parts.areas, file).read()


def _look(parts: Parts, person: Person, request_id: str, file_id: str, action: str) -> FileRow:
    """Write down that somebody looks at a file, and return it."""

    def run(session: Session) -> FileRow:
        request = rows.request_of(session, person, request_id, Action.READ, lock=False)
        if action == "download_for_review" and not _may_download(session, request):
            raise Refused("files of this tier are looked at in the portal alone", "Use the preview.")
        file = rows.file_of(session, request, file_id)
        if State(request.state) in _NOT_FROZEN or request.bytes_removed or not file.sha256:
            raise Conflict("the file is not held for review now", "Look at the request again.")
        seen = {"file": file.id, "sha256": file.sha256}
        moving.note(session, parts.clock, request, action, Actor.of(person), seen)
        return file

    return parts.database.write(run)


def _may_download(session: Session, request: RequestRow) -> bool:
    return rows.policies_of(request, rows.project_row(session, request.project)).download_in_review
