"""The chain of events: every one holds the hash of the one before it, so that none can be changed, taken or moved.

An event is added in the transaction of what it tells of: both happen, or neither. From then to the transaction's end
nobody else adds one, so append last, after every other row was locked and changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.database.tables import ChainRow, EventRow
from portal.domain.clock import Clock
from portal.domain.errors import Invalid
from portal.record import forms

_NUL = "\\u0000"


@dataclass(frozen=True)
class Head:
    """The chain's end: the number of its last event (0 where there is none) and its hash."""

    seq: int
    hash: str


def head(session: Session) -> Head:
    """Return the chain's end. Whoever writes it down elsewhere can prove later that nothing was taken away."""
    return Head(*session.execute(select(ChainRow.seq, ChainRow.hash).where(ChainRow.id == 1)).one())


def append(
    session: Session,
    clock: Clock,
    *,
    actor: str,
    action: str,
    project: str = "",
    request_id: str = "",
    detail: Mapping[str, Any],
) -> EventRow:
    """Add an event to the chain and return it; everything pending in the session is written before.

    Args:
        session: a writing one. The chain stays locked until it ends.
        clock: gives the moment that is written down.
        actor: the subject of who did it, or the part of the airlock that did.
        action: what was done, in one word of at most 40 characters.
        project: its name; empty for what concerns none.
        request_id: the request's identifier; empty for what concerns none.
        detail: what else is known, as JSON has it. Never content of a file, never a secret.

    Raises:
        Invalid: the detail holds text that cannot be stored (NUL, half a character).
        TypeError: the detail holds what JSON does not have.
    """
    session.flush()
    end = _locked(session)
    now = clock()
    document = {
        "form": forms.EVENT,
        "seq": end.seq + 1,
        "at": now.isoformat(),
        "actor": actor,
        "action": str(action),
        "project": project,
        "request_id": request_id,
        "detail": dict(detail),
    }
    body = _body(document)
    row = EventRow(
        seq=end.seq + 1,
        at=now,
        actor=actor,
        action=str(action),
        project=project,
        request_id=request_id,
        body=body,
        previous=end.hash,
        hash=forms.linked(end.hash, body),
    )
    session.add(row)
    session.flush()
    session.execute(update(ChainRow).where(ChainRow.id == 1).values(seq=row.seq, hash=row.hash))
    return row


def _locked(session: Session) -> Head:
    question = select(ChainRow.seq, ChainRow.hash).where(ChainRow.id == 1).with_for_update()
    return Head(*session.execute(question).one())


def _body(document: Mapping[str, Any]) -> str:
    try:
        body = forms.canonical(document)
    except ValueError as error:
        raise Invalid("an event holds text that cannot be stored", "Remove unusual characters.") from error
    if _NUL in body.replace("\\\\", ""):
        raise Invalid("an event holds text that cannot be stored", "Remove unusual characters.")
    return body
