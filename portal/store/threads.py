"""Work on disks and hashes in threads, so that the event loop never waits for them.

`hashlib` and file calls release the interpreter's lock: a block is hashed on one core while another is written or
read. Blocks are large enough that handing them to a thread costs nothing beside the work.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from portal.domain.errors import TooLarge
from portal.store.places import Piece

BLOCK: Final = 1 << 20
"""Bytes handed to a thread at once. Two per upload: fifty uploads together hold 100 MiB."""

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Threads:
    """Threads for calls that block. No call waits for another one of them, so they cannot run out for good."""

    def __init__(self, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, "store")

    def start(
        self, function: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> asyncio.Future[_Result]:
        """Start a call in a thread."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._pool, lambda: function(*arguments, **named))


class Hashing:
    """A hash that is fed in threads, one block after the other."""

    def __init__(self, threads: Threads) -> None:
        self._threads, self._hash, self._size = threads, hashlib.sha256(), 0

    def feed(self, block: bytes | memoryview) -> asyncio.Future[None]:
        """Start hashing a block; wait for it before feeding the next one, and before changing the block."""
        self._size += len(block)
        return self._threads.start(self._hash.update, block)

    def piece(self) -> Piece:
        """Return what has been fed."""
        return Piece(self._size, self._hash.hexdigest())


async def blocks(
    stream: AsyncIterator[bytes], limit: int, size: int = BLOCK
) -> AsyncGenerator[memoryview, None]:
    """Yield what a stream yields, in blocks of at least `size` bytes but for the last one.

    Raises:
        TooLarge: there are more than `limit` bytes; none past the limit is yielded.
    """
    held, seen = bytearray(), 0
    async for chunk in stream:
        seen += len(chunk)
        if seen > limit:
            raise TooLarge(f"more than {limit} bytes were sent", "Send less, or ask for a higher limit.")
        if len(chunk) >= size and not held:
            yield memoryview(chunk)
            continue
        held += chunk
        if len(held) >= size:
            yield memoryview(held)
            held = bytearray()
    if held:
        yield memoryview(held)
