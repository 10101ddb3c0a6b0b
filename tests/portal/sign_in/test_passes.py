"""Workspace passes: typed by hand, spent once, in one project, within ten minutes."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest

from portal.database.opening import Database
from portal.database.tables import PassRow, SessionRow
from portal.domain.errors import NotSignedIn, Refused, TooMany
from portal.domain.people import Door, Grant, Person, Role
from portal.sign_in.passes import Passes
from portal.sign_in.sessions import Sessions
from portal.sign_in.settings import SessionSettings
from tests.portal.conftest import MovableClock

run = asyncio.run
ROBIN = Person(
    "s-1",
    "robin",
    grants=frozenset(
        {Grant("heart", Role.DATA_ANALYST), Grant("lung", Role.DATA_ANALYST), Grant("site", Role.AUDITOR)}
    ),
)


class Doors:
    """Passes and the inside door's sessions on one database."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.passes = Passes(database, SessionSettings(), clock)
        self.inside = Sessions(database, SessionSettings(), clock, Door.INSIDE)

    def spend(self, typed: str, project: str = "heart") -> Person:
        """Spend a pass, and return whom the new session lets in."""
        _, token, _ = run(self.passes.spend(typed, project, self.inside))
        return run(self.inside.person(token))


@pytest.fixture
def doors(small_database: Database, clock: MovableClock) -> Doors:
    """Give both doors' parts."""
    return Doors(small_database, clock)


def test_a_pass_becomes_a_session_for_its_project_alone(doors: Doors) -> None:
    person = doors.spend(run(doors.passes.make(ROBIN, "heart")))
    assert (person.subject, person.door, person.bound_to) == ("s-1", Door.INSIDE, "heart")
    assert person.grants == {Grant("heart", Role.DATA_ANALYST)}
    assert person.roles("lung") == frozenset()
    assert person.site_wide == frozenset()


def test_a_pass_is_easy_to_type_and_kept_as_a_hash(doors: Doors, small_database: Database) -> None:
    text = run(doors.passes.make(ROBIN, "heart"))
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}", text)
    with small_database.reading() as session:
        (row,) = session.query(PassRow)
    for form in (text, text.replace("-", "")):
        assert form not in str([getattr(row, column.name) for column in PassRow.__table__.columns])


def test_a_pass_may_be_typed_as_people_type(doors: Doors) -> None:
    text = run(doors.passes.make(ROBIN, "heart"))
    typed = f"  {text.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} "
    assert doors.spend(typed).subject == "s-1"


def test_a_pass_is_spent_once(doors: Doors) -> None:
    text = run(doors.passes.make(ROBIN, "heart"))
    doors.spend(text)
    with pytest.raises(NotSignedIn):
        doors.spend(text)


def test_a_pass_of_another_project_is_refused_and_not_spent(doors: Doors) -> None:
    text = run(doors.passes.make(ROBIN, "heart"))
    with pytest.raises(NotSignedIn):
        doors.spend(text, "lung")
    assert doors.spend(text).bound_to == "heart"


def test_a_pass_lasts_ten_minutes(doors: Doors, clock: MovableClock) -> None:
    late, later = (run(doors.passes.make(ROBIN, "heart")) for _ in range(2))
    clock.move(minutes=9, seconds=59)
    doors.spend(late)
    clock.move(seconds=1)
    with pytest.raises(NotSignedIn):
        doors.spend(later)


@pytest.mark.parametrize(
    "typed", ["", "AAAAA-AAAAA-AAAAA-AAAAA", "A" * 19, "A" * 21, "U" * 20, "\u00e9" * 20, "-" * 90, " " * 10000],
    ids=["empty", "unknown", "short", "long", "no-letter", "accents", "dashes", "spaces"],
)  # fmt: skip
def test_every_bad_pass_is_refused_alike(doors: Doors, typed: str) -> None:
    with pytest.raises(NotSignedIn) as refusal:
        doors.spend(typed)
    assert refusal.value.what == "this pass is not known here, was used, or has expired"


@pytest.mark.parametrize("threads", [8])
def test_of_many_at_the_same_instant_one_spends_a_pass(
    database: Database, clock: MovableClock, threads: int
) -> None:
    doors = [Doors(database, clock) for _ in range(threads)]
    text = run(doors[0].passes.make(ROBIN, "heart"))
    together = threading.Barrier(threads)
    let_in: list[str] = []
    refused: list[NotSignedIn] = []

    def spend(door: Doors) -> None:
        together.wait()
        try:
            let_in.append(run(door.passes.spend(text, "heart", door.inside))[0].subject)
        except NotSignedIn as error:
            refused.append(error)

    running = [threading.Thread(target=spend, args=(door,)) for door in doors]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert let_in == ["s-1"]
    assert len(refused) == threads - 1
    with database.reading() as session:
        assert session.query(SessionRow).count() == 1


def test_who_has_no_role_in_a_project_makes_no_pass_for_it(doors: Doors) -> None:
    for project in ("brain", "site", ""):
        with pytest.raises(Refused):
            run(doors.passes.make(Person("s-2", "casey"), project))
    with pytest.raises(Refused):
        run(doors.passes.make(ROBIN, "brain"))


def test_nobody_inside_makes_a_pass(doors: Doors) -> None:
    inside = doors.spend(run(doors.passes.make(ROBIN, "heart")))
    with pytest.raises(Refused):
        run(doors.passes.make(inside, "heart"))


def test_guessing_and_making_are_slowed_down(doors: Doors, clock: MovableClock) -> None:
    for _ in range(20):
        with pytest.raises(NotSignedIn):
            doors.spend("A" * 20)
    text = run(doors.passes.make(ROBIN, "heart"))
    with pytest.raises(TooMany):
        doors.spend(text)
    clock.move(seconds=31)
    assert doors.spend(text).subject == "s-1"
    for _ in range(9):
        run(doors.passes.make(ROBIN, "heart"))
    with pytest.raises(TooMany):
        run(doors.passes.make(ROBIN, "heart"))
    assert run(doors.passes.make(Person("s-3", "x", grants=ROBIN.grants), "heart"))


def test_old_passes_are_swept(doors: Doors, small_database: Database, clock: MovableClock) -> None:
    run(doors.passes.make(ROBIN, "heart"))
    clock.move(days=2)
    run(doors.passes.make(ROBIN, "heart"))
    with small_database.reading() as session:
        assert session.query(PassRow).count() == 1
