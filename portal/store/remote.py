"""An area in a store that is reached over the network (S3, Azure Blob), or in memory for tests, by obstore."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import ObjectStore, from_url

from portal.domain.errors import AirlockError, Invalid, NotFound, Unavailable
from portal.store.places import Piece
from portal.store.threads import BLOCK, Hashing, Threads, blocks

if TYPE_CHECKING:
    from obstore import ListStream, ObjectMeta

_MIB: Final = 1 << 20
_RANGE: Final = 4 * _MIB
"""Bytes of one request for reading: each has its own time limit and is tried again by itself."""
_CHUNK: Final = 8 * _MIB
_CHUNKS: Final = 9_000
"""Less than the 10,000 that S3 takes in one object."""
_SIDE_BY_SIDE: Final = 2
_BATCH: Final = 500
_REFUSALS: Final = (PermissionDeniedError, UnauthenticatedError)
_STATUS: Final = re.compile(r"status code: (\d{3})")
_CLIENT: Final = frozenset({"allow_http", "root_certificate", "proxy_url", "proxy_excludes"})
"""Settings of the connection rather than of the store."""


@dataclass(frozen=True)
class Patience:
    """How long one request may take, and how often and for how long it is tried again. Seconds."""

    connect: float = 5
    request: float = 60
    retries: int = 3
    retry_for: float = 120


class Remote:
    """An area in an object store."""

    def __init__(self, store: ObjectStore, area: str, threads: Threads) -> None:
        self._store, self._area, self._threads = store, area, threads

    @classmethod
    def open(
        cls, address: str, settings: Mapping[str, str], area: str, threads: Threads, patience: Patience
    ) -> Remote:
        """Return the area at an address; nothing is asked of the store yet.

        Raises:
            Invalid: the address or a setting is not understood.
        """
        named: dict[str, object] = {}
        if not address.startswith("memory:"):
            named = _named(settings, patience)
        try:
            return cls(cast(Any, from_url)(address, **named), area, threads)
        except (BaseError, ValueError, TypeError):
            # The cause's text may hold a setting's value.
            raise Invalid("the address or the settings of a store are not understood", "", area) from None

    async def write(self, key: str, stream: AsyncIterator[bytes], limit: int) -> Piece:
        """Store a stream: in one request where it fits, else in several that count together or not at all."""
        hashing, chunk = Hashing(self._threads), max(_CHUNK, -(-limit // _CHUNKS))
        source = _Source(blocks(stream, limit), hashing)
        if await source.fits(chunk):
            with self._told(writing=True):
                await obstore.put_async(self._store, key, source.whole(), use_multipart=False)
            return hashing.piece()
        try:
            with self._told(writing=True):
                await obstore.put_async(
                    self._store, key, source.rest(), chunk_size=chunk, max_concurrency=_SIDE_BY_SIDE
                )
        except AirlockError:
            if source.broken:
                raise source.broken from None
            raise
        return hashing.piece()

    async def read(self, key: str, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
        """Yield blocks, with the next one being fetched while this one is used."""
        async for block in self._ranges(key, start, end):
            for at in range(0, len(block), BLOCK):
                yield block[at : at + BLOCK]

    async def _ranges(self, key: str, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
        with self._told():
            status = await obstore.head_async(self._store, key)
        stop = status["size"] if end is None else min(end, status["size"])
        ahead: asyncio.Task[bytes] | None = None
        try:
            for at in range(start, stop, _RANGE):
                following, task = at + _RANGE, ahead or self._fetching(key, at, stop, status["e_tag"])
                ahead = None
                found = await task
                if following < stop:
                    ahead = self._fetching(key, following, stop, status["e_tag"])
                yield found
        finally:
            if ahead:
                ahead.cancel()

    def _fetching(self, key: str, start: int, stop: int, tag: str | None) -> asyncio.Task[bytes]:
        return asyncio.create_task(self._fetch(key, start, min(start + _RANGE, stop), tag))

    async def _fetch(self, key: str, start: int, end: int, tag: str | None) -> bytes:
        """Return some bytes of the object that was looked at first, and of no later one under its name."""
        with self._told():
            found = await obstore.get_async(
                self._store, key, options={"range": (start, end), "if_match": tag}
            )
            block = bytes(await found.bytes_async())
        if len(block) != end - start:
            raise Unavailable("the store sent fewer bytes than it holds", "Try again.", self._area)
        return block

    async def size(self, key: str) -> int:
        """Return an object's bytes."""
        with self._told():
            return (await obstore.head_async(self._store, key))["size"]

    async def digest(self, keys: Sequence[str]) -> Piece:
        """Return the size and hash of some objects joined."""
        hashing = Hashing(self._threads)
        for key in keys:
            async for block in self._ranges(key, 0, None):
                await hashing.feed(block)
        return hashing.piece()

    async def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """Yield the keys that are the prefix or lie below it; stores list only what lies below."""
        if prefix and await self._has(prefix):
            yield prefix
        listing = self._listing(prefix or None)
        while True:
            with self._told():
                batch = await anext(listing, None)
            if batch is None:
                return
            for status in batch:
                if status["path"] != prefix:
                    yield status["path"]

    async def _has(self, key: str) -> bool:
        try:
            await self.size(key)
        except NotFound:
            return False
        return True

    def _listing(self, prefix: str | None) -> ListStream[Sequence[ObjectMeta]]:
        # The package's types name another one's, which is not here.
        return cast(Any, obstore).list(self._store, prefix, chunk_size=_BATCH)

    async def delete(self, keys: Sequence[str]) -> int:
        """Remove some keys."""
        for at in range(0, len(keys), _BATCH):
            with self._told(), contextlib.suppress(FileNotFoundError):
                await obstore.delete_async(self._store, keys[at : at + _BATCH])
        return len(keys)

    async def probe(self) -> None:
        """Return once the store has listed what it holds under a name that nothing has."""
        with self._told():
            await anext(self._listing("probe"), None)

    async def sweep(self, older_than: datetime.timedelta) -> int:
        """Remove nothing: what a broken upload leaves is not listed, and the store's own rules remove it."""
        return 0

    @contextlib.contextmanager
    def _told(self, *, writing: bool = False) -> Generator[None]:
        """Tell of what the store refuses in words of our own: its own may hold addresses with their signature."""
        try:
            yield
        except FileNotFoundError:
            if writing:
                raise Unavailable("the store's place is not there", "Make it first.", self._area) from None
            raise NotFound("the store holds no such file", "", self._area) from None
        except (BaseError, OSError, ValueError) as error:
            raise _unavailable(error, self._area) from None


