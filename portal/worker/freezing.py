"""Takes a submitted request's bytes out of the door's reach, and finds out what they are.

After this the door that sent them can neither read nor change them, and every decision names what they hash to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from sqlalchemy.orm import Session

from portal.database.tables import FileRow
from portal.domain.errors import AirlockError, NotFound
from portal.domain.states import Direction, Step
from portal.service import judging, moving, rows, uploading
from portal.store import Area, Areas, Piece
from portal.worker import leasing
from portal.worker.leasing import Lease
from portal.worker.parts import WorkerParts

_AT_ONCE: Final = 16
"""Files that are moved or hashed side by side."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class Tampered(AirlockError):
    """Bytes are not what they were: this is never tried again by itself."""

    code = "tampered"
    status = 409


async def freeze(parts: WorkerParts, lease: Lease) -> None:
    """Move a submitted request's parts, hash its files and write the manifest down.

    Raises:
        Tampered: a part is missing, or is not what came in.
        Lost: the request moved on meanwhile.
    """
    direction, files = await asyncio.to_thread(_files, parts, lease)
    source = uploading.UPLOADS[direction]

    async def take(file: FileRow) -> Piece:
        for key in uploading.keys(file):
            await _moved(parts.areas, source, key, file)
        return await _digest(parts.areas, file)

    pieces = await each(files, take)
    # What lies there still was never written down: tries that broke off, or came after the submission.
    await parts.areas.remove(source, lease.request_id)
    found = {file.id: piece for file, piece in zip(files, pieces, strict=True)}
    await asyncio.to_thread(parts.database.write, lambda session: _freeze(parts, session, lease, found))


def _files(parts: WorkerParts, lease: Lease) -> tuple[Direction, list[FileRow]]:
    with parts.database.reading() as session:
        row = leasing.seen(session, lease)
        return Direction(row.direction), rows.files_of(session, row.id)


async def each(items: Sequence[Item], work: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Do something with every item, some side by side, and return the results in order.

    The first failure ends the rest before it is raised.
    """
    results: dict[int, Result] = {}
    queue = iter(enumerate(items))

    async def run() -> None:
        for index, item in queue:
            results[index] = await work(item)

    tasks = [asyncio.create_task(run()) for _ in range(min(_AT_ONCE, len(items)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [results[index] for index in range(len(items))]


async def _moved(areas: Areas, source: Area, key: str, file: FileRow) -> None:
    try:
        await areas.move(source, Area.HELD, key)
    except NotFound as error:
        raise Tampered("a part of a file is missing", "Look at the store.", file.id) from error


async def _digest(areas: Areas, file: FileRow) -> Piece:
    """Return what a file hashes to, once each of its parts was seen to be what came in."""
    keys = uploading.keys(file)
    came = [Piece(int(part["size"]), str(part["sha256"])) for part in file.parts]
    if len(keys) == 1:
        found = whole = await areas.digest(Area.HELD, keys)
        _same([found], came, file)
        return whole
    whole, found_parts = await asyncio.gather(areas.digest(Area.HELD, keys), _parts(areas, keys))
    _same(found_parts, came, file)
    return whole


async def _parts(areas: Areas, keys: Iterable[str]) -> list[Piece]:
    return [await areas.digest(Area.HELD, [key]) for key in keys]


def _same(found: Sequence[Piece], came: Sequence[Piece], file: FileRow) -> None:
    if list(found) != list(came):
        raise Tampered("the bytes of a file are not those that were uploaded", "Look at the store.", file.id)


def _freeze(parts: WorkerParts, session: Session, lease: Lease, found: Mapping[str, Piece]) -> None:
    row = leasing.held(session, lease)
    files = rows.files_of(session, row.id)
    if {file.id: file.size for file in files} != {id: piece.size for id, piece in found.items()}:
        raise Tampered("the files of the request changed while they were taken in", "Look at the request.")
    for file in files:
        file.sha256 = found[file.id].sha256
    manifest = judging.manifest(files)
    row.manifest_sha256 = manifest.sha256
    row.files, row.size = len(files), manifest.size
    # The door wrote down a policy; what counts is the deployer's, which the door cannot write.
    row.policy = rows.policy_now(session, row.project).model_dump(mode="json")
    leasing.free(row)
    moving.change(
        session,
        parts.clock,
        row,
        Step.FREEZE,
        moving.AIRLOCK,
        detail={"files": row.files, "size": row.size},
    )
