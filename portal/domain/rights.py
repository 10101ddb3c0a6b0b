"""Who may do what: one table of role, action, and whose request it is. Tests try every cell.

A cell says on whose requests a role may act: nobody's, one's own, those of others, or any. The more that several
roles of a person allow is what the person may, with one exception: whoever holds a role that asks (Data Analyst, Data
Steward) in a project never decides in it on a request of that role's direction, whatever else the token says
(SATRE 3.1.06, 3.3.05).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from portal.domain.errors import NotFound, Refused
from portal.domain.people import Door, Person, Role
from portal.domain.states import Direction


class Action(enum.StrEnum):
    """What a person can ask of the airlock."""

    CREATE = "create"
    UPLOAD = "upload"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    SEE = "see"
    """Know that a request exists: its title, state, file names, sizes, hashes and results of checks."""
    READ = "read"
    """See the content of a frozen file, as a preview; as a download where the tier allows."""
    DECIDE = "decide"
    REVOKE = "revoke"
    RETRY = "retry"
    PICK_UP = "pick_up"
    """Fetch the files of a released request: outputs at the outside door, inputs at the inside door."""
    READ_RECORD = "read_record"
    SEE_PEOPLE = "see_people"


class Whose(enum.Flag):
    """On whose requests."""

    NOBODY = 0
    OWN = enum.auto()
    OTHERS = enum.auto()
    ANY = OWN | OTHERS


_OUT: Final = Direction.OUTPUT
_IN: Final = Direction.INPUT

RIGHTS: Final[Mapping[Role, Mapping[tuple[Direction, Action], Whose]]] = {
    Role.DATA_ANALYST: {
        **{(_OUT, action): Whose.OWN for action in (Action.CREATE, Action.UPLOAD, Action.SUBMIT)},
        (_OUT, Action.WITHDRAW): Whose.OWN,
        (_OUT, Action.SEE): Whose.ANY,
        (_OUT, Action.PICK_UP): Whose.OWN,
        (_IN, Action.SEE): Whose.ANY,
        (_IN, Action.PICK_UP): Whose.ANY,
    },
    Role.DATA_STEWARD: {
        **{(_IN, action): Whose.OWN for action in (Action.CREATE, Action.UPLOAD, Action.SUBMIT)},
        (_IN, Action.WITHDRAW): Whose.OWN,
        (_IN, Action.SEE): Whose.ANY,
    },
    Role.OUTPUT_CHECKER: {
        **{
            (direction, action): Whose.OTHERS
            for direction in (_OUT, _IN)
            for action in (Action.SEE, Action.READ, Action.DECIDE, Action.REVOKE)
        },
    },
    Role.INFORMATION_ASSET_OWNER: {
        **{
            (direction, action): Whose.OTHERS
            for direction in (_OUT, _IN)
            for action in (Action.READ, Action.DECIDE, Action.REVOKE)
        },
        **{
            (direction, action): Whose.ANY
            for direction in (_OUT, _IN)
            for action in (Action.SEE, Action.SEE_PEOPLE)
        },
    },
    Role.PROJECT_MANAGER: {
        (_OUT, Action.SEE): Whose.ANY,
        (_IN, Action.SEE): Whose.ANY,
        (_OUT, Action.SEE_PEOPLE): Whose.ANY,
        (_IN, Action.SEE_PEOPLE): Whose.ANY,
    },
    Role.AUDITOR: {
        **{
            (direction, action): Whose.ANY
            for direction in (_OUT, _IN)
            for action in (Action.SEE, Action.READ_RECORD, Action.SEE_PEOPLE)
        },
    },
    Role.OPERATOR: {
        **{
            (direction, action): Whose.ANY
            for direction in (_OUT, _IN)
            for action in (Action.SEE, Action.RETRY, Action.SEE_PEOPLE)
        },
    },
}
"""What is not written is nobody's."""

_AT_DOOR: Final[Mapping[Action, Mapping[Direction, frozenset[Door]]]] = {
    **{
        action: {_OUT: frozenset({Door.INSIDE}), _IN: frozenset({Door.OUTSIDE})}
        for action in (Action.CREATE, Action.UPLOAD, Action.SUBMIT, Action.WITHDRAW)
    },
    Action.PICK_UP: {_OUT: frozenset({Door.OUTSIDE}), _IN: frozenset({Door.INSIDE})},
    Action.SEE: {_OUT: frozenset(Door), _IN: frozenset(Door)},
}
"""At which door an action is offered; what is not written is offered outside alone."""

ASKS: Final[Mapping[Direction, Role]] = {_OUT: Role.DATA_ANALYST, _IN: Role.DATA_STEWARD}
"""The role that asks in each direction."""


def offered(door: Door, direction: Direction, action: Action) -> bool:
    """Tell whether a door offers an action at all, whoever asks."""
    return door in _AT_DOOR.get(action, {}).get(direction, frozenset({Door.OUTSIDE}))


def whose(person: Person, project: str, direction: Direction, action: Action) -> Whose:
    """Return on whose requests in a project the person may act, at the door through which they come."""
    roles = person.roles(project)
    if not offered(person.door, direction, action):
        return Whose.NOBODY
    if action is Action.DECIDE and ASKS[direction] in roles:
        return Whose.NOBODY
    found = Whose.NOBODY
    for role in roles:
        found |= RIGHTS[role].get((direction, action), Whose.NOBODY)
    return found


def may(person: Person, project: str, direction: Direction, action: Action, requester: str) -> bool:
    """Tell whether the person may do this to the request of `requester` (a subject)."""
    cell = whose(person, project, direction, action)
    return bool(cell & (Whose.OWN if requester == person.subject else Whose.OTHERS))


def check(person: Person, project: str, direction: Direction, action: Action, requester: str) -> None:
    """Refuse what the table does not allow.

    Raises:
        NotFound: the person may not even know of the request.
        Refused: the person may know of it, and may not do this.
    """
    if may(person, project, direction, action, requester):
        return
    if action is not Action.CREATE and not may(person, project, direction, Action.SEE, requester):
        raise NotFound("there is no such request", "Check the number, and the project you are in.")
    raise Refused(
        f"your roles in {project} do not let you {action.replace('_', ' ')} this",
        "Whoever asks never decides; ask somebody of the project who holds the role.",
    )
