"""The worker: takes every request forward that a person need not, and never depends on being told.

It finds its work in the database, several of them side by side, and may be killed at any moment: every step either
is one transaction or can be done again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.errors import AirlockError
from portal.domain.states import State, Step
from portal.record.signing import publish
from portal.service import moving
from portal.worker import checking, ending, freezing, leasing, notices, releasing
from portal.worker.freezing import Tampered
from portal.worker.leasing import LOG, Lease, Lost
from portal.worker.parts import WorkerParts
from portal.worker.releasing import Unproved

_FINAL: Final = (Tampered, Unproved)
"""What no further try would change."""
_SWEEPING: Final = 3600.0
"""Seconds between two rounds of sweeping the areas."""


class Worker:
    """Does what happens by itself."""

    def __init__(self, parts: WorkerParts) -> None:
        self.parts = parts

    async def once(self) -> bool:
        """Do one round of everything that is due, and tell whether there was anything.

        Raises:
            Unavailable: the database does not answer.
        """
        worked = await self.work()
        return await self.tidy() or worked

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; what is under way then is given back, for whoever takes it up next."""
        patience = self.parts.patience
        loops = [_repeat(self.work, patience.look, stop) for _ in range(patience.side_by_side)]
        tidying = [_repeat(self.tidy, patience.tidy, stop), _repeat(self._sweep, _SWEEPING, stop)]
        tasks = [asyncio.create_task(loop) for loop in (*loops, *tidying)]
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def publish(self) -> None:
        """Write the public key of the records down, so that it is known before the first of them."""
        parts = self.parts
        await asyncio.to_thread(
            parts.database.write, lambda session: publish(session, parts.clock, parts.signer) and None
        )

    async def work(self) -> bool:
        """Take one request one step forward; tell whether there was one."""
        lease = await self._taken()
        if lease is None:
            return False
        with contextlib.suppress(Lost):
            await self._step(lease)
        return True

    async def _taken(self) -> Lease | None:
        """Take a request; told to stop meanwhile, give back what the thread has taken all the same."""
        taking = asyncio.create_task(asyncio.to_thread(leasing.take, self.parts))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            with contextlib.suppress(AirlockError):
                if lease := await taking:
                    leasing.given_back(self.parts, lease)
            raise

    async def tidy(self) -> bool:
        """End what is overdue, remove what is to be forgotten, send what waits; tell whether there was anything."""
        expired = await ending.expire(self.parts)
        forgotten = await ending.forget(self.parts)
        return await notices.send(self.parts) or expired or forgotten

    async def _sweep(self) -> bool:
        await ending.sweep(self.parts)
        return False

    async def _step(self, lease: Lease) -> None:
        parts = self.parts
        if lease.attempt > parts.patience.attempts and lease.state not in _CLEANED:
            await self._fail(lease, f"it did not get on in {parts.patience.attempts} attempts")
            return
        try:
            async with leasing.kept(parts, lease):
                await _STEPS[lease.state](parts, lease)
        except Lost:
            raise
        except asyncio.CancelledError:
            # Else nobody could take it up before the lease ends. What a thread still does finds the lease gone.
            with contextlib.suppress(AirlockError):
                leasing.given_back(parts, lease)
            raise
        except _FINAL as error:
            LOG.error("refused", extra={"request_id": lease.request_id, "code": error.code})
            await self._fail(lease, error.what)
        except Exception as error:  # whatever it is, the request waits and is tried again
            await self._again(lease, error)

    async def _again(self, lease: Lease, error: Exception) -> None:
        what = (
            error.what
            if isinstance(error, AirlockError)
            else f"a fault of the airlock: {type(error).__name__}"
        )
        patience = self.parts.patience
        fault = None if isinstance(error, AirlockError) else error
        about = {"request_id": lease.request_id, "attempt": lease.attempt, "why": what}
        LOG.warning("put off", extra=about, exc_info=fault)
        if lease.attempt >= patience.attempts and lease.state not in _CLEANED:
            await self._fail(lease, what)
            return
        await asyncio.to_thread(leasing.later, self.parts, lease, patience.pause(lease.attempt))

    async def _fail(self, lease: Lease, why: str) -> None:
        def run(session: Session) -> None:
            row = leasing.held(session, lease)
            leasing.free(row)
            moving.change(session, self.parts.clock, row, Step.FAIL, moving.AIRLOCK, why)

        await asyncio.to_thread(self.parts.database.write, run)


async def _begin(parts: WorkerParts, lease: Lease) -> None:
    await asyncio.to_thread(parts.database.write, lambda session: releasing.begin(parts, session, lease))


_STEPS: Final[dict[State, Callable[[WorkerParts, Lease], Awaitable[None]]]] = {
    State.SUBMITTED: freezing.freeze,
    State.CHECKING: checking.check_files,
    State.APPROVED: _begin,
    State.RELEASING: releasing.release,
    State.REVOKED: releasing.clean,
    State.FAILED: releasing.clean,
}
"""What is done in each state; in every other the request waits for a person or for its time."""
_CLEANED: Final = frozenset({State.REVOKED, State.FAILED})


async def _repeat(work: Callable[[], Awaitable[bool]], pause: float, stop: asyncio.Event) -> None:
    """Do something over and over, with a pause wherever there was nothing to do or something failed."""
    while not stop.is_set():
        try:
            if await work():
                continue
        except AirlockError as error:
            LOG.warning("waiting", extra={"code": error.code, "why": error.what})
        except Exception:
            LOG.exception("a round failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
