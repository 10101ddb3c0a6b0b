"""Events stand in one chain, however many add to it at once, and neither changes nor disappears."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.database.opening import Database
from portal.database.tables import EventRow
from portal.domain.errors import Invalid
from portal.record import append, forms, head
from tests.portal.conftest import MovableClock

THREADS = 20
EACH = 5


def _add(session: Session, clock: MovableClock, action: str = "submit", **detail: object) -> EventRow:
    return append(
        session, clock, actor="ada", action=action, project="heart", request_id="r1", detail=dict(detail)
    )


def _events(database: Database) -> list[EventRow]:
    with database.reading() as session:
        return list(session.scalars(select(EventRow).order_by(EventRow.seq)))


def _whole(events: list[EventRow]) -> bool:
    previous = forms.START
    for number, event in enumerate(events, 1):
        if (event.seq, event.previous) != (number, previous):
            return False
        if event.hash != forms.linked(event.previous, event.body):
            return False
        previous = event.hash
    return True


def test_events_follow_one_another(database: Database, clock: MovableClock) -> None:
    with database.writing() as session:
        _add(session, clock, title="Tablé 1")
        clock.move(hours=1)
        _add(session, clock, "approve")
    first, second = _events(database)
    assert _whole([first, second])
    assert first.body == (
        '{"action":"submit","actor":"ada","at":"2026-03-02T09:00:00+00:00","detail":{"title":"Tablé 1"},'
        '"form":"tre-event-1","project":"heart","request_id":"r1","seq":1}'
    )
    with database.reading() as session:
        assert (head(session).seq, head(session).hash) == (2, second.hash)


def test_an_undone_transaction_leaves_no_event(database: Database, clock: MovableClock) -> None:
    with pytest.raises(ZeroDivisionError), database.writing() as session:
        _add(session, clock)
        raise ZeroDivisionError
    assert _events(database) == []


def test_many_at_once_make_one_chain(database: Database, clock: MovableClock) -> None:
    def several(number: int) -> None:
        for turn in range(EACH):
            database.write(partial(_add, clock=clock, number=number, turn=turn))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(several, range(THREADS)))
    events = _events(database)
    assert len(events) == THREADS * EACH
    assert _whole(events)


@pytest.mark.parametrize("hidden", ["\x00", "\ud800"], ids=["nul", "half"])
def test_text_that_cannot_be_stored_is_refused(database: Database, clock: MovableClock, hidden: str) -> None:
    with pytest.raises(Invalid), database.writing() as session:
        _add(session, clock, title=f"a{hidden}b")


def test_text_that_only_looks_like_it_is_kept(database: Database, clock: MovableClock) -> None:
    with database.writing() as session:
        _add(session, clock, title="a\\u0000b")
    assert _whole(_events(database))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'eve'",
        "DELETE FROM events",
        "UPDATE chain SET seq = 0",
        "UPDATE chain SET seq = seq + 1",
        f"UPDATE chain SET hash = '{'1' * 64}'",
        "DELETE FROM chain",
        "INSERT INTO chain (id, seq, hash) VALUES (2, 0, '')",
        "INSERT INTO events SELECT seq + 1, at, actor, action, project, request_id, body, previous, hash FROM events",
    ],
)
def test_the_database_refuses_to_change_the_chain(
    database: Database, clock: MovableClock, statement: str
) -> None:
    with database.writing() as session:
        _add(session, clock)
    with pytest.raises(IntegrityError), database.writing() as session:
        session.execute(text(statement))
    assert _whole(_events(database))
