"""How states, outcomes and ages look: always a shape and a word together with the colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from portal.domain.states import State

_DAY: Final = 86_400.0


@dataclass(frozen=True)
class Mark:
    """A tone (`ok`, `info`, `warn`, `bad` or `plain`) and the name of an icon."""

    tone: str
    icon: str


_STATES: Final[Mapping[State, Mark]] = {
    State.DRAFT: Mark("plain", "pen"),
    State.SUBMITTED: Mark("info", "turn"),
    State.CHECKING: Mark("info", "turn"),
    State.BLOCKED: Mark("bad", "stop"),
    State.IN_REVIEW: Mark("warn", "eye"),
    State.CHANGES_REQUESTED: Mark("warn", "back"),
    State.APPROVED: Mark("info", "turn"),
    State.RELEASING: Mark("info", "turn"),
    State.RELEASED: Mark("ok", "parcel"),
    State.REJECTED: Mark("bad", "stop"),
    State.CANCELLED: Mark("plain", "minus"),
    State.EXPIRED: Mark("plain", "clock"),
    State.FAILED: Mark("bad", "warn"),
    State.REVOKED: Mark("bad", "back"),
}
_OUTCOMES: Final[Mapping[str, Mark]] = {
    "clean": Mark("ok", "check"),
    "warning": Mark("warn", "warn"),
    "bad": Mark("bad", "stop"),
    "unreadable": Mark("bad", "question"),
}
_DECISIONS: Final[Mapping[str, Mark]] = {
    "approve": Mark("ok", "check"),
    "reject": Mark("bad", "stop"),
    "changes": Mark("warn", "back"),
}


def of_state(state: State) -> Mark:
    """Return a state's mark."""
    return _STATES[state]


def of_outcome(outcome: str) -> Mark:
    """Return the mark of a check's outcome; one that is not known is shown as a question, never as clean."""
    return _OUTCOMES.get(outcome, Mark("bad", "question"))


def of_decision(outcome: str) -> Mark:
    """Return the mark of a person's decision."""
    return _DECISIONS.get(outcome, Mark("plain", "question"))


def of_age(seconds: float) -> Mark:
    """Return the mark of something that has waited for so long."""
    if seconds < _DAY:
        return Mark("info", "clock")
    return Mark("warn", "clock") if seconds < 5 * _DAY else Mark("bad", "clock")


@dataclass(frozen=True)
class Stage:
    """One stage of a request's way: its name, and `done`, `now`, `ahead` or `stopped`."""

    name: str
    how: str


_STAGES: Final = ("draft", "checks", "review", "release", "pick_up")
_AT: Final[Mapping[State, int]] = {
    State.DRAFT: 0,
    State.CHANGES_REQUESTED: 0,
    State.SUBMITTED: 1,
    State.CHECKING: 1,
    State.BLOCKED: 1,
    State.IN_REVIEW: 2,
    State.REJECTED: 2,
    State.APPROVED: 3,
    State.RELEASING: 3,
    State.RELEASED: 4,
    State.REVOKED: 4,
}
_STOPPED: Final = frozenset(
    {State.BLOCKED, State.REJECTED, State.CANCELLED, State.EXPIRED, State.FAILED, State.REVOKED}
)


def journey(state: State, before: str, picked_up: bool) -> tuple[Stage, ...]:
    """Return the stages of a request. `before` is the last state of work, for states that can follow any."""
    earlier = State(before) if before in State.__members__.values() else State.DRAFT
    at = _AT.get(state, _AT.get(earlier, 0))
    return tuple(Stage(name, _how(index, at, state, picked_up)) for index, name in enumerate(_STAGES))


def _how(index: int, at: int, state: State, picked_up: bool) -> str:
    if index < at or (index == at and picked_up and state is State.RELEASED):
        return "done"
    if index > at:
        return "ahead"
    return "stopped" if state in _STOPPED else "now"
