"""However a file is cut into parts, and however its bytes come, its hash is that of the whole."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.store import folder, remote, threads
from portal.store.areas import Areas
from portal.store.places import Area, Place
from portal.store.threads import blocks
from tests.portal.store.stores import HELD, RELEASED, UPLOADS, folders, joined, listed, stream

_chunks = st.lists(st.binary(max_size=40), max_size=8)
_parts = st.lists(_chunks, max_size=6)


@pytest.fixture(autouse=True)
def _small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every block and buffer so small that a few bytes cross many of them."""
    monkeypatch.setattr(threads, "BLOCK", 16)
    for module, name, size in (
        (folder, "BLOCK", 16),
        (folder, "_BUFFER", 24),
        (folder, "_STEP", 20),
        (remote, "BLOCK", 16),
        (remote, "_RANGE", 32),
        (remote, "_CHUNK", 48),
    ):
        monkeypatch.setattr(module, name, size)


async def _sent_and_released(areas: Areas, parts: Sequence[Sequence[bytes]], start: int, end: int) -> None:
    keys = [f"request/file/0001-{index:06d}" for index in range(len(parts))]
    whole = b"".join(b"".join(chunks) for chunks in parts)
    for key, chunks in zip(keys, parts, strict=True):
        part = b"".join(chunks)
        piece = await areas.write(UPLOADS, key, stream(chunks), len(part))
        assert (piece.size, piece.sha256) == (len(part), hashlib.sha256(part).hexdigest())
        await areas.move(UPLOADS, HELD, key)
    expected = (len(whole), hashlib.sha256(whole).hexdigest())
    held = await areas.digest(HELD, keys)
    assert (held.size, held.sha256) == expected
    released = await areas.copy_joined(HELD, keys, RELEASED, "request/file")
    assert (released.size, released.sha256) == expected
    assert await joined(areas.read(RELEASED, "request/file")) == whole
    assert await joined(areas.read(RELEASED, "request/file", start, end)) == whole[start:end]
    assert await listed(areas, HELD) == keys
    for area in (UPLOADS, HELD, RELEASED):
        await areas.remove(area, "")


@settings(max_examples=40, deadline=None)
@given(parts=_parts, start=st.integers(0, 400), end=st.integers(0, 400), sole=st.booleans())
def test_any_split_gives_the_same_file_in_folders(
    parts: list[list[bytes]], start: int, end: int, sole: bool
) -> None:
    with tempfile.TemporaryDirectory() as root:
        areas = Areas.open(folders(Path(root), sole=sole), fsync=False)
        asyncio.run(_sent_and_released(areas, parts, start, end))


@settings(max_examples=40, deadline=None)
@given(parts=_parts, start=st.integers(0, 400), end=st.integers(0, 400))
def test_any_split_gives_the_same_file_behind_obstore(parts: list[list[bytes]], start: int, end: int) -> None:
    areas = Areas.open({area: Place("memory:///") for area in Area})
    asyncio.run(_sent_and_released(areas, parts, start, end))


@settings(max_examples=100, deadline=None)
@given(chunks=_chunks, size=st.integers(1, 50))
def test_blocks_are_the_streams_bytes_and_only_the_last_is_short(chunks: list[bytes], size: int) -> None:
    async def cut() -> list[bytes]:
        return [bytes(block) async for block in blocks(stream(chunks), 1 << 20, size)]

    found = asyncio.run(cut())
    assert b"".join(found) == b"".join(chunks)
    assert all(len(block) >= size for block in found[:-1])
    assert all(len(block) < size + 40 for block in found)
