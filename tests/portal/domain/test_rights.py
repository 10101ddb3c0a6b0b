"""The authorisation matrix, cell by cell, against a table written independently of the code."""

from __future__ import annotations

from itertools import product

import pytest

from portal.domain.errors import NotFound, Refused
from portal.domain.people import SITE, Door, Grant, Person, Role, grants
from portal.domain.rights import Action, check, may, offered, whose
from portal.domain.states import Direction

_TABLE = """
role                      output                                                        input
data-analyst              create:own upload:own submit:own withdraw:own see:any pick_up:own | see:any pick_up:any
data-steward              | create:own upload:own submit:own withdraw:own see:any
output-checker            see:others read:others decide:others revoke:others | see:others read:others decide:others revoke:others
information-asset-owner   see:any read:others decide:others revoke:others see_people:any | see:any read:others decide:others revoke:others see_people:any
project-manager           see:any see_people:any | see:any see_people:any
auditor                   see:any read_record:any see_people:any | see:any read_record:any see_people:any
operator                  see:any retry:any see_people:any | see:any retry:any see_people:any
"""  # noqa: E501 - a table
_DOORS = {
    "create": ("inside", "outside"),
    "upload": ("inside", "outside"),
    "submit": ("inside", "outside"),
    "withdraw": ("inside", "outside"),
    "pick_up": ("outside", "inside"),
}
"""At which door an action on an output, and on an input, is offered; `see` at both, the rest outside alone."""
_SITE_ROLES = {Role.AUDITOR, Role.OPERATOR}


def _expected() -> dict[tuple[str, str, str], str]:
    cells: dict[tuple[str, str, str], str] = {}
    for line in _TABLE.strip().splitlines()[1:]:
        role, _, rest = line.partition(" ")
        for direction, side in zip(("output", "input"), rest.split("|"), strict=True):
            for cell in side.split():
                action, _, requests = cell.partition(":")
                cells[role, direction, action] = requests
    return cells


def _doors(action: str, direction: str) -> set[str]:
    if action == "see":
        return {"inside", "outside"}
    pair = _DOORS.get(action, ("outside", "outside"))
    return {pair[0] if direction == "output" else pair[1]}


def _person(role: Role, door: Door, project: str = "heart") -> Person:
    scope = SITE if role in _SITE_ROLES else project
    bound = "heart" if door is Door.INSIDE else ""
    return Person("me", "me", grants=frozenset({Grant(scope, role)}), door=door, bound_to=bound)


@pytest.mark.parametrize("own", [True, False], ids=["own", "other"])
@pytest.mark.parametrize(
    ("role", "direction", "action", "door"), list(product(Role, Direction, Action, Door)), ids=str
)
def test_every_cell(role: Role, direction: Direction, action: Action, door: Door, own: bool) -> None:
    cell = _expected().get((role, direction, action), "")
    here = door in _doors(action, direction) and not (role in _SITE_ROLES and door is Door.INSIDE)
    allowed = here and cell in ({"own", "any"} if own else {"others", "any"})
    requester = "me" if own else "somebody"
    person = _person(role, door)
    assert may(person, "heart", direction, action, requester) is allowed
    elsewhere = role in _SITE_ROLES and allowed
    assert may(person, "lungs", direction, action, requester) is elsewhere, "in another project"


@pytest.mark.parametrize("direction", list(Direction), ids=str)
def test_who_asks_in_a_project_never_decides_in_it(direction: Direction) -> None:
    """Not even on the request of a colleague, whatever the token says (SATRE 3.3.05)."""
    asks = {Direction.OUTPUT: Role.DATA_ANALYST, Direction.INPUT: Role.DATA_STEWARD}[direction]
    both = Person("me", "me", grants=frozenset({Grant("heart", asks), Grant("heart", Role.OUTPUT_CHECKER)}))
    assert not may(both, "heart", direction, Action.DECIDE, "somebody")
    elsewhere = Person(
        "me", "me", grants=frozenset({Grant("lungs", asks), Grant("heart", Role.OUTPUT_CHECKER)})
    )
    assert may(elsewhere, "heart", direction, Action.DECIDE, "somebody")


def test_a_person_without_roles_may_nothing_and_learns_nothing() -> None:
    nobody = Person("me", "me")
    for direction, action in product(Direction, Action):
        assert not whose(nobody, "heart", direction, action)
        if action is not Action.CREATE:
            with pytest.raises(NotFound):
                check(nobody, "heart", direction, action, "somebody")


def test_who_may_see_is_told_that_they_may_not_act() -> None:
    with pytest.raises(Refused, match="do not let you decide"):
        check(_person(Role.DATA_ANALYST, Door.OUTSIDE), "heart", Direction.OUTPUT, Action.DECIDE, "somebody")


def test_a_workspace_speaks_for_its_own_project_alone() -> None:
    groups = ["tre:demo:heart:data-analyst", "tre:demo:lungs:data-analyst", "tre:demo:site:auditor"]
    inside = Person("me", "me", grants=grants("demo", groups), door=Door.INSIDE, bound_to="heart")
    assert inside.roles("heart") == {Role.DATA_ANALYST}
    assert inside.roles("lungs") == frozenset()
    assert inside.site_wide == frozenset()
    assert inside.projects() == {"heart"}


def test_the_inside_door_offers_neither_decisions_nor_content() -> None:
    actions = [Action.DECIDE, Action.READ, Action.REVOKE, Action.RETRY, Action.READ_RECORD, Action.SEE_PEOPLE]
    assert not [pair for pair in product(Direction, actions) if offered(Door.INSIDE, *pair)]


@pytest.mark.parametrize(
    "group",
    [
        "tre:other:heart:data-analyst",
        "tre:demo:heart:emperor",
        "tre:demo::data-analyst",
        "demo:heart:data-analyst",
        "tre:demo:heart:data-analyst:more",
        "",
        "TRE:DEMO:heart:data-analyst",
    ],
)
def test_a_group_that_is_not_ours_grants_nothing(group: str) -> None:
    assert grants("demo", [group]) == frozenset()
