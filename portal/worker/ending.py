"""Ends what waited too long, and removes the bytes of what ended; the record stays for ever."""

from __future__ import annotations

import asyncio
import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.database.tables import RequestRow
from portal.domain import states
from portal.domain.errors import AirlockError
from portal.domain.states import Direction, State, Step
from portal.service import moving, uploading
from portal.store import Area
from portal.worker.leasing import LOG
from portal.worker.parts import WorkerParts

_AT_ONCE: Final = 100
_EXPIRING: Final = sorted(state.value for (state, step) in states.TRANSITIONS if step is Step.EXPIRE)
_ENDED: Final = sorted(state.value for state in states.ENDED)
_WHY: Final = {
    State.DRAFT: "it was not handed in in time",
    State.IN_REVIEW: "it was not decided in time",
    State.CHANGES_REQUESTED: "the changes did not come in time",
    State.RELEASED: "its time to be picked up is over",
    State.FAILED: "nobody took it up again in time",
}
_LEFTOVERS: Final = datetime.timedelta(days=1)
"""After this, what an interrupted write left in an area belongs to nobody."""


async def expire(parts: WorkerParts) -> bool:
    """End every request whose time is over; tell whether there was one."""
    ids = await asyncio.to_thread(_overdue, parts, _EXPIRING)
    for request_id in ids:
        await asyncio.to_thread(
            parts.database.write, lambda session, found=request_id: _expire(parts, session, found)
        )
    return bool(ids)


def _overdue(parts: WorkerParts, wanted: list[str]) -> list[str]:
    query = (
        select(RequestRow.id)
        .where(RequestRow.due_at <= parts.clock(), RequestRow.state.in_(wanted))
        .order_by(RequestRow.due_at)
        .limit(_AT_ONCE)
    )
    with parts.database.reading() as session:
        return list(session.scalars(query))


def _expire(parts: WorkerParts, session: Session, request_id: str) -> None:
    row = session.get(RequestRow, request_id, with_for_update=True)
    if row is None or row.due_at is None or row.due_at > parts.clock() or row.state not in _EXPIRING:
        return
    moving.change(session, parts.clock, row, Step.EXPIRE, moving.AIRLOCK, _WHY[State(row.state)])


async def forget(parts: WorkerParts) -> bool:
    """Remove the bytes of every request that ended long enough ago; tell whether there was one."""
    ids = await asyncio.to_thread(_overdue, parts, _ENDED)
    done = [await _forget(parts, request_id) for request_id in ids]
    return any(done)


async def _forget(parts: WorkerParts, request_id: str) -> bool:
    """Remove one request's bytes; where a store does not answer, it is tried again on the next round."""
    try:
        direction = await asyncio.to_thread(_direction, parts, request_id)
        for area in (uploading.UPLOADS[direction], Area.HELD, uploading.RELEASED[direction]):
            await parts.areas.remove(area, request_id)
        await asyncio.to_thread(parts.database.write, lambda session: _forgotten(parts, session, request_id))
    except AirlockError as error:
        LOG.warning("bytes not removed", extra={"request_id": request_id, "code": error.code})
        return False
    return True


def _direction(parts: WorkerParts, request_id: str) -> Direction:
    with parts.database.reading() as session:
        return Direction(session.get_one(RequestRow, request_id).direction)


def _forgotten(parts: WorkerParts, session: Session, request_id: str) -> None:
    row = session.get_one(RequestRow, request_id, with_for_update=True)
    if row.bytes_removed:
        return
    row.bytes_removed, row.due_at = True, None
    moving.note(session, parts.clock, row, "remove_bytes", moving.AIRLOCK, {"size": row.size})


async def sweep(parts: WorkerParts) -> None:
    """Remove what writers that died left behind in the areas."""
    for area in Area:
        await parts.areas.sweep(area, _LEFTOVERS)
