"""What does not answer: the request waits, is tried again and then fails visibly; nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest
from sqlalchemy import select

from portal.database.opening import Database
from portal.database.tables import RequestRow
from portal.domain.errors import Conflict, Unavailable
from portal.domain.states import State
from portal.store import Area, Areas, Piece
from portal.worker import WorkerParts, freezing, leasing, working
from tests.portal.conftest import MovableClock
from tests.portal.service.site import ANN, CARL, OTTO, Site, inside, run


class Failing(Areas):
    """Areas that refuse some calls for a while."""

    refusing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, areas: Areas) -> Failing:
        """Return the same areas, which can fail."""
        found = cls.__new__(cls)
        found.__dict__.update(areas.__dict__)
        return found

    def _maybe(self, call: str) -> None:
        if call in self.refusing:
            raise Unavailable("the disk is full" if call == "write" else "the store does not answer")

    async def move(self, source: Area, target: Area, key: str) -> None:
        self._maybe("move")
        await super().move(source, target, key)

    async def digest(self, area: Area, keys: Sequence[str]) -> Piece:
        self._maybe("digest")
        return await super().digest(area, keys)

    async def copy_joined(self, source: Area, keys: Sequence[str], target: Area, key: str) -> Piece:
        self._maybe("copy_joined")
        return await super().copy_joined(source, keys, target, key)

    async def remove(self, area: Area, prefix: str) -> int:
        self._maybe("remove")
        return await super().remove(area, prefix)


@pytest.fixture
def failing(site: Site) -> Failing:
    """Let the site's areas fail when they are told to."""
    found = site.areas = Failing.of(site.areas)
    return found


def moving(site: Site) -> MovableClock:
    """Return the site's clock as one that moves."""
    return cast(MovableClock, site.clock)


def wait_out(site: Site, rounds: int = 8) -> None:
    """Let the worker try as often as it does."""
    for _ in range(rounds):
        site.work()
        moving(site).move(minutes=6)


def test_a_scanner_that_is_down_is_waited_for(site: Site) -> None:
    site.scanner.down = True
    request = site.submitted()
    for _ in range(3):
        site.work()
        moving(site).move(minutes=6)
    assert site.state(request.id) is State.CHECKING
    assert site.show(request.id).verdicts == ()
    site.scanner.down = False
    site.work()
    assert site.state(request.id) is State.IN_REVIEW


def test_a_scanner_that_stays_down_fails_the_request_and_a_retry_brings_it_back(any_site: Site) -> None:
    site = any_site
    site.scanner.down = True
    request = site.submitted()
    wait_out(site)
    found = site.show(request.id).request
    assert (found.state, found.reason) == (State.FAILED, "the scanner does not answer")
    site.scanner.down = False
    site.outside.retry(OTTO, request.id)
    site.work()
    assert site.state(request.id) is State.IN_REVIEW


@pytest.mark.parametrize("call", ["move", "digest", "remove"])
def test_a_store_that_refuses_while_freezing(site: Site, failing: Failing, call: str) -> None:
    failing.refusing = frozenset({call})
    request = site.submitted()
    site.work()
    assert site.state(request.id) is State.SUBMITTED
    failing.refusing = frozenset()
    moving(site).move(minutes=6)
    site.work()
    assert site.state(request.id) is State.IN_REVIEW


def test_a_full_disk_while_releasing(site: Site, failing: Failing) -> None:
    detail = site.in_review()
    site.decide(CARL, detail.request.id)
    failing.refusing = frozenset({"copy_joined"})
    wait_out(site, 9)
    assert site.state(detail.request.id) is State.FAILED
    assert site.stored(Area.RELEASED_OUTPUTS) == []
    failing.refusing = frozenset()
    site.outside.retry(OTTO, detail.request.id)
    site.work()
    assert site.fetch(detail.request.id, detail.files[0].id) == b"a,b\n100,200\n"


def test_a_stream_that_breaks_off_leaves_nothing_and_goes_on_later(site: Site) -> None:
    request = site.draft()
    ann = inside(ANN)
    file = site.inside.add_file(ann, request.id, "table.csv", 6)

    async def broken() -> AsyncIterator[bytes]:
        yield b"abc"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        run(site.inside.upload(ann, request.id, file.id, 0, broken(), last=True))
    assert site.show(request.id).files[0].size == 0
    site.put(request, "other.csv", b"x")
    with pytest.raises(Conflict, match="incomplete"):
        site.inside.submit(ann, request.id)


