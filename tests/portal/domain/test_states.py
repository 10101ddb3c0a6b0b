"""The transition table: what is in it, and that nothing else is."""

from __future__ import annotations

from itertools import product

import pytest

from portal.domain.errors import Conflict
from portal.domain.states import ENDED, TRANSITIONS, WORK, State, Step, move, retried

_STEPS_OF_PEOPLE = {
    Step.SUBMIT,
    Step.APPROVE,
    Step.REJECT,
    Step.ASK_FOR_CHANGES,
    Step.CANCEL,
    Step.REVOKE,
}


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)), ids=str)
def test_a_step_moves_as_the_table_says_or_is_refused(state: State, step: Step) -> None:
    if (state, step) in TRANSITIONS:
        assert move(state, step).after is TRANSITIONS[state, step]
    else:
        with pytest.raises(Conflict):
            move(state, step)


def test_nothing_leaves_an_ended_state() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] in ENDED]


def test_bytes_leave_by_one_way_only() -> None:
    """Released comes from releasing alone, releasing from approved alone, approved from a review alone."""
    ways = {after: [pair[0] for pair, to in TRANSITIONS.items() if to is after] for after in State}
    assert ways[State.RELEASED] == [State.RELEASING]
    assert ways[State.RELEASING] == [State.APPROVED]
    assert ways[State.APPROVED] == [State.IN_REVIEW]
    assert ways[State.IN_REVIEW] == [State.CHECKING]


def test_every_state_is_reached_from_a_draft() -> None:
    reached, waiting = {State.DRAFT}, [State.DRAFT]
    while waiting:
        here = waiting.pop()
        new = {after for (before, _), after in TRANSITIONS.items() if before is here} - reached
        reached |= new
        waiting += new
    assert reached == set(State)


@pytest.mark.parametrize("state", sorted(set(State) - ENDED - {State.RELEASED}), ids=str)
def test_every_state_that_waits_can_end_without_a_person(state: State) -> None:
    """Work fails visibly after its limit; what waits for people expires (promise `stuck-requests-expire`)."""
    ways = {step for (before, step) in TRANSITIONS if before is state}
    assert state is State.FAILED or ways & {Step.EXPIRE, Step.FAIL}
    assert state is State.FAILED or not ways <= _STEPS_OF_PEOPLE


@pytest.mark.parametrize("state", list(State), ids=str)
def test_a_retry_leads_back_to_the_work_that_failed(state: State) -> None:
    if state in WORK:
        assert retried(state).after is state
    else:
        with pytest.raises(Conflict):
            retried(state)
