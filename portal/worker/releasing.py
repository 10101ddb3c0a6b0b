"""Lets approved bytes out: only what the decisions themselves prove, and only if it still hashes to the manifest.

That a request says it is approved proves nothing. Three times, when a release begins, before a byte is copied and in
the transaction that ends it, the worker proves it again from the rows that no inside door can write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy.orm import Session

from portal.database.tables import FileRow, RequestRow
from portal.domain.errors import AirlockError, NotFound
from portal.domain.states import Direction, Step
from portal.record import disclosure
from portal.service import judging, moving, rows, uploading
from portal.store import Area, Piece
from portal.worker import leasing
from portal.worker.freezing import Tampered, each
from portal.worker.leasing import Lease
from portal.worker.parts import WorkerParts


class Unproved(AirlockError):
    """The decisions do not prove the release: this is never tried again by itself."""

    code = "unproved"
    status = 409


def begin(parts: WorkerParts, session: Session, lease: Lease) -> None:
    """Begin the release of an approved request.

    Raises:
        Unproved: the decisions are not enough, or not on these bytes.
        Lost: the request moved on meanwhile.
    """
    row = leasing.held(session, lease)
    prove(session, row)
    leasing.free(row)
    moving.change(session, parts.clock, row, Step.RELEASE, moving.AIRLOCK)


def prove(session: Session, row: RequestRow) -> list[FileRow]:
    """Return the files of a request that may be released.

    Raises:
        Unproved: it may not.
    """
    files = rows.files_of(session, row.id)
    if not files or judging.manifest(files).sha256 != row.manifest_sha256:
        raise Unproved("the files are not those of the manifest", "Look at the record.", row.id)
    _were_checked(session, row, files)
    decisions = rows.decisions_of(session, row.id)
    needed = judging.need(session, row)
    if any(d.outcome != judging.APPROVE for d in judging.valid(row, decisions)):
        raise Unproved("somebody turned the request down", "Look at the record.", row.id)
    if not judging.enough(row, decisions, needed):
        raise Unproved(
            f"{needed.people} people must have approved these bytes, and have not",
            "Look at the record.",
            row.id,
        )
    return files


def _were_checked(session: Session, row: RequestRow, files: Sequence[FileRow]) -> None:
    verdicts = rows.verdicts_of(session, row)
    if not {file.id for file in files} <= {verdict.file_id for verdict in verdicts}:
        raise Unproved("these files were not checked", "Look at the record.", row.id)
    policy = rows.policy_of(session, row)
    if any(verdict.blocks and judging.blocking(verdict, policy) for verdict in verdicts):
        raise Unproved("a check stopped these files", "Look at the record.", row.id)


async def release(parts: WorkerParts, lease: Lease) -> None:
    """Copy a request's approved bytes into the release area, hash what stands there, and write the record.

    Whatever stops it, nothing stays in the release area that was not approved.

    Raises:
        Unproved, Tampered: it is not to be released.
        Lost: the request moved on meanwhile, by being revoked for instance.
    """
    direction, files = await asyncio.to_thread(_files, parts, lease)
    try:
        await each(files, lambda file: _copy(parts, direction, file))
        await asyncio.to_thread(parts.database.write, lambda session: _finish(parts, session, lease))
    except (leasing.Lost, Unproved, Tampered):
        await _withdraw(parts, direction, lease)
        raise


def _files(parts: WorkerParts, lease: Lease) -> tuple[Direction, list[FileRow]]:
    with parts.database.reading() as session:
        row = leasing.seen(session, lease)
        return Direction(row.direction), prove(session, row)


async def _copy(parts: WorkerParts, direction: Direction, file: FileRow) -> None:
    key = f"{file.request_id}/{file.id}"
    try:
        copied = await parts.areas.copy_joined(
            Area.HELD, uploading.keys(file), uploading.RELEASED[direction], key
        )
    except NotFound as error:
        raise Tampered("a part of an approved file is missing", "Look at the store.", file.id) from error
    if copied != Piece(file.size, file.sha256):
        raise Tampered("the bytes of a file are not those that were approved", "Look at the store.", file.id)


async def _withdraw(parts: WorkerParts, direction: Direction, lease: Lease) -> None:
    """Take out of the release area what was copied, unless another worker has released the request meanwhile."""
    if await asyncio.to_thread(_was_released, parts, lease):
        return
    await parts.areas.remove(uploading.RELEASED[direction], lease.request_id)


def _was_released(parts: WorkerParts, lease: Lease) -> bool:
    with parts.database.reading() as session:
        row = session.get_one(RequestRow, lease.request_id)
        return row.state in {"releasing", "released"} and row.lease != lease.token


def _finish(parts: WorkerParts, session: Session, lease: Lease) -> None:
    row = leasing.held(session, lease)
    prove(session, row)
    leasing.free(row)
    disclosure.write(session, parts.clock, parts.signer, row, judging.need(session, row))
    moving.change(session, parts.clock, row, Step.FINISH, moving.AIRLOCK)


async def clean(parts: WorkerParts, lease: Lease) -> None:
    """Take a revoked or failed request's bytes out of the release area."""
    direction = await asyncio.to_thread(_direction, parts, lease)
    count = await parts.areas.remove(uploading.RELEASED[direction], lease.request_id)
    await asyncio.to_thread(parts.database.write, lambda session: _cleaned(parts, session, lease, count))


def _direction(parts: WorkerParts, lease: Lease) -> Direction:
    with parts.database.reading() as session:
        return Direction(leasing.seen(session, lease).direction)


def _cleaned(parts: WorkerParts, session: Session, lease: Lease, count: int) -> None:
    row = leasing.held(session, lease)
    leasing.free(row)
    row.try_at = None
    row.attempts = 0
    if count:
        moving.note(session, parts.clock, row, "unrelease", moving.AIRLOCK, {"objects": count})
