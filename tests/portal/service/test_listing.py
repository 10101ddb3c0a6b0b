"""Lists of a hundred thousand requests: whole, in order, and found through an index."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Generator
from typing import Any

import pytest
from sqlalchemy import event, insert

from portal.database.migrating import upgrade
from portal.database.opening import Database
from portal.database.tables import ProjectRow, RequestRow
from portal.domain.errors import Invalid
from portal.domain.people import Grant, Person, Role
from portal.domain.states import Direction, State
from portal.service import Airlock
from portal.service.views import Page, RequestView
from tests.portal.conftest import MovableClock
from tests.portal.service.site import ADA, ANN, CARL, MAYA, OTTO, PROJECT, STEF, Site, inside, policy

MANY = 100_000
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
STATES = [State.RELEASED, State.RELEASED, State.REJECTED, State.EXPIRED]


def _row(number: int) -> dict[str, Any]:
    """Return one of many requests; a few of them are in review."""
    moment = START + datetime.timedelta(seconds=number // 2)  # two share each moment
    return {
        "id": f"00000000-0000-0000-0000-{number:012d}",
        "project": PROJECT if number % 3 else "lungs",
        "direction": Direction.OUTPUT.value if number % 2 else Direction.INPUT.value,
        "title": f"Request {number}",
        "purpose": "",
        "state": (State.IN_REVIEW if number % 5000 == 7 else STATES[number % 4]).value,
        "requester": ANN.subject if number % 10 == 1 else f"subject-{number % 50}",
        "requester_name": "somebody",
        "created_at": moment,
        "state_since": moment,
        "round": 1,
        "version": 1,
        "manifest_sha256": "",
        "files": 1,
        "size": 1,
        "reason": "",
        "failed_from": "",
        "attempts": 0,
        "lease": "",
        "bytes_removed": False,
    }


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """Give a site with a hundred thousand requests."""
    folder = tmp_path_factory.mktemp("many")
    url = f"sqlite:///{folder / 'airlock.db'}"
    upgrade(url)
    database = Database.open(url)
    site = Site.open(database, folder / "areas", MovableClock())
    site.outside.register_project(policy(name="lungs"))
    with database.writing() as session:
        session.execute(insert(RequestRow), [_row(number) for number in range(MANY)])
    yield site
    database.close()


def steps(site: Site, person: Person, **wanted: Any) -> tuple[int, int]:
    """Return how many statements a page takes, and roughly how many steps the database makes for it."""
    door = site.inside if person.bound_to else site.outside
    door.requests(person, **wanted)
    made = 0
    statements: list[str] = []

    def progress() -> int:
        nonlocal made
        made += 100
        return 0

    def before(connection: Any, cursor: Any, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)
        connection.connection.driver_connection.set_progress_handler(progress, 100)

    event.listen(site.database.engine, "before_cursor_execute", before)
    try:
        door.requests(person, **wanted)
    finally:
        event.remove(site.database.engine, "before_cursor_execute", before)
    return len(statements), made


LISTS: dict[str, tuple[Person, dict[str, Any]]] = {
    "analyst": (ANN, {}),
    "inside": (inside(ANN), {}),
    "checker": (CARL, {}),
    "auditor": (ADA, {}),
    "operator": (OTTO, {"state": State.RELEASED}),
    "manager": (MAYA, {"project": PROJECT}),
    "steward": (STEF, {"direction": Direction.INPUT}),
    "mine": (ANN, {"mine": True}),
    "waiting": (CARL, {"awaiting_me": True}),
    "rare": (CARL, {"state": State.IN_REVIEW}),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_page_never_reads_the_whole_table(many: Site, name: str) -> None:
    who, wanted = LISTS[name]
    statements, made = steps(many, who, **wanted)
    assert statements == 1
    assert made < 60_000  # reading a hundred thousand rows takes more than a million


def _walk(door: Airlock, person: Person, limit: int, **wanted: Any) -> list[RequestView]:
    found: list[RequestView] = []
    page: Page[RequestView] = door.requests(person, limit=limit, **wanted)
    found += page.items
    while page.next:
        page = door.requests(person, limit=limit, before=page.next, **wanted)
        found += page.items
    return found


def test_pages_hold_every_request_once_newest_first(many: Site) -> None:
    found = _walk(many.outside, CARL, 3, awaiting_me=True)
    wanted = [n for n in range(MANY) if n % 5000 == 7 and n % 3]
    assert [int(row.id[-12:]) for row in found] == sorted(wanted, reverse=True)


def test_pages_of_many_who_share_a_moment_lose_none(any_site: Site) -> None:
    site = any_site
    with site.database.writing() as session:
        session.add(
            ProjectRow(
                name="lungs",
                document=policy(name="lungs").model_dump(mode="json"),
                changed_at=START,
            )
        )
        session.flush()
        session.execute(insert(RequestRow), [{**_row(n), "created_at": START} for n in range(40)])
    for who, limit in itertools.product((OTTO, ANN), (1, 7, 40)):
        found = _walk(site.outside, who, limit)
        ids = [row.id for row in found]
        assert len(ids) == len(set(ids))
        assert ids == sorted(ids, reverse=True)
        wanted = [n for n in range(40) if who is OTTO or n % 3]
        assert len(ids) == len(wanted)


def test_pages_of_one_who_has_two_projects_are_in_one_order(many: Site) -> None:
    both = Person(
        subject="subject-both",
        name="both",
        grants=frozenset(Grant(project, Role.PROJECT_MANAGER) for project in (PROJECT, "lungs")),
    )
    first = many.outside.requests(both, limit=20)
    second = many.outside.requests(both, limit=20, before=first.next)
    numbers = [int(row.id[-12:]) for row in (*first.items, *second.items)]
    assert numbers == list(range(MANY - 1, MANY - 41, -1))


@pytest.mark.parametrize(
    "cursor",
    ["x", "????", "e30", "W10", "WzEsMl0", "\x00", "WyIyMDI2LTAxLTAxIiwgIngiXQ"],
    ids=["x", "marks", "object", "list", "numbers", "nul", "name"],
)
def test_a_place_that_is_none_is_refused(many: Site, cursor: str) -> None:
    with pytest.raises(Invalid):
        many.outside.requests(OTTO, before=cursor)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_a_sensible_length(many: Site, limit: int) -> None:
    with pytest.raises(Invalid):
        many.outside.requests(OTTO, limit=limit)


def test_who_has_no_role_sees_nothing(many: Site) -> None:
    assert many.outside.requests(Person("subject-x", "x")).items == ()
