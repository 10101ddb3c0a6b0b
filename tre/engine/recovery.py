"""What a killed deployment left behind: found, explained, and cleared on consent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tre.console import say
from tre.engine import ledger, state
from tre.engine.failures import LOCKED
from tre.engine.session import Session
from tre.engine.stack import Outcome
from tre.engine.state import Lock, Pending
from tre.errors import Problem, Refused, TreError

PATIENCE: Final = 30.0
"""Seconds to wait for an engine that outlived its command: without that command it ends by itself."""


@dataclass(frozen=True)
class Leftover:
    """What one stack was left with."""

    stack: str
    locks: tuple[Lock, ...] = ()
    pending: tuple[Pending, ...] = ()

    @property
    def held(self) -> list[Lock]:
        """The locks whose holder still runs: they are not ours to take away."""
        return [each for each in self.locks if each.alive]

    @property
    def stale(self) -> list[Lock]:
        """The locks whose holder is gone."""
        return [each for each in self.locks if not each.alive]

    def explain(self) -> list[str]:
        """Return what was found and what clearing it does, as sentences."""
        lines = [
            f"{self.stack} is locked by process {each.process} of {each.user}@{each.host} since {each.since}, "
            "which still runs: wait for it."
            for each in self.held
        ]
        lines += [
            f"{self.stack} is locked by process {each.process} of {each.user}@{each.host} since {each.since}, "
            "which is gone: the lock is taken away."
            for each in self.stale
        ]
        if self.pending:
            lines.append(
                f"{self.stack} was interrupted while {_list(self.pending)}: what is really there is read back, and "
                "the next deployment makes what is missing."
            )
        return lines

    def document(self) -> dict[str, Any]:
        """Return the leftovers as JSON-ready fields."""
        return {
            "stack": self.stack,
            "locks": [{**vars(each), "file": str(each.file)} for each in self.locks],
            "pending": [{"urn": each.urn, "doing": each.doing} for each in self.pending],
        }


def _list(pending: Sequence[Pending]) -> str:
    shown = "; ".join(str(each) for each in pending[:5])
    return shown + (f"; and {len(pending) - 5} more" if len(pending) > 5 else "")


def find(session: Session, stacks: Iterable[str], *, thorough: bool = False) -> list[Leftover]:
    """Return the stacks that were left with locks or with operations that never ended.

    Where the state is not in local files, operations are only asked for when `thorough` (a process per stack), and
    locks are not seen at all: the engine itself reports them.
    """
    found = (_leftover(session, name, thorough) for name in stacks if name in session.marks)
    return [each for each in found if each.locks or each.pending]


def _leftover(session: Session, stack: str, thorough: bool) -> Leftover:
    locks = tuple(state.locks(session.settings, [stack]))
    if session.settings.local_state:
        return Leftover(stack, locks, tuple(state.pending(session.settings, stack)))
    pending = state.pending_in(stack, session.stack(stack).exported()) if thorough else ()
    return Leftover(stack, locks, tuple(pending))


def wait_for_engines(session: Session, stacks: Sequence[str], tell: Callable[[str], None]) -> None:
    """Wait for engines that outlived their command to end by themselves.

    Raises:
        Refused: one still runs: somebody else is deploying.
    """
    began, told = time.monotonic(), False
    while held := [each for each in state.locks(session.settings, stacks) if each.alive]:
        if time.monotonic() - began > PATIENCE:
            raise Refused(*(_held(each) for each in held), summary="Nothing was changed.")
        if not told:
            tell(f"Waiting for process {held[0].process}, which still works on {held[0].stack} ...")
            told = True
        time.sleep(0.2)


def _held(lock: Lock) -> Problem:
    what = f"is being deployed by process {lock.process} of {lock.user}@{lock.host} since {lock.since}"
    return Problem(lock.stack, what, "Wait for it to end, then try again.")


def clear(session: Session, leftover: Leftover) -> None:
    """Take away locks whose holder is gone, and settle operations that never ended by reading what is there.

    Creations that never ended are forgotten: the next deployment makes the resource, or takes over what is there.

    Raises:
        TreError: the target could not be read.
    """
    for lock in leftover.stale:
        lock.file.unlink(missing_ok=True)
    if not leftover.pending:
        return
    ledger.forget(session.folder, leftover.stack)
    outcome = session.stack(leftover.stack).refresh()
    if outcome.failed:
        raise TreError(*(each.problem() for each in outcome.failed), summary=f"The report: {outcome.report}")


def unlocked(session: Session, stack: str, run: Callable[[], Outcome]) -> Outcome:
    """Return what a run did; where another engine holds the stack, wait for its end and run once more.

    An engine takes its lock some moments after its start. One whose command was killed just then holds the stack
    after everybody has looked for locks.

    Raises:
        Refused: the other engine still runs.
        TreError: what the other engine left could not be settled.
    """
    outcome = run()
    if not session.settings.local_state or not any(LOCKED in each.words for each in outcome.failed):
        return outcome
    wait_for_engines(session, [stack], say)
    clear(session, _leftover(session, stack, thorough=False))
    return run()
