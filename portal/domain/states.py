"""The states of a request and the only ways between them.

Every change of state is one row of `TRANSITIONS`, made in one database transaction with its event; a test draws the
diagram of docs/how-to from this table and another walks every pair that is not in it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from portal.domain.errors import Conflict


class Direction(enum.StrEnum):
    """Which way the files go: an output leaves the TRE, an input comes in."""

    OUTPUT = "output"
    INPUT = "input"


class State(enum.StrEnum):
    """Where a request stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    CHECKING = "checking"
    BLOCKED = "blocked"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    RELEASING = "releasing"
    RELEASED = "released"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    REVOKED = "revoked"


class Step(enum.StrEnum):
    """What moves a request from one state to another."""

    SUBMIT = "submit"
    FREEZE = "freeze"
    """The worker has taken the bytes into its own area and found them to be those of the manifest."""
    BLOCK = "block"
    PASS = "pass"  # noqa: S105 - a step, not a password
    APPROVE = "approve"
    REJECT = "reject"
    ASK_FOR_CHANGES = "ask_for_changes"
    RELEASE = "release"
    """The worker has begun to copy the approved bytes out."""
    FINISH = "finish"
    """Every approved byte stands in the release area and was hashed again."""
    CANCEL = "cancel"
    EXPIRE = "expire"
    FAIL = "fail"
    RETRY = "retry"
    REVOKE = "revoke"


TRANSITIONS: Final[Mapping[tuple[State, Step], State]] = {
    (State.DRAFT, Step.SUBMIT): State.SUBMITTED,
    (State.CHANGES_REQUESTED, Step.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Step.FREEZE): State.CHECKING,
    (State.CHECKING, Step.BLOCK): State.BLOCKED,
    (State.CHECKING, Step.PASS): State.IN_REVIEW,
    (State.IN_REVIEW, Step.APPROVE): State.APPROVED,
    (State.IN_REVIEW, Step.REJECT): State.REJECTED,
    (State.IN_REVIEW, Step.ASK_FOR_CHANGES): State.CHANGES_REQUESTED,
    (State.APPROVED, Step.RELEASE): State.RELEASING,
    (State.RELEASING, Step.FINISH): State.RELEASED,
    **{
        (state, Step.CANCEL): State.CANCELLED
        for state in (State.DRAFT, State.SUBMITTED, State.IN_REVIEW, State.CHANGES_REQUESTED)
    },
    **{
        (state, Step.EXPIRE): State.EXPIRED
        for state in (State.DRAFT, State.IN_REVIEW, State.CHANGES_REQUESTED, State.RELEASED, State.FAILED)
    },
    **{
        (state, Step.FAIL): State.FAILED
        for state in (State.SUBMITTED, State.CHECKING, State.APPROVED, State.RELEASING)
    },
    **{(state, Step.REVOKE): State.REVOKED for state in (State.APPROVED, State.RELEASING, State.RELEASED)},
}
"""Every way but one: `RETRY` leads back to the state that failed, which the request remembers (`retried`)."""

ENDED: Final = frozenset({State.BLOCKED, State.REJECTED, State.CANCELLED, State.EXPIRED, State.REVOKED})
"""States that nothing leaves. Their bytes are removed after the retention time, their record never."""

WORK: Final = frozenset({State.SUBMITTED, State.CHECKING, State.APPROVED, State.RELEASING})
"""States in which the worker has something to do."""


@dataclass(frozen=True)
class Move:
    """One allowed change of state."""

    before: State
    step: Step
    after: State


def move(before: State, step: Step) -> Move:
    """Return the change of state that a step makes.

    Raises:
        Conflict: the step does not start from this state.
    """
    after = TRANSITIONS.get((before, step))
    if after is None:
        raise Conflict(
            f"a request that is {before.replace('_', ' ')} takes no step '{step.replace('_', ' ')}'",
            "Look at it again: it may have moved on.",
        )
    return Move(before, step, after)


def retried(failed_from: State) -> Move:
    """Return the change of state that a retry of a failed request makes: back to where it failed.

    Raises:
        Conflict: no request fails in this state.
    """
    if failed_from not in WORK:
        raise Conflict(f"nothing can fail while it is {failed_from}", "")
    return Move(State.FAILED, Step.RETRY, failed_from)
