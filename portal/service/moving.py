"""The one place that changes a request's state: with its event, its notice and its due date, in one transaction.

Nothing but this module writes `state`. What a person or the worker wants is a step; `portal.domain.states` says
whether it can be taken, and everything that hangs on the new state is set here.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.database.tables import NoticeRow, RequestRow
from portal.domain import states
from portal.domain.clock import Clock
from portal.domain.people import Person
from portal.domain.policy import Days
from portal.domain.states import Move, State, Step
from portal.record import append
from portal.service import rows


@dataclass(frozen=True)
class Actor:
    """Who changes something: a person by their subject, or the airlock itself."""

    subject: str
    name: str

    @classmethod
    def of(cls, person: Person) -> Actor:
        """Return a person as an actor."""
        return cls(person.subject, person.name)


AIRLOCK: Final = Actor("airlock", "the airlock")
"""What happens by itself."""

_TOLD: Final = frozenset(State) - {State.DRAFT, State.CHECKING, State.RELEASING}
"""Entering these states is told to people."""
_CLEANED: Final = frozenset({State.REVOKED, State.FAILED})
"""In these the worker takes out of the release area what may stand there."""


def change(
    session: Session,
    clock: Clock,
    row: RequestRow,
    step: Step,
    actor: Actor,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Take one step with a request that this transaction has locked.

    Raises:
        Conflict: the step does not start from the request's state.
    """
    before = State(row.state)
    if step is Step.RETRY and before is State.FAILED:
        move = states.retried(State(row.failed_from))
    else:
        move = states.move(before, step)
    now = clock()
    row.failed_from = move.before if step is Step.FAIL else ""
    row.state, row.state_since, row.reason = move.after, now, reason
    row.due_at = due(session, row, now)
    row.attempts = 0
    row.try_at = now if move.after in states.WORK | _CLEANED else None
    _record(session, clock, row, move, actor, detail or {})
    if move.after in _TOLD:
        tell(session, row, move.after, now)


def due(session: Session, row: RequestRow, now: datetime.datetime) -> datetime.datetime | None:
    """Return when the worker ends the request's state by itself; ended ones lose their bytes then."""
    state = State(row.state)
    if state in states.WORK:
        return None
    return now + datetime.timedelta(days=_days(rows.policy_of(session, row).days, state))


def _days(days: Days, state: State) -> float:
    waits = {
        State.DRAFT: days.draft,
        State.IN_REVIEW: days.review,
        State.CHANGES_REQUESTED: days.changes,
        State.RELEASED: days.pickup,
    }
    return waits.get(state, days.retention)


def created(session: Session, clock: Clock, row: RequestRow, actor: Actor) -> None:
    """Record the beginning of a request; it has no state before."""
    detail = {"after": row.state, "direction": row.direction, "title": row.title}
    note(session, clock, row, "create", actor, detail)


def note(
    session: Session, clock: Clock, row: RequestRow, action: str, actor: Actor, detail: Mapping[str, Any]
) -> None:
    """Add an event that changes no state: something was seen, decided, fetched or found."""
    append(
        session,
        clock,
        actor=actor.subject,
        action=action,
        project=row.project,
        request_id=row.id,
        detail={"actor_name": actor.name, **detail},
    )


def _record(
    session: Session, clock: Clock, row: RequestRow, move: Move, actor: Actor, detail: Mapping[str, Any]
) -> None:
    about = {
        "before": move.before.value,
        "after": move.after.value,
        "reason": row.reason,
        "round": row.round,
        "manifest_sha256": row.manifest_sha256,
    }
    note(session, clock, row, move.step.value, actor, {**about, **detail})


def tell(session: Session, row: RequestRow, kind: str, now: datetime.datetime) -> None:
    """Put a notice into the outbox. It names the request and holds neither title, path nor content."""
    document = {
        "request": row.id,
        "project": row.project,
        "direction": row.direction,
        "kind": str(kind),
        "state": str(row.state),
        "requester": row.requester,
        "at": now.isoformat(),
    }
    session.add(
        NoticeRow(
            id=str(uuid.uuid4()), request_id=row.id, kind=str(kind), document=document, attempts=0, try_at=now
        )
    )
