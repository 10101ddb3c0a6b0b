"""An area in a local folder.

It uses the system's own calls and not obstore's local store: that one hashes nothing on the way, follows symbolic
links, makes nothing sure on the disk, and hands every block through one more buffer.
"""

from __future__ import annotations

import asyncio
import datetime
import errno
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from portal.store import files
from portal.store.files import Draft, Opened, told
from portal.store.places import Piece
from portal.store.threads import BLOCK, Hashing, Threads, blocks

_BUFFER: Final = 4 << 20
_STEP: Final = 64 << 20
"""Bytes that a thread copies before it asks whether anybody still wants them."""
_BATCH: Final = 1000

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Folder:
    """An area in a local folder. `sole` says that this process alone writes there."""

    def __init__(self, root: Path, area: str, threads: Threads, *, fsync: bool, sole: bool) -> None:
        self._root, self._area, self._threads, self._fsync = root, area, threads, fsync
        self._sole, self._writes = sole, False

    def make(self) -> None:
        """Make the folder, for whoever writes there."""
        with told(self._area):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writes = True

    async def write(self, key: str, stream: AsyncIterator[bytes], limit: int) -> Piece:
        """Store a stream: each block is hashed in one thread and written in another while the next one comes in."""
        with told(self._area):
            draft = await self._run(Draft, self._root, self._fsync)
        try:
            piece = await self._filled(draft, stream, limit)
            with told(self._area):
                await self._run(draft.publish, key)
        finally:
            await asyncio.shield(self._run(draft.abandon))
        return piece

    async def _filled(self, draft: Draft, stream: AsyncIterator[bytes], limit: int) -> Piece:
        hashing = Hashing(self._threads)
        pending: asyncio.Future[None] | asyncio.Future[tuple[None, None]] = self._run(draft.append, b"")
        try:
            async for block in blocks(stream, limit):
                with told(self._area):
                    await pending
                pending = asyncio.gather(hashing.feed(block), self._run(draft.append, block))
            with told(self._area):
                await pending
        finally:
            pending.cancel()
        return hashing.piece()

    async def read(self, key: str, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
        """Yield blocks, with the next one being read while this one is used."""
        with told(self._area, reading=True):
            file = await self._run(Opened, self._root, key)
        stop = file.size if end is None else min(end, file.size)
        ahead: asyncio.Future[bytes] | None = None
        try:
            for at in range(start, stop, BLOCK):
                block = ahead or self._run(file.at, at, min(BLOCK, stop - at))
                following = at + BLOCK
                with told(self._area):
                    found = await block
                ahead = None
                if following < stop:
                    ahead = self._run(file.at, following, min(BLOCK, stop - following))
                yield found
        finally:
            if ahead:
                ahead.cancel()

    async def size(self, key: str) -> int:
        """Return a file's bytes."""
        with told(self._area, reading=True):
            return (await self._run(Opened, self._root, key)).size

    async def digest(self, keys: Sequence[str]) -> Piece:
        """Return the size and hash of some files joined."""
        hashing = Hashing(self._threads)
        for key in keys:
            with told(self._area, reading=True):
                file = await self._run(Opened, self._root, key)
                await self._hashed(file.into, file.size, hashing)
        return hashing.piece()

    async def _hashed(
        self, into: Callable[[bytearray, int], int], size: int, hashing: Hashing, start: int = 0
    ) -> None:
        """Hash `size` bytes of a file, with one buffer being read into while the other one is hashed."""
        buffers = itertools.cycle([bytearray(min(size, _BUFFER)), bytearray(min(size, _BUFFER))])
        at, end, buffer = start, start + size, next(buffers)
        reading = self._run(into, buffer, at)
        while at < end:
            count = min(await reading, end - at)
            if not count:
                raise OSError(errno.EIO, "the file was cut")
            at += count
            block, buffer = memoryview(buffer)[:count], next(buffers)
            if at < end:
                reading = self._run(into, buffer, at)
            await hashing.feed(block)

    async def take(self, source: Folder, key: str) -> None:
        """Take a file over from another folder.

        Where others write to that folder it is copied: a program that has the file open could change it for ever.
        """
        if source._sole:
            try:
                await self._run(files.moved, source._root, self._root, key, self._fsync)
                return
            except OSError as error:
                if error.errno != errno.EXDEV:
                    with told(self._area, reading=True):
                        raise
        await self._joined(source, [key], key, hashed=False)
        await source.delete([key])

    async def join(self, source: Folder, keys: Sequence[str], key: str) -> Piece:
        """Store some files of another folder joined as one, and return the hash of what was stored.

        One file alone, which nobody can change any more, gets one more name instead of a copy.
        """
        if len(keys) == 1 and source._sole:
            with told(self._area, reading=True):
                file = await self._run(Opened, source._root, keys[0])
            try:
                draft = await self._run(Draft, self._root, self._fsync, file)
            except OSError:
                return await self._joined(source, keys, key)
            return await self._kept(draft, key, lambda follower: follower.follow(file.size))
        return await self._joined(source, keys, key)

    async def _joined(self, source: Folder, keys: Sequence[str], key: str, *, hashed: bool = True) -> Piece:
        with told(self._area):
            draft = await self._run(Draft, self._root, self._fsync)

        async def copy(follower: _Follower) -> None:
            for part in keys:
                with told(source._area, reading=True):
                    file = await self._run(Opened, source._root, part)
                for at in range(0, file.size, _STEP):
                    count = min(_STEP, file.size - at)
                    with told(self._area):
                        await self._run(draft.copy, file, at, count)
                        if hashed:
                            await follower.follow(count)

        return await self._kept(draft, key, copy)

    async def _kept(self, draft: Draft, key: str, fill: Callable[[_Follower], Awaitable[None]]) -> Piece:
        """Fill a draft and give it its name; the last of it is hashed while the system brings it to the disk."""
        hashing = Hashing(self._threads)
        follower = _Follower(hashing, lambda start, count: self._hashed(draft.into, count, hashing, start))
        try:
            await fill(follower)
            with told(self._area):
                settling = self._run(draft.settle)
                piece = await follower.piece()
                await settling
                await self._run(draft.publish, key)
        finally:
            follower.stop()
            await asyncio.shield(self._run(draft.abandon))
        return piece

    async def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """Yield the keys that are the prefix or lie below it."""
        found = files.walked(self._root, prefix)
        while True:
            with told(self._area):
                batch = await self._run(list[str], itertools.islice(found, _BATCH))
            if not batch:
                return
            for key in batch:
                yield key

    async def delete(self, keys: Sequence[str]) -> int:
        """Remove some keys, and the folders that are empty then."""
        with told(self._area):
            return await self._run(files.removed, self._root, keys, self._fsync)

    async def probe(self) -> None:
        """Return once the folder was opened, and took a file where this process writes."""
        with told(self._area):
            if self._writes:
                await self._run(lambda: Draft(self._root, False).abandon())
            await self._run(lambda: next(files.walked(self._root, "0"), None))

    async def sweep(self, older_than: datetime.timedelta) -> int:
        """Remove what dead writers left."""
        with told(self._area):
            return await self._run(files.swept, self._root, older_than.total_seconds())

    def _run(
        self, function: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> asyncio.Future[_Result]:
        return self._threads.start(function, *arguments, **named)


class _Follower:
    """Hashes what a draft holds, one step behind the copying of the next. `hashed` feeds a range to `hashing`."""

    def __init__(self, hashing: Hashing, hashed: Callable[[int, int], Coroutine[None, None, None]]) -> None:
        self._hashing, self._hashed, self._size = hashing, hashed, 0
        self._behind: asyncio.Task[None] | None = None

    async def follow(self, count: int) -> None:
        """Begin to hash the bytes that were written last, once those before them are hashed."""
        await self._caught_up()
        self._behind = asyncio.create_task(self._hashed(self._size, count))
        self._size += count

    async def piece(self) -> Piece:
        """Return the size and hash of all of it."""
        await self._caught_up()
        return self._hashing.piece()

    def stop(self) -> None:
        """Hash no more."""
        if self._behind:
            self._behind.cancel()

    async def _caught_up(self) -> None:
        if self._behind:
            await self._behind
