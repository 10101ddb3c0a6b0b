"""Every cell of the matrix through the service itself: role, action, own or another's, project, door, direction.

The table here is written from the issue's words and not from `portal.domain.rights`, so that a slip in either shows.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Generator

import pytest

from portal.database.migrating import upgrade
from portal.database.opening import Database
from portal.domain.errors import AirlockError, NotFound, Refused
from portal.domain.people import Door, Grant, Person, Role
from portal.domain.rights import Action
from portal.domain.states import Direction
from portal.service import Airlock
from tests.portal.conftest import MovableClock
from tests.portal.service.site import PROJECT, Site, person, policy, run, stream

OUT, IN = Direction.OUTPUT, Direction.INPUT
_ASK = {Action.CREATE, Action.UPLOAD, Action.SUBMIT, Action.WITHDRAW}
_SAFE = "subject-somebody"


def expected(role: Role, action: Action, direction: Direction, own: bool, door: Door) -> bool:
    """Say what the issue says of one cell."""
    home = Door.INSIDE if direction is OUT else Door.OUTSIDE
    away = Door.OUTSIDE if direction is OUT else Door.INSIDE
    if action in _ASK:
        asks = role is (Role.DATA_ANALYST if direction is OUT else Role.DATA_STEWARD)
        return asks and own and door is home
    if action is Action.PICK_UP:
        return role is Role.DATA_ANALYST and door is away and (own or direction is IN)
    if action is Action.SEE:
        if role is Role.DATA_STEWARD:
            return direction is IN
        return role is not Role.OUTPUT_CHECKER or not own
    deciding = role in {Role.OUTPUT_CHECKER, Role.INFORMATION_ASSET_OWNER}
    return (
        door is Door.OUTSIDE
        and {
            Action.READ: deciding and not own,
            Action.DECIDE: deciding and not own,
            Action.REVOKE: deciding and not own,
            Action.RETRY: role is Role.OPERATOR,
            Action.READ_RECORD: role is Role.AUDITOR,
            Action.SEE_PEOPLE: role
            in {Role.INFORMATION_ASSET_OWNER, Role.PROJECT_MANAGER, Role.AUDITOR, Role.OPERATOR},
        }[action]
    )


@dataclasses.dataclass
class Case:
    """One request of each direction, by one person of every role, and one by somebody else."""

    site: Site
    ids: dict[tuple[Direction, str], str]
    file: str
    other: str
    """A request of another project."""


def _everything(name: str, door: Door) -> Person:
    """Return somebody who asks in both directions, to make requests in another's name."""
    return dataclasses.replace(
        person(name, Role.DATA_ANALYST, Role.DATA_STEWARD),
        door=door,
        bound_to=PROJECT if door is Door.INSIDE else "",
    )


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Generator[Case]:
    """Give the requests that every cell is tried on; rights come first, whatever state a cell leaves them in."""
    folder = tmp_path_factory.mktemp("rights")
    url = f"sqlite:///{folder / 'airlock.db'}"
    upgrade(url)
    database = Database.open(url)
    site = Site.open(database, folder / "areas", MovableClock())
    site.outside.register_project(policy(name="lungs"))
    ids: dict[tuple[Direction, str], str] = {}
    for direction, name in itertools.product(Direction, ("somebody", "another")):
        door = Door.INSIDE if direction is OUT else Door.OUTSIDE
        who = _everything(name, door)
        ids[direction, who.subject] = site.door(direction).create(who, PROJECT, direction, "t").id
    analyst = person("stranger", Role.DATA_STEWARD, project="lungs")
    other = site.outside.create(analyst, "lungs", IN, "t").id
    yield Case(site, ids, "00000000-0000-0000-0000-000000000000", other)
    database.close()


def _calls(
    door: Airlock, who: Person, direction: Direction, request: str, file: str
) -> dict[Action, Callable[[], object]]:
    """Return for each action a call that the rights alone let through: it then fails for another reason."""
    return {
        Action.CREATE: lambda: door.create(who, "heart", direction, ""),
        Action.UPLOAD: lambda: run(door.upload(who, request, file, 0, stream(b"x"), last=True)),
        Action.SUBMIT: lambda: door.submit(who, request),
        Action.WITHDRAW: lambda: door.withdraw(who, request, "r"),
        Action.SEE: lambda: door.request(who, request),
        Action.READ: lambda: run(door.preview(who, request, file)),
        Action.DECIDE: lambda: door.decide(
            who, request, outcome="approve", manifest_sha256="0" * 64, reason="r"
        ),
        Action.REVOKE: lambda: door.revoke(who, request, "r"),
        Action.RETRY: lambda: door.retry(who, request),
        Action.PICK_UP: lambda: door.link(who, request, file),
        Action.READ_RECORD: lambda: door.record(who, request),
        Action.SEE_PEOPLE: lambda: door.people(who, PROJECT),
    }


