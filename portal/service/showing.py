"""Shows one request, its record and its events to those who may see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, cast

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from portal.database.tables import DecisionRow, EventRow, RecordRow, RequestRow
from portal.domain import rights, states
from portal.domain.errors import Invalid, NotFound
from portal.domain.people import SITE, Person
from portal.domain.rights import Action, Whose
from portal.domain.states import Direction, State, Step
from portal.service import asking, judging, rows, said
from portal.service.parts import Parts
from portal.service.views import EventView, RequestDetail, StepView

MOST_EVENTS: Final = 1000
_FROZEN: Final = frozenset(State) - asking.OPEN - {State.SUBMITTED, State.CANCELLED}
_STEPS: Final[dict[Action, Step]] = {
    Action.SUBMIT: Step.SUBMIT,
    Action.WITHDRAW: Step.CANCEL,
    Action.REVOKE: Step.REVOKE,
    Action.DECIDE: Step.REJECT,
}


def request(parts: Parts, person: Person, request_id: str) -> RequestDetail:
    """Return everything about a request that the person may see."""
    now = parts.clock()
    with parts.database.reading() as session:
        row = rows.request_of(session, person, request_id, Action.SEE, lock=False)
        decisions = rows.decisions_of(session, row.id)
        verdicts = rows.verdicts_of(session, row)
        project = rows.project_row(session, row.project)
        policies = rows.policies_of(row, project)
        needed = judging.needed(row, policies, verdicts)
        return RequestDetail(
            request=rows.request_view(row, person, now),
            project=rows.project_view(person, project, now, policies.now),
            files=tuple(rows.file_view(file) for file in rows.files_of(session, row.id)),
            verdicts=tuple(rows.verdict_view(verdict) for verdict in verdicts),
            decisions=tuple(rows.decision_view(decision) for decision in decisions),
            allowed=allowed(person, row, decisions),
            approvals_needed=needed.people,
            approvals_had=len(judging.approvals(row, decisions)),
            role_needed=needed.role,
            download_in_review=policies.download_in_review,
            timeline=_timeline(session, row.id),
            receipts=tuple(rows.receipt_view(receipt) for receipt in rows.receipts_of(session, row.id)),
        )


def allowed(person: Person, row: RequestRow, decisions: Sequence[DecisionRow]) -> frozenset[Action]:
    """Return what the person may do with a request in its present state."""
    return frozenset(
        action
        for action in Action
        if action is not Action.CREATE
        and rights.may(person, row.project, Direction(row.direction), action, row.requester)
        and _now(action, person, row, decisions)
    )


def _now(action: Action, person: Person, row: RequestRow, decisions: Sequence[DecisionRow]) -> bool:
    state = State(row.state)
    if action is Action.DECIDE and any(
        d.person == person.subject and d.round == row.round for d in decisions
    ):
        return False
    if action in _STEPS:
        return (state, _STEPS[action]) in states.TRANSITIONS
    return {
        Action.UPLOAD: state in asking.OPEN,
        Action.RETRY: state is State.FAILED,
        Action.PICK_UP: state is State.RELEASED,
        Action.READ: state in _FROZEN and not row.bytes_removed,
    }.get(action, True)


_TIMELINE: Final = (
    select(EventRow.at, EventRow.action, EventRow.body)
    .where(EventRow.request_id == bindparam("request", type_=EventRow.request_id.type))
    .order_by(EventRow.seq)
)


def _timeline(session: Session, request_id: str) -> tuple[StepView, ...]:
    found = session.execute(_TIMELINE, {"request": request_id})
    return tuple(_step(at, action, body) for at, action, body in found)


def _step(at: Any, action: str, body: str) -> StepView:
    detail = _detail(body)
    said_of = [str(detail.get(name, "")) for name in ("before", "after", "reason")]
    return StepView(at, str(detail.get("actor_name", "")), action, *said_of)


def _detail(body: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(body).get("detail") or {})


def record(parts: Parts, person: Person, request_id: str) -> dict[str, Any]:
    """Return the disclosure record exactly as signed."""
    with parts.database.reading() as session:
        row = rows.request_of(session, person, request_id, Action.READ_RECORD, lock=False)
        found = session.get(RecordRow, row.id)
        if found is None:
            raise NotFound(
                "the request has no disclosure record", "It is written when the request is released."
            )
        return {
            "body": found.body,
            "signature": found.signature,
            "key_id": found.key_id,
            "at": found.at.isoformat(),
        }


def events(
    parts: Parts, person: Person, project: str | None, request_id: str | None, after: int, limit: int
) -> list[EventView]:
    """Return events after a number, oldest first: of a request, of a project, or of the person's own reach."""
    if not 1 <= limit <= MOST_EVENTS:
        raise Invalid(f"a list holds 1 to {MOST_EVENTS} events", "", "limit")
    query = select(EventRow).where(EventRow.seq > min(max(after, 0), _LARGEST))
    with parts.database.reading() as session:
        if request_id is not None:
            row = rows.request_of(session, person, request_id, Action.READ_RECORD, lock=False)
            query = query.where(EventRow.request_id == row.id)
        reach = None if request_id is not None else _reach(person, project)
        if reach is not None:
            query = query.where(EventRow.project.in_(reach))
        return [_event(event) for event in session.scalars(query.order_by(EventRow.seq).limit(limit))]


_LARGEST: Final = 2**31 - 1


def _reach(person: Person, project: str | None) -> list[str] | None:
    """Return the projects whose whole record the person may read; none given back: every one.

    Raises:
        NotFound: the person may read no project's record, or not this one's.
    """
    if project is not None:
        names = [said.project(project)] if _reads(person, project) else []
    elif bool(person.site_wide) and _reads(person, SITE):
        return None
    else:
        names = [name for name in sorted(person.projects()) if _reads(person, name)]
    if not names:
        raise NotFound("there is no record that you may read", "Ask an auditor.")
    return names


def _reads(person: Person, project: str) -> bool:
    return all(rights.whose(person, project, way, Action.READ_RECORD) is Whose.ANY for way in Direction)


def _event(row: EventRow) -> EventView:
    detail = _detail(row.body)
    return EventView(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        actor_name=str(detail.get("actor_name", "")),
        action=row.action,
        project=row.project,
        request_id=row.request_id,
        detail=detail,
        hash=row.hash,
        previous=row.previous,
    )
