"""What every kind of store does alike."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator

import pytest

from portal.domain.errors import Invalid, NotFound, TooLarge
from portal.store.areas import Areas
from portal.store.places import Area, Piece
from tests.portal.store.stores import HELD, KEY, MIB, RELEASED, UPLOADS, joined, listed, put, stream

pytestmark = pytest.mark.anyio

_LARGE = [bytes([count]) * 700_001 for count in range(30)]
"""Twenty MiB in chunks that fit no block: enough for several requests to a remote store."""


def _piece(content: bytes) -> Piece:
    return Piece(len(content), hashlib.sha256(content).hexdigest())


async def _breaking(*chunks: bytes) -> AsyncGenerator[bytes, None]:
    for chunk in chunks:
        yield chunk
    raise ConnectionResetError("the sender went away")


async def test_what_was_written_is_read_back_with_its_size_and_hash(areas: Areas) -> None:
    content = b"".join(_LARGE)
    assert await areas.write(HELD, KEY, stream(_LARGE), len(content)) == _piece(content)
    assert await areas.size(HELD, KEY) == len(content)
    assert await joined(areas.read(HELD, KEY)) == content
    assert await areas.digest(HELD, [KEY]) == _piece(content)


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b"abc", b""], [b"a"] * 100], ids=str)
async def test_small_and_empty_objects_are_objects_too(areas: Areas, chunks: list[bytes]) -> None:
    content = b"".join(chunks)
    assert await areas.write(HELD, KEY, stream(chunks), len(content)) == _piece(content)
    assert await joined(areas.read(HELD, KEY)) == content
    assert await areas.digest(HELD, [KEY]) == _piece(content)
    await areas.move(HELD, RELEASED, KEY)
    assert await areas.copy_joined(RELEASED, [KEY], HELD, "request/whole") == _piece(content)
    assert await listed(areas, HELD) == ["request/whole"]


async def test_a_second_writing_replaces_the_first(areas: Areas) -> None:
    await put(areas, HELD, KEY, b"first and longer")
    await put(areas, HELD, KEY, b"second")
    assert await joined(areas.read(HELD, KEY)) == b"second"


@pytest.mark.parametrize("chunks", [[b"short"], _LARGE], ids=["short", "long"])
async def test_a_stream_that_breaks_leaves_nothing_and_what_was_before(
    areas: Areas, chunks: list[bytes]
) -> None:
    with pytest.raises(ConnectionResetError):
        await areas.write(HELD, KEY, _breaking(*chunks), 1 << 30)
    assert await listed(areas, HELD) == []
    await put(areas, HELD, KEY, b"before")
    with pytest.raises(ConnectionResetError):
        await areas.write(HELD, KEY, _breaking(*chunks), 1 << 30)
    assert await joined(areas.read(HELD, KEY)) == b"before"


@pytest.mark.parametrize("limit", [0, 2 * MIB - 1, 15 * MIB])
async def test_more_than_the_limit_is_refused_and_leaves_nothing(areas: Areas, limit: int) -> None:
    with pytest.raises(TooLarge, match=f"more than {limit} bytes"):
        await areas.write(HELD, KEY, stream(_LARGE), limit)
    assert await listed(areas, HELD) == []


async def test_exactly_the_limit_is_taken(areas: Areas) -> None:
    piece = await areas.write(HELD, KEY, stream([b"x" * MIB, b"y"]), MIB + 1)
    assert piece.size == MIB + 1
    with pytest.raises(TooLarge):
        await areas.write(RELEASED, KEY, stream([b"x" * MIB, b"y"]), MIB)


async def test_a_cancelled_writing_leaves_nothing(areas: Areas) -> None:
    begun = asyncio.Event()

    async def stalling() -> AsyncGenerator[bytes, None]:
        yield b"x" * (3 * MIB)
        begun.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(areas.write(HELD, KEY, stalling(), 1 << 30))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await listed(areas, HELD) == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 0),
        (0, 1),
        (5, 5),
        (MIB - 1, MIB + 1),
        (3 * MIB, 9 * MIB + 7),
        (0, 1 << 40),
        (20_999_999, None),
        (30 * MIB, None),
    ],
    ids=str,
)
async def test_a_range_is_read_as_a_slice_is(areas: Areas, start: int, end: int | None) -> None:
    await put(areas, HELD, KEY, *_LARGE)
    assert await joined(areas.read(HELD, KEY, start, end)) == b"".join(_LARGE)[start:end]


async def test_a_reader_that_stops_early_harms_nobody(areas: Areas) -> None:
    await put(areas, HELD, KEY, *_LARGE)
    reading = areas.read(HELD, KEY)
    first = await anext(reading)
    await reading.aclose()
    assert b"".join(_LARGE).startswith(first)
    assert len(first) <= 2 * MIB


async def test_what_is_not_there_is_not_found(areas: Areas) -> None:
    await put(areas, HELD, KEY, b"abc")
    with pytest.raises(NotFound):
        await joined(areas.read(HELD, "request/other"))
    with pytest.raises(NotFound):
        await joined(areas.read(HELD, f"{KEY}/below"))
    with pytest.raises(NotFound):
        await joined(areas.read(HELD, "request"))
    with pytest.raises(NotFound):
        await areas.size(HELD, "request/other")
    with pytest.raises(NotFound):
        await areas.digest(HELD, [KEY, "request/other"])
    with pytest.raises(NotFound):
        await areas.move(HELD, RELEASED, "request/other")
    with pytest.raises(NotFound):
        await areas.copy_joined(HELD, [KEY, "request/other"], RELEASED, "request/file")
    with pytest.raises(NotFound):
        await areas.copy_joined(HELD, ["request/other"], RELEASED, "request/file")
    assert await listed(areas, RELEASED) == []


async def test_a_move_may_be_made_twice(areas: Areas) -> None:
    await put(areas, UPLOADS, KEY, *_LARGE)
    await areas.move(UPLOADS, HELD, KEY)
    await areas.move(UPLOADS, HELD, KEY)
    assert await listed(areas, UPLOADS) == []
    assert await areas.digest(HELD, [KEY]) == _piece(b"".join(_LARGE))


async def test_a_move_that_broke_after_its_copy_is_ended_by_the_next_one(areas: Areas) -> None:
    await put(areas, UPLOADS, KEY, b"abc")
    await put(areas, HELD, KEY, b"abc")
    await areas.move(UPLOADS, HELD, KEY)
    assert await listed(areas, UPLOADS) == []
    assert await joined(areas.read(HELD, KEY)) == b"abc"


async def test_parts_are_joined_in_the_order_that_is_asked_for(areas: Areas) -> None:
    keys = [f"request/file/0001-{index:06d}" for index in range(3)]
    for key, chunk in zip(keys, [b"a" * 5_000_000, b"", b"b" * 4_000_001], strict=True):
        await put(areas, HELD, key, chunk)
    content = b"b" * 4_000_001 + b"a" * 5_000_000
    order = [keys[2], keys[1], keys[0]]
    assert await areas.copy_joined(HELD, order, RELEASED, "request/file") == _piece(content)
    assert await areas.digest(HELD, order) == _piece(content)
    assert await joined(areas.read(RELEASED, "request/file")) == content
    assert await listed(areas, HELD) == keys


async def test_one_part_is_joined_too_and_outlives_what_it_came_from(areas: Areas) -> None:
    await put(areas, HELD, KEY, *_LARGE)
    content = b"".join(_LARGE)
    for _ in range(2):
        assert await areas.copy_joined(HELD, [KEY], RELEASED, "request/file") == _piece(content)
    await areas.remove(HELD, "request")
    assert await joined(areas.read(RELEASED, "request/file")) == content
    assert await listed(areas, HELD) == []


async def test_no_part_at_all_is_joined_to_an_empty_object(areas: Areas) -> None:
    assert await areas.copy_joined(HELD, [], RELEASED, "request/file") == _piece(b"")
    assert await joined(areas.read(RELEASED, "request/file")) == b""


async def test_a_prefix_finds_whole_segments_alone(areas: Areas) -> None:
    keys = ["a/b/1", "a/b/2", "a/bc/1", "a/c", "ab/1"]
    for key in keys:
        await put(areas, HELD, key, b"x")
    assert await listed(areas, HELD) == keys
    assert await listed(areas, HELD, "a/b") == keys[:2]
    assert await listed(areas, HELD, "a/b/") == keys[:2]
    assert await listed(areas, HELD, "a/c") == ["a/c"]
    assert await listed(areas, HELD, "a") == keys[:4]
    assert await listed(areas, HELD, "z/z") == []
    assert await listed(areas, RELEASED) == []


async def test_many_keys_are_listed_and_removed(areas: Areas) -> None:
    keys = sorted(f"request/{index % 7}/{index}" for index in range(60))
    await asyncio.gather(*(put(areas, HELD, key, b"x") for key in keys))
    assert await listed(areas, HELD) == keys
    assert await areas.remove(HELD, "request") == len(keys)
    assert await listed(areas, HELD) == []


async def test_a_removal_counts_what_was_there_and_touches_nothing_else(areas: Areas) -> None:
    for key in ("a/b/1", "a/b/2", "a/bc"):
        await put(areas, HELD, key, b"x")
    assert await areas.remove(HELD, "a/b") == 2
    assert await areas.remove(HELD, "a/b") == 0
    assert await listed(areas, HELD) == ["a/bc"]
    assert await areas.remove(HELD, "a/bc") == 1
    await put(areas, HELD, "a/b/1", b"again")
    assert await listed(areas, HELD) == ["a/b/1"]


@pytest.mark.parametrize("area", Area)
async def test_an_open_area_answers(areas: Areas, area: Area) -> None:
    await areas.probe(area)
    assert await listed(areas, area) == []


_OUTSIDE = (
    "../x",
    "a/../../x",
    "/etc/passwd",
    "a//b",
    "a/./b",
    ".writing/x",
    "a\\b",
    "a\x00b",
    "",
    "a/é",
    "a b",
)


@pytest.mark.parametrize("key", _OUTSIDE, ids=ascii)
async def test_a_key_that_is_no_identifier_is_refused(areas: Areas, key: str) -> None:
    with pytest.raises(Invalid):
        await put(areas, HELD, key, b"x")
    with pytest.raises(Invalid):
        await joined(areas.read(HELD, key))
    with pytest.raises(Invalid):
        await areas.move(HELD, RELEASED, key)
    with pytest.raises(Invalid):
        await areas.copy_joined(HELD, [key], RELEASED, KEY)
    with pytest.raises(Invalid):
        await areas.copy_joined(HELD, [KEY], RELEASED, key)
    with pytest.raises(Invalid):
        await areas.digest(HELD, [key])


@pytest.mark.parametrize("prefix", [key for key in _OUTSIDE if key], ids=ascii)
async def test_a_prefix_that_is_no_identifier_is_refused(areas: Areas, prefix: str) -> None:
    with pytest.raises(Invalid):
        await listed(areas, HELD, prefix)
    with pytest.raises(Invalid):
        await areas.remove(HELD, prefix)


async def test_fifty_uploads_go_on_beside_ones_that_stall(areas: Areas) -> None:
    async def stalling() -> AsyncGenerator[bytes, None]:
        yield b"x" * (2 * MIB)
        await asyncio.Event().wait()

    stalled = [asyncio.create_task(areas.write(UPLOADS, f"s/{n}", stalling(), 1 << 30)) for n in range(40)]
    await asyncio.sleep(0)
    pieces = await asyncio.gather(
        *(areas.write(UPLOADS, f"r/{n}", stream([bytes([n]) * 300_000] * 4), 1 << 30) for n in range(50))
    )
    assert pieces == [_piece(bytes([n]) * 1_200_000) for n in range(50)]
    assert not any(task.done() for task in stalled)
    for task in stalled:
        task.cancel()
    ended = await asyncio.gather(*stalled, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended)
    assert len(await listed(areas, UPLOADS)) == 50
