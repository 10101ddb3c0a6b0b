"""Which worker has which request to itself: written in the database, so that a dead worker's work goes on elsewhere.

An attempt is counted when it begins: a request that kills its worker each time fails visibly like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from portal.database.tables import RequestRow
from portal.domain.errors import AirlockError
from portal.domain.states import State
from portal.worker.parts import WorkerParts

LOG: Final = logging.getLogger("portal.worker")


class Lost(Exception):
    """The request moved on, or another worker has it: what was done here counts for nothing."""


@dataclass(frozen=True)
class Lease:
    """A request that this worker has to itself, in the state in which it took it."""

    request_id: str
    token: str
    state: State
    attempt: int
    """1 for the first."""


def take(parts: WorkerParts) -> Lease | None:
    """Take the request that has waited longest; nothing where none is due."""
    with parts.database.reading() as session:
        if session.scalar(select(RequestRow.id).where(*_due(parts)).limit(1)) is None:
            return None
    return parts.database.write(lambda session: _take(parts, session))


def _take(parts: WorkerParts, session: Session) -> Lease | None:
    row = session.execute(
        select(RequestRow.id, RequestRow.state, RequestRow.attempts)
        .where(*_due(parts))
        .order_by(RequestRow.try_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    lease = Lease(row.id, str(uuid.uuid4()), State(row.state), row.attempts + 1)
    session.execute(
        update(RequestRow)
        .where(RequestRow.id == lease.request_id)
        .values(lease=lease.token, leased_until=parts.clock() + parts.patience.lease, attempts=lease.attempt)
    )
    return lease


def _due(parts: WorkerParts) -> list[ColumnElement[bool]]:
    """Return what makes a request due. A moment further ahead than any that we set was set by a wrong clock."""
    now = parts.clock()
    return [
        RequestRow.try_at.is_not(None),
        or_(RequestRow.try_at <= now, RequestRow.try_at > now + 2 * parts.patience.longest_pause),
        or_(
            RequestRow.leased_until.is_(None),
            RequestRow.leased_until <= now,
            RequestRow.leased_until > now + 2 * parts.patience.lease,
        ),
    ]


def held(session: Session, lease: Lease) -> RequestRow:
    """Return the leased request, locked until the transaction ends.

    Raises:
        Lost: it is no longer ours, or no longer where it was.
    """
    row = session.get(RequestRow, lease.request_id, with_for_update=True, populate_existing=True)
    if row is None or row.lease != lease.token or row.state != lease.state.value:
        raise Lost
    return row


def seen(session: Session, lease: Lease) -> RequestRow:
    """Return the leased request as it stands, for reading alone.

    Raises:
        Lost: it is no longer ours, or no longer where it was.
    """
    row = session.get(RequestRow, lease.request_id)
    if row is None or row.lease != lease.token or row.state != lease.state.value:
        raise Lost
    return row


def free(row: RequestRow) -> None:
    """Give a held request back."""
    row.lease, row.leased_until = "", None


def later(parts: WorkerParts, lease: Lease, wait: datetime.timedelta) -> None:
    """Give a request back, to be taken up again after a while; where it was lost, leave it alone."""

    def run(session: Session) -> None:
        with contextlib.suppress(Lost):
            row = held(session, lease)
            free(row)
            row.try_at = parts.clock() + wait

    parts.database.write(run)


def given_back(parts: WorkerParts, lease: Lease) -> None:
    """Give a request back at once and uncounted, because this worker is told to stop: no fault of the request's."""

    def run(session: Session) -> None:
        with contextlib.suppress(Lost):
            row = held(session, lease)
            free(row)
            row.attempts = lease.attempt - 1

    parts.database.write(run)


@contextlib.asynccontextmanager
async def kept(parts: WorkerParts, lease: Lease) -> AsyncGenerator[None]:
    """Renew a lease for as long as the block takes."""
    task = asyncio.create_task(_renew(parts, lease))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _renew(parts: WorkerParts, lease: Lease) -> None:
    while True:
        await asyncio.sleep(parts.patience.lease.total_seconds() / 3)
        try:
            await asyncio.to_thread(parts.database.write, lambda session: _longer(parts, session, lease))
        except AirlockError as error:
            # The next renewal may succeed; if none does, another worker takes over and this one finds out.
            LOG.warning("lease not renewed", extra={"request_id": lease.request_id, "code": error.code})


def _longer(parts: WorkerParts, session: Session, lease: Lease) -> None:
    session.execute(
        update(RequestRow)
        .where(RequestRow.id == lease.request_id, RequestRow.lease == lease.token)
        .values(leased_until=parts.clock() + parts.patience.lease)
    )
