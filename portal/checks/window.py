"""Reads a held file as ordinary seekable bytes from a thread: parsers want that, stores give ranges.

Nothing is copied to a disk and little is in memory: each read asks the store for one range.
"""

from __future__ import annotations

import asyncio
import io
import time
from typing import BinaryIO, Final, cast

from portal.checks.verdict import Held

BLOCK: Final = 1 << 20
"""Bytes that one request to the store asks for at most."""
LARGEST_READ: Final = 4 << 20
"""Bytes that a parser may ask for at once. A header that claims more is hostile: it wants our memory."""


class Unreadable(Exception):
    """A file cannot be looked into; the text says why, without any of its content."""


class Hostile(Exception):
    """A file is made to do harm; the text says how, without any of its content."""


class Deadline:
    """The moment, on the monotonic clock, at which somebody loses patience."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the seconds that are left, never below zero."""
        return max(0.0, self._until - time.monotonic())

    def stop(self) -> None:
        """Let the time be up now: nobody waits for the answer any more."""
        self._until = 0.0

    def hold(self) -> None:
        """Return while there is time.

        Raises:
            Unreadable: the time is up.
        """
        if not self.left:
            raise Unreadable("looking into it took too long")


class _Window(io.RawIOBase):
    """One reader's place in a held file. Made on the loop's thread or not, read on another one."""

    def __init__(self, held: Held, loop: asyncio.AbstractEventLoop, deadline: Deadline) -> None:
        self._held = held
        self._loop = loop
        self._deadline = deadline
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._held.size}[whence]
        if base + offset < 0:
            raise OSError("a place before the file's beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        self._deadline.hold()
        view = memoryview(cast("bytearray", buffer)).cast("B")
        end = min(self._at + min(len(view), BLOCK), self._held.size)
        if end <= self._at:
            return 0
        piece = self._fetch(self._at, end)
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _fetch(self, start: int, end: int) -> bytes:
        future = asyncio.run_coroutine_threadsafe(_joined(self._held, start, end), self._loop)
        try:
            piece = future.result(self._deadline.left)
        except TimeoutError as problem:
            future.cancel()
            raise Unreadable("looking into it took too long") from problem
        if len(piece) != end - start:
            raise Unreadable("the store holds another number of bytes than was recorded")
        return piece


async def _joined(held: Held, start: int, end: int) -> bytes:
    held_bytes = bytearray()
    async for piece in held.opener(start, end):
        held_bytes += piece
        if len(held_bytes) > end - start:
            raise Unreadable("the store holds another number of bytes than was recorded")
    return bytes(held_bytes)


class Bounded(io.BufferedReader):
    """A reader that never returns more than `LARGEST_READ` bytes at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes as any reader.

        Raises:
            Hostile: more are asked for than any honest file needs.
        """
        if size is None or size < 0:
            size = LARGEST_READ
            data = super().read(size)
            if len(data) == size and self.peek(1):
                raise Hostile("it wants to be read at once")
            return data
        if size > LARGEST_READ:
            raise Hostile("a length in it is beyond any reason")
        return super().read(size)


def window(held: Held, loop: asyncio.AbstractEventLoop, deadline: Deadline) -> BinaryIO:
    """Return a seekable reader of the file, for use on another thread than the loop's.

    Its reads raise `Unreadable` when the time is up or the store holds other bytes than it should, and whatever the
    store raises.
    """
    return Bounded(_Window(held, loop, deadline), BLOCK)