def test_a_worker_that_dies_each_time_fails_the_request(site: Site) -> None:
    """An attempt counts when it begins, so that bytes that kill their worker do not do so for ever."""
    request = site.submitted()
    for _ in range(8):
        assert leasing.take(site.worker.parts) is not None  # and dies
        moving(site).move(minutes=6)
    site.work()
    assert site.state(request.id) is State.FAILED
    assert "8 attempts" in site.show(request.id).request.reason


def test_two_workers_never_have_one_request(any_site: Site) -> None:
    site = any_site
    first, second = site.submitted().id, site.submitted().id
    taken = [leasing.take(site.worker.parts) for _ in range(3)]
    assert {lease.request_id for lease in taken if lease} == {first, second}
    assert taken[2] is None
    moving(site).move(seconds=61)
    again = leasing.take(site.worker.parts)
    assert again is not None
    assert again.attempt == 2


def test_what_a_worker_does_after_it_lost_a_request_counts_for_nothing(site: Site) -> None:
    site.submitted()
    slow = leasing.take(site.worker.parts)
    assert slow is not None
    moving(site).move(minutes=2)
    site.work()
    before = site.show(slow.request_id)
    assert before.request.state is State.IN_REVIEW
    with pytest.raises(leasing.Lost):
        run(freezing.freeze(site.worker.parts, slow))
    assert site.show(slow.request_id).request.version == before.request.version


def test_workers_side_by_side_take_each_step_once(any_site: Site) -> None:
    site = any_site
    ids = [site.submitted({"t.csv": f"{n}".encode()}).id for n in range(6)]

    async def side_by_side() -> None:
        stop = asyncio.Event()
        workers = [asyncio.create_task(site.worker.run(stop)) for _ in range(2)]
        while any(site.state(request_id) is not State.IN_REVIEW for request_id in ids):
            await asyncio.sleep(0.05)
        stop.set()
        await asyncio.gather(*workers)

    run(asyncio.wait_for(side_by_side(), 60))
    for request_id in ids:
        actions = [step.action for step in site.show(request_id).timeline]
        assert actions == ["create", "submit", "freeze", "pass"]


@pytest.mark.parametrize("days", [-400, 400], ids=["backwards", "forwards"])
def test_a_clock_that_was_wrong_for_a_while_strands_nothing(site: Site, days: int) -> None:
    clock = moving(site)
    clock.move(days=days)
    detail = site.submitted()
    held = leasing.take(site.worker.parts)  # a worker takes it and dies, while the clock is wrong
    assert held is not None
    clock.move(days=-days)
    clock.move(minutes=6)
    site.work()
    assert site.state(detail.id) is State.IN_REVIEW
    site.decide(CARL, detail.id)
    site.work()
    assert site.fetch(detail.id, site.show(detail.id).files[0].id)


def test_a_clock_that_jumps_ahead_ends_a_draft_but_takes_no_bytes(site: Site) -> None:
    request = site.draft()
    site.put(request, "table.csv", b"abc")
    moving(site).move(days=3650)
    site.work()
    assert site.state(request.id) is State.EXPIRED
    moving(site).move(days=-3650)
    site.work()
    assert len(site.stored(Area.OUTPUT_UPLOADS)) == 1


def test_a_database_that_does_not_answer_is_said_so(site: Site) -> None:
    missing = Database.open("postgresql+psycopg://nobody@/none?host=/nowhere")
    site.database = missing
    with pytest.raises(Unavailable):
        run(site.worker.once())


def test_a_worker_that_is_stopped_gives_its_request_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def endless(parts: WorkerParts, lease: leasing.Lease) -> None:
        begun.set()
        await asyncio.sleep(600)

    async def stopped() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(site.worker.run(stop))
        await asyncio.wait_for(begun.wait(), 30)
        stop.set()
        await asyncio.wait_for(running, 30)

    steps = {State.SUBMITTED: endless}
    monkeypatch.setattr(working, "_STEPS", steps)
    site.submitted()
    run(stopped())
    with site.database.reading() as session:
        row = session.scalars(select(RequestRow)).one()
        assert (row.lease, row.leased_until, row.attempts) == ("", None, 0)
        assert row.try_at is not None
    monkeypatch.undo()
    site.work()
    with site.database.reading() as session:
        assert session.scalars(select(RequestRow.state)).one() == State.IN_REVIEW.value
