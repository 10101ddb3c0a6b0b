"""Sends what waits in the outbox, by mail or webhook: at least once, in any order, never with content.

A notice says that a request of a project moved, and where. What is in it, its title included, is seen in the portal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.database.tables import NoticeRow, SeenRow
from portal.domain.errors import AirlockError
from portal.domain.people import Role
from portal.service.projects import roles_in
from portal.worker.leasing import LOG
from portal.worker.parts import Notice, WorkerParts

_AT_ONCE: Final = 50
_DECIDERS: Final = frozenset({Role.OUTPUT_CHECKER.value, Role.INFORMATION_ASSET_OWNER.value})
_OPERATORS: Final = frozenset({Role.OPERATOR.value})
_FOR_DECIDERS: Final = frozenset({"in_review"})
_FOR_OPERATORS: Final = frozenset({"failed", "swapped"})
_FOR_REQUESTER: Final = frozenset(
    {"blocked", "changes_requested", "released", "rejected", "expired", "failed", "revoked"}
)


async def send(parts: WorkerParts) -> bool:
    """Send what is due; tell whether there was anything."""
    due = (
        await asyncio.to_thread(parts.database.write, lambda session: _take(parts, session))
        if (await asyncio.to_thread(_any, parts))
        else []
    )
    for notice in due:
        await _send(parts, notice)
    return bool(due)


def _any(parts: WorkerParts) -> bool:
    with parts.database.reading() as session:
        query = select(NoticeRow.id).where(NoticeRow.try_at <= parts.clock()).limit(1)
        return session.scalar(query) is not None


def _take(parts: WorkerParts, session: Session) -> list[Notice]:
    """Take due notices, each put off first: whoever dies now has only delayed them."""
    rows = list(
        session.scalars(
            select(NoticeRow)
            .where(NoticeRow.try_at <= parts.clock())
            .order_by(NoticeRow.try_at)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
    )
    seen = list(session.scalars(select(SeenRow))) if rows and parts.senders else []
    for row in rows:
        row.attempts += 1
        again = parts.senders and row.attempts < parts.patience.attempts
        row.try_at = parts.clock() + parts.patience.pause(row.attempts) if again else None
    return [
        Notice(row.id, row.kind, {key: str(value) for key, value in row.document.items()}, _whom(row, seen))
        for row in rows
    ]


def _whom(row: NoticeRow, seen: Iterable[SeenRow]) -> tuple[str, ...]:
    """Return the addresses of those whom a notice concerns."""
    project, requester = str(row.document["project"]), str(row.document["requester"])
    wanted = _DECIDERS if row.kind in _FOR_DECIDERS else frozenset[str]()
    wanted |= _OPERATORS if row.kind in _FOR_OPERATORS else frozenset[str]()
    return tuple(
        sorted(
            {
                person.email
                for person in seen
                if person.email
                and (
                    (person.subject == requester and row.kind in _FOR_REQUESTER)
                    or (person.subject != requester and roles_in(person.grants, project) & wanted)
                )
            }
        )
    )


async def _send(parts: WorkerParts, notice: Notice) -> None:
    try:
        for sender in parts.senders:
            await sender.send(notice)
    except AirlockError as error:
        LOG.warning("notice not sent", extra={"notice": notice.id, "code": error.code})
        return
    if parts.senders:
        await asyncio.to_thread(parts.database.write, lambda session: _sent(parts, session, notice))


def _sent(parts: WorkerParts, session: Session, notice: Notice) -> None:
    row = session.get_one(NoticeRow, notice.id)
    row.sent_at, row.try_at = parts.clock(), None
