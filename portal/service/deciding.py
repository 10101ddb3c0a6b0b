"""What people decide: approve, turn down, ask for changes, take back, try again."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.database.tables import DecisionRow, FileRow, RequestRow
from portal.domain import states
from portal.domain.errors import Conflict, Invalid
from portal.domain.people import Person
from portal.domain.rights import Action
from portal.domain.states import State, Step
from portal.service import judging, moving, rows, said, showing
from portal.service.moving import Actor
from portal.service.parts import Parts
from portal.service.views import RequestDetail, RequestView

STEPS: Final = {"approve": Step.APPROVE, "reject": Step.REJECT, "changes": Step.ASK_FOR_CHANGES}
"""What a person can say, and the step that it takes once enough have said it."""


@dataclass(frozen=True)
class Said:
    """What one person said."""

    outcome: str
    manifest_sha256: str
    reason: str
    files: Mapping[str, Mapping[str, str]]


def decide(parts: Parts, person: Person, request_id: str, what: Said) -> RequestDetail:
    """Write a decision down, and take the step that it completes: see `Airlock.decide`."""
    what = _checked(what)
    try:
        parts.database.write(lambda session: _decide(parts, session, person, request_id, what))
    except IntegrityError as error:
        raise _decided_already() from error
    return showing.request(parts, person, request_id)


def _checked(what: Said) -> Said:
    if what.outcome not in STEPS:
        raise Invalid("a decision is approve, reject or changes", "", "outcome")
    files = {file: _file(one) for file, one in what.files.items()}
    turned_down = any(one["outcome"] != judging.APPROVE for one in files.values())
    if what.outcome == judging.APPROVE and turned_down:
        raise Invalid(
            "a request with a file that you turn down cannot be approved as a whole",
            "Ask for changes, so that the file can be taken out, or reject the request.",
            "files",
        )
    # Who is turned down is told why: by a reason for the whole, or for a file.
    told = any(one["reason"] for one in files.values())
    why = said.reason(what.reason, wanted=what.outcome != judging.APPROVE and not told)
    return Said(what.outcome, said.sha256(what.manifest_sha256), why, files)


def _file(one: Mapping[str, str]) -> dict[str, str]:
    outcome = one.get("outcome", "")
    if outcome not in STEPS:
        raise Invalid("a decision on a file is approve, reject or changes", "", "files")
    return {"outcome": outcome, "reason": said.reason(one.get("reason", ""), wanted=False)}


def _decide(parts: Parts, session: Session, person: Person, request_id: str, what: Said) -> None:
    request = rows.request_of(session, person, request_id, Action.DECIDE, lock=True)
    states.move(State(request.state), STEPS[what.outcome])
    if what.manifest_sha256 != request.manifest_sha256:
        raise Conflict(
            "you looked at other bytes than those that stand here now", "Look at the request again."
        )
    known = rows.decisions_of(session, request.id)
    if any(d.round == request.round and d.person == person.subject for d in known):
        raise _decided_already()
    _known_files(session, request, what)
    decision = _row(person, request, what, parts.clock())
    session.add(decision)
    session.flush()
    actor = Actor.of(person)
    detail = {
        "outcome": what.outcome,
        "manifest_sha256": what.manifest_sha256,
        "reason": what.reason,
        "round": request.round,
        "roles": decision.roles,
        "files": decision.files,
    }
    moving.note(session, parts.clock, request, "decide", actor, detail)
    complete = judging.enough(request, [*known, decision], judging.need(session, request))
    if what.outcome != judging.APPROVE or complete:
        moving.change(session, parts.clock, request, STEPS[what.outcome], actor, what.reason)


def _known_files(session: Session, request: RequestRow, what: Said) -> None:
    if not what.files:
        return
    ids = set(session.scalars(select(FileRow.id).where(FileRow.request_id == request.id)))
    if not what.files.keys() <= ids:
        raise Invalid("the decision names a file that the request does not hold", "", "files")


def _decided_already() -> Conflict:
    return Conflict("you have decided on this round already", "Another person decides next.")


def _row(person: Person, request: RequestRow, what: Said, now: datetime.datetime) -> DecisionRow:
    return DecisionRow(
        id=str(uuid.uuid4()),
        request_id=request.id,
        round=request.round,
        person=person.subject,
        person_name=person.name,
        roles=sorted(role.value for role in person.roles(request.project)),
        outcome=what.outcome,
        manifest_sha256=what.manifest_sha256,
        reason=what.reason,
        files={file: dict(one) for file, one in what.files.items()},
        at=now,
    )


def revoke(parts: Parts, person: Person, request_id: str, reason: str) -> RequestView:
    """Take an approval back; the worker takes the bytes out of the release area. Taken back already is fine."""
    why = said.reason(reason, wanted=True)

    def run(session: Session) -> RequestView:
        request = rows.request_of(session, person, request_id, Action.REVOKE, lock=True)
        if State(request.state) is not State.REVOKED:
            detail = {"fetched": len(rows.receipts_of(session, request.id))}
            moving.change(session, parts.clock, request, Step.REVOKE, Actor.of(person), why, detail)
            session.flush()
        return rows.request_view(request, person, parts.clock())

    return parts.database.write(run)


def retry(parts: Parts, person: Person, request_id: str) -> RequestView:
    """Let a failed request go on from where it failed."""

    def run(session: Session) -> RequestView:
        request = rows.request_of(session, person, request_id, Action.RETRY, lock=True)
        moving.change(session, parts.clock, request, Step.RETRY, Actor.of(person))
        session.flush()
        return rows.request_view(request, person, parts.clock())

    return parts.database.write(run)
