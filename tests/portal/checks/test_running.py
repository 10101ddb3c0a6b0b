"""How checks are run: no fault passes for clean, and no fault of the store for a verdict."""

from __future__ import annotations

import asyncio
import dataclasses
import tracemalloc
from collections.abc import AsyncIterator, Iterator

import pytest

from portal.checks import Held, NoScanner, Outcome, check, running
from portal.checks.subject import Context, Said, Subject
from portal.checks.window import BLOCK, Deadline, Hostile, Unreadable, window
from portal.domain.errors import Unavailable
from portal.domain.policy import CheckName
from tests.portal.checks import made
from tests.portal.checks.held import checked, held, project


def _failing(subject: Subject, context: Context) -> Iterator[Said]:
    raise ValueError("the secret content of the file")
    yield  # a generator like any check


@pytest.mark.parametrize("place", [0, 1, 2], ids=["type", "opaque", "metadata"])
def test_a_check_that_raises_makes_the_file_unreadable_and_tells_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    checks = list(running._CHECKS)  # pyright: ignore[reportPrivateUsage]
    name: CheckName = checks[place][0]
    checks[place] = (name, "1", _failing)
    monkeypatch.setattr(running, "_CHECKS", tuple(checks))
    found = checked([held("a.csv", made.TABLE), held("b.csv", made.TABLE)])
    failed = [finding for finding in found if finding.check == name]
    assert [finding.outcome for finding in failed] == [Outcome.UNREADABLE, Outcome.UNREADABLE]
    assert failed[0].summary == "the check failed"
    assert failed[0].detail == {"problem": "ValueError"}
    assert "secret" not in str(found)


def test_every_file_gets_verdicts_in_the_order_given() -> None:
    files = [held(f"{n}.csv", made.TABLE if n % 2 else b"") for n in range(20)]
    found = checked(files)
    order = list(dict.fromkeys(finding.file_id for finding in found))
    assert order == [file.file_id for file in files]


async def _broken(start: int, end: int | None) -> AsyncIterator[bytes]:
    raise Unavailable("the object store does not answer")
    yield b""


def test_a_store_that_does_not_answer_is_no_verdict() -> None:
    file = dataclasses.replace(held("a.csv", made.TABLE), opener=_broken)
    with pytest.raises(Unavailable):
        checked([file])


def _through(file: Held, use: str, seconds: float = 10) -> object:
    async def run() -> object:
        loop = asyncio.get_running_loop()

        def read() -> object:
            with window(file, loop, Deadline(seconds)) as source:
                if use == "end":
                    source.seek(-5, 2)
                    return source.read(100)
                if use == "all":
                    return b"".join(iter(lambda: source.read(1000), b""))
                return source.read(1 << 40)

        return await asyncio.to_thread(read)

    return asyncio.run(run())


def test_a_window_reads_any_range_as_a_file_does() -> None:
    body = bytes(range(256)) * ((BLOCK // 256) * 2 + 3)
    assert _through(held("a", body), "end") == body[-5:]
    assert _through(held("a", body), "all") == body


def test_a_window_never_reads_more_than_is_reasonable() -> None:
    with pytest.raises(Hostile):
        _through(held("a", bytes(10)), "huge")


def test_a_window_stops_when_the_time_is_up() -> None:
    with pytest.raises(Unreadable, match="too long"):
        _through(held("a", bytes(10)), "all", seconds=0)


async def _stuck(start: int, end: int | None) -> AsyncIterator[bytes]:
    await asyncio.sleep(3600)
    yield b""


def test_a_store_that_is_stuck_does_not_hold_a_check_for_ever() -> None:
    with pytest.raises(Unreadable, match="too long"):
        _through(dataclasses.replace(held("a", bytes(10)), opener=_stuck), "all", seconds=0.2)


async def _lines(start: int, end: int | None) -> AsyncIterator[bytes]:
    at, last = start, end or 0
    while at < last:
        piece = b"a,b\n"[at % 4 :] + b"a,b\n" * 1000
        yield piece[: last - at]
        at += min(len(piece), last - at)


@pytest.mark.parametrize("path", ["a.csv", "a.txt"])
def test_a_large_file_is_checked_in_little_memory(path: str) -> None:
    file = Held(path, path, 8 << 20, "text/csv", _lines)
    tracemalloc.start()
    try:
        found = checked([file], project(tier=1))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert Outcome.UNREADABLE not in {f.outcome for f in found if f.check != "malware"}
    assert peak < 16 << 20


def test_a_check_that_is_cancelled_stops_reading() -> None:
    asked: list[int] = []

    async def slow(start: int, end: int | None) -> AsyncIterator[bytes]:
        asked.append(start)
        await asyncio.sleep(0.05)
        yield b" " * ((end or 0) - start)

    file = Held("a.txt", "a.txt", 1 << 30, "text/plain", slow)

    async def cancelled() -> int:
        async def run() -> None:
            async for _ in check([file], project(), NoScanner()):
                pass

        task = asyncio.create_task(run())
        while len(asked) < 3 and not task.done():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return len(asked)

    before = asyncio.run(cancelled())  # which waits for the thread
    assert len(asked) <= before + 1