class _Source:
    """A stream on its way to the store: hashed block by block, its own failures kept apart from the store's."""

    def __init__(self, stream: AsyncGenerator[memoryview, None], hashing: Hashing) -> None:
        self._stream, self._hashing = stream, hashing
        self._first: deque[memoryview] = deque()
        self.broken: Exception | None = None

    async def fits(self, most: int) -> bool:
        """Tell whether the stream ends within `most` bytes, which are held until they are asked for."""
        held = 0
        async for block in self._stream:
            await self._hashing.feed(block)
            self._first.append(block)
            held += len(block)
            if held >= most:
                return False
        return True

    def whole(self) -> bytes:
        """Return all bytes of a stream that fits."""
        return b"".join(self._first)

    async def rest(self) -> AsyncGenerator[bytes, None]:
        """Yield all bytes, those that are held first."""
        try:
            while self._first:
                yield bytes(self._first.popleft())
            async for block in self._stream:
                await self._hashing.feed(block)
                yield bytes(block)
        except Exception as error:
            self.broken = error
            raise


def _unavailable(error: Exception, area: str) -> Unavailable:
    """Return what people are told: of the store's own text, the status alone."""
    status = _STATUS.search(str(error))
    if isinstance(error, _REFUSALS) or (status and status[1] in {"401", "403"}):
        return Unavailable("the store refuses this process", "Look at its rights.", area)
    answered = f": it says {status[1]}" if status else ""
    return Unavailable(f"the store does not answer as it should{answered}", "Try again.", area)


def _named(settings: Mapping[str, str], patience: Patience) -> dict[str, object]:
    """Return what obstore is opened with."""

    def seconds(count: float) -> datetime.timedelta:
        return datetime.timedelta(seconds=count)

    client: dict[str, object] = {
        "connect_timeout": seconds(patience.connect),
        "timeout": seconds(patience.request),
        **{name: value for name, value in settings.items() if name in _CLIENT},
    }
    return {
        "config": {name: value for name, value in settings.items() if name not in _CLIENT},
        "client_options": client,
        "retry_config": {
            "max_retries": patience.retries,
            "retry_timeout": seconds(patience.retry_for),
            "backoff": {"init_backoff": seconds(0.1), "max_backoff": seconds(5), "base": 2},
        },
    }
