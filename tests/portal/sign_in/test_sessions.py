"""Sessions: kept as a hash, ended by time and by people, and worth nothing at the other door."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

import pytest
from sqlalchemy.orm import Session

from portal.database.opening import Database
from portal.database.tables import SeenRow, SessionRow
from portal.domain.errors import NotSignedIn
from portal.domain.people import Door, Grant, Person, Role
from portal.sign_in.sessions import Sessions
from portal.sign_in.settings import SessionSettings
from tests.portal.conftest import MovableClock

run = asyncio.run
Result = TypeVar("Result")
ROBIN = Person("s-1", "robin", "Robin", "robin@example.org", frozenset({Grant("heart", Role.DATA_ANALYST)}))


class Counting:
    """A database that counts how often it is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0
        self.writes = 0

    def reading(self) -> AbstractContextManager[Session]:
        """Count, then read."""
        self.reads += 1
        return self._database.reading()

    def write(self, change: Callable[[Session], Result], /) -> Result:
        """Count, then write."""
        self.writes += 1
        return self._database.write(change)


def rows(database: Database) -> list[SessionRow]:
    """Return every session kept."""
    with database.reading() as session:
        return list(session.query(SessionRow))


def gone(sessions: Sessions, token: str) -> bool:
    """Tell whether a token lets nobody in."""
    try:
        run(sessions.person(token))
    except NotSignedIn:
        return True
    return False


def test_a_session_gives_its_person_back(database: Database, clock: MovableClock) -> None:
    sessions = Sessions(database, SessionSettings(), clock)
    token, ends = run(sessions.begin(ROBIN))
    assert ends == clock() + datetime.timedelta(hours=12)
    fresh = Sessions(database, SessionSettings(), clock)
    for each in (sessions, fresh):
        person = run(each.person(token))
        assert person == ROBIN
        assert person.signed_in == clock()


def test_the_database_holds_a_hash_and_no_token(small_database: Database, clock: MovableClock) -> None:
    token, _ = run(Sessions(small_database, SessionSettings(), clock).begin(ROBIN))
    (row,) = rows(small_database)
    assert row.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str([getattr(row, column.name) for column in SessionRow.__table__.columns])


def test_no_two_tokens_are_alike(small_database: Database, clock: MovableClock) -> None:
    sessions = Sessions(small_database, SessionSettings(), clock)
    tokens = {run(sessions.begin(ROBIN))[0] for _ in range(20)}
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {43}


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 44, "\u00e9" * 43, "' OR 1=1 --"], ids=ascii)
def test_a_made_up_token_lets_nobody_in(small_database: Database, clock: MovableClock, token: str) -> None:
    assert gone(Sessions(small_database, SessionSettings(), clock), token)


def test_a_session_ends_after_half_an_hour_without_use(small_database: Database, clock: MovableClock) -> None:
    sessions = Sessions(small_database, SessionSettings(), clock)
    token, _ = run(sessions.begin(ROBIN))
    for _ in range(3):
        clock.move(minutes=29)
        assert not gone(sessions, token)
    clock.move(minutes=30)
    assert gone(sessions, token)


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(
    small_database: Database, clock: MovableClock
) -> None:
    sessions = Sessions(small_database, SessionSettings(), clock)
    token, _ = run(sessions.begin(ROBIN))
    for _ in range(12 * 4 - 1):
        clock.move(minutes=15)
        assert not gone(sessions, token)
    clock.move(minutes=15)
    assert gone(sessions, token)


def test_what_the_process_remembers_does_not_outlive_the_session(
    small_database: Database, clock: MovableClock
) -> None:
    sessions = Sessions(small_database, SessionSettings(), clock)
    token, ends = run(sessions.begin(ROBIN))
    while clock() < ends - datetime.timedelta(minutes=20):
        clock.move(minutes=20)
        assert not gone(sessions, token)
    clock.move(minutes=19, seconds=59)
    assert not gone(sessions, token)
    clock.move(seconds=1)
    assert gone(sessions, token)


def test_a_session_inside_lasts_eight_hours_even_unused(
    small_database: Database, clock: MovableClock
) -> None:
    sessions = Sessions(small_database, SessionSettings(), clock, Door.INSIDE)
    token, _ = run(sessions.begin(ROBIN))
    clock.move(hours=7, minutes=59)
    assert not gone(sessions, token)
    clock.move(minutes=1)
    assert gone(sessions, token)


def test_a_session_does_not_outlive_the_account(small_database: Database, clock: MovableClock) -> None:
    clock.move(hours=10)
    sessions = Sessions(small_database, SessionSettings(), clock)
    _, ends = run(sessions.begin(ROBIN, clock().date()))
    assert ends.date() == clock().date()


def test_a_token_is_worth_nothing_at_the_other_door(database: Database, clock: MovableClock) -> None:
    outside = Sessions(database, SessionSettings(), clock, Door.OUTSIDE)
    inside = Sessions(database, SessionSettings(), clock, Door.INSIDE)
    (out, _), (within, _) = run(outside.begin(ROBIN)), run(inside.begin(ROBIN))
    assert gone(inside, out)
    assert gone(outside, within)
    run(inside.end(out))
    assert not gone(outside, out)