def _refused(call: Callable[[], object]) -> bool:
    """Tell whether the rights stopped a call, and not what comes after them."""
    try:
        call()
    except Refused:
        return True
    except NotFound as error:
        return error.what == "there is no such request"
    except AirlockError:
        return False
    return False


CELLS = list(itertools.product(Role, Door, Direction))


@pytest.mark.parametrize(
    ("role", "door", "direction"), CELLS, ids=[f"{role}-{door}-{way}" for role, door, way in CELLS]
)
def test_every_cell(role: Role, door: Door, direction: Direction, case: Case) -> None:
    scope = (
        PROJECT if door is Door.INSIDE else {Role.AUDITOR: "site", Role.OPERATOR: "site"}.get(role, PROJECT)
    )
    who = Person(
        subject=_SAFE,
        name="somebody",
        grants=frozenset({Grant(scope, role)}),
        door=door,
        bound_to=PROJECT if door is Door.INSIDE else "",
    )
    airlock = case.site.inside if door is Door.INSIDE else case.site.outside
    wrong: list[str] = []
    for action, own in itertools.product(Action, (True, False)):
        if action in {Action.CREATE, Action.SEE_PEOPLE} and not own:
            continue  # it is about no request
        request = case.ids[direction, _SAFE if own else "subject-another"]
        allowed = not _refused(_calls(airlock, who, direction, request, case.file)[action])
        wanted = expected(role, action, direction, own, door)
        if allowed is not wanted:
            wrong.append(f"{action} {'own' if own else 'other'}: {allowed}")
    assert wrong == []


@pytest.mark.parametrize("role", Role, ids=str)
@pytest.mark.parametrize("door", Door, ids=str)
def test_no_role_reaches_another_project(role: Role, door: Door, case: Case) -> None:
    who = dataclasses.replace(
        person("somebody", role), door=door, bound_to=PROJECT if door is Door.INSIDE else ""
    )
    airlock = case.site.inside if door is Door.INSIDE else case.site.outside
    calls = _calls(airlock, who, IN, case.other, case.file)
    for action in set(Action) - {Action.CREATE, Action.SEE_PEOPLE}:
        with pytest.raises(NotFound, match="no such request"):
            calls[action]()
    assert case.other not in {row.id for row in airlock.requests(who).items}


@pytest.mark.parametrize("asks", [Role.DATA_ANALYST, Role.DATA_STEWARD], ids=str)
def test_who_asks_in_a_direction_decides_on_nobody_in_it(asks: Role, case: Case) -> None:
    direction = OUT if asks is Role.DATA_ANALYST else IN
    both = person("somebody", asks, Role.OUTPUT_CHECKER, Role.INFORMATION_ASSET_OWNER)
    request = case.ids[direction, "subject-another"]
    with pytest.raises(Refused):
        _calls(case.site.outside, both, direction, request, case.file)[Action.DECIDE]()


def test_a_workspace_speaks_for_its_own_project_alone(case: Case) -> None:
    who = Person(
        subject=_SAFE,
        name="somebody",
        grants=frozenset({Grant("heart", Role.DATA_ANALYST), Grant("lungs", Role.DATA_ANALYST)}),
        door=Door.INSIDE,
        bound_to="lungs",
    )
    with pytest.raises(NotFound):
        case.site.inside.request(who, case.ids[OUT, _SAFE])
    with pytest.raises(Refused):
        case.site.inside.create(who, "heart", OUT, "t")
    assert [project.name for project in case.site.inside.projects(who)] == ["lungs"]


def test_the_site_s_own_staff_read_no_content_and_decide_nothing(case: Case) -> None:
    everything = Person(
        subject=_SAFE,
        name="somebody",
        grants=frozenset({Grant("site", Role.AUDITOR), Grant("site", Role.OPERATOR)}),
    )
    calls = _calls(case.site.outside, everything, OUT, case.ids[OUT, "subject-another"], case.file)
    for action in (Action.READ, Action.DECIDE, Action.REVOKE, Action.PICK_UP):
        with pytest.raises(Refused):
            calls[action]()