def test_sign_out_ends_one_session_at_once(database: Database, clock: MovableClock) -> None:
    sessions = Sessions(database, SessionSettings(), clock)
    (one, _), (two, _) = run(sessions.begin(ROBIN)), run(sessions.begin(ROBIN))
    assert not gone(sessions, one)
    run(sessions.end(one))
    assert gone(sessions, one)
    assert not gone(sessions, two)
    run(sessions.end(one))
    run(sessions.end("no token"))


def test_a_session_ended_elsewhere_is_known_for_five_seconds(
    small_database: Database, clock: MovableClock
) -> None:
    here, there = (Sessions(small_database, SessionSettings(), clock) for _ in range(2))
    token, _ = run(here.begin(ROBIN))
    assert not gone(here, token)
    run(there.end(token))
    clock.move(seconds=5)
    assert gone(here, token)


def test_every_session_of_a_person_ends_at_both_doors(database: Database, clock: MovableClock) -> None:
    outside = Sessions(database, SessionSettings(), clock, Door.OUTSIDE)
    inside = Sessions(database, SessionSettings(), clock, Door.INSIDE)
    mine = [(door, run(door.begin(ROBIN))[0]) for door in (outside, outside, inside)]
    other, _ = run(outside.begin(Person("s-2", "casey")))
    assert not any(gone(door, token) for door, token in mine)
    run(outside.end_all("s-1"))
    clock.move(seconds=5)
    assert all(gone(door, token) for door, token in mine)
    assert not gone(outside, other)


def test_a_session_ended_while_it_is_read_is_not_remembered(
    small_database: Database, clock: MovableClock
) -> None:
    class Slow(Counting):
        def reading(self) -> AbstractContextManager[Session]:
            self.reads += 1
            opened = small_database.reading()
            session = opened.__enter__()
            session.query(SessionRow).all()  # the snapshot stands now
            run(sessions.end(token))
            return Given(session, opened)

    class Given:
        def __init__(self, session: Session, opened: AbstractContextManager[Session]) -> None:
            self._session, self._opened = session, opened

        def __enter__(self) -> Session:
            return self._session

        def __exit__(self, *error: object) -> None:
            self._opened.__exit__(None, None, None)

    slow = Slow(small_database)
    sessions = Sessions(slow, SessionSettings(), clock)
    token, _ = run(sessions.begin(ROBIN))
    run(sessions.person(token))  # its question began before the end
    assert gone(sessions, token)
    assert slow.reads == 2


def test_many_requests_ask_the_database_once_and_write_once_a_minute(
    small_database: Database, clock: MovableClock
) -> None:
    counting = Counting(small_database)
    sessions = Sessions(counting, SessionSettings(), clock)
    token, _ = run(sessions.begin(ROBIN))
    counting.writes = 0

    async def much() -> None:
        for _ in range(600):
            await sessions.person(token)
            clock.move(seconds=0.1)

    run(much())
    assert counting.reads <= 13
    assert counting.writes == 0
    run(much())
    assert counting.writes == 1
    (row,) = rows(small_database)
    assert row.seen_at > row.made_at


def test_what_is_remembered_is_bounded(
    small_database: Database, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.sign_in.sessions._MOST_KEPT", 2)
    counting = Counting(small_database)
    sessions = Sessions(counting, SessionSettings(), clock)
    tokens = [run(sessions.begin(ROBIN))[0] for _ in range(3)]
    for token in tokens:
        run(sessions.person(token))
    counting.reads = 0
    run(sessions.person(tokens[2]))
    run(sessions.person(tokens[0]))
    assert counting.reads == 1


def test_expired_sessions_are_swept(database: Database, clock: MovableClock) -> None:
    sessions = Sessions(database, SessionSettings(), clock)
    run(sessions.begin(ROBIN))
    clock.move(hours=13)
    run(sessions.begin(ROBIN))
    assert len(rows(database)) == 1


def test_who_was_let_in_outside_is_noted_and_updated(database: Database, clock: MovableClock) -> None:
    outside = Sessions(database, SessionSettings(), clock)
    run(outside.begin(ROBIN))
    clock.move(days=1)
    run(outside.begin(Person("s-1", "robin", "Robin R."), datetime.date(2026, 12, 31)))
    with database.reading() as session:
        (seen,) = session.query(SeenRow)
    assert (seen.full_name, seen.expires) == ("Robin R.", datetime.date(2026, 12, 31))
    assert seen.grants == []
    assert seen.last_seen == clock()


def test_a_role_that_is_no_longer_known_gives_nothing(small_database: Database, clock: MovableClock) -> None:
    sessions = Sessions(small_database, SessionSettings(), clock)
    token, _ = run(sessions.begin(ROBIN))

    def change(session: Session) -> None:
        (row,) = session.query(SessionRow)
        row.person = {**row.person, "grants": [["heart", "emperor"], ["heart", "auditor"]]}

    small_database.write(change)
    assert run(sessions.person(token)).grants == {Grant("heart", Role.AUDITOR)}
