"""What a kind of store offers the areas."""

from __future__ import annotations

import datetime
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Protocol

from portal.store.places import Piece


class Backend(Protocol):
    """One area of one store. Keys and prefixes have been checked, and so has the mode."""

    async def write(self, key: str, stream: AsyncIterator[bytes], limit: int) -> Piece:
        """Store a stream under a key, whole or not at all; raise `TooLarge` past `limit` bytes."""
        ...

    def read(self, key: str, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start` up to `end`, in bounded memory; raise `NotFound`."""
        ...

    async def size(self, key: str) -> int:
        """Return an object's bytes; raise `NotFound`."""
        ...

    async def digest(self, keys: Sequence[str]) -> Piece:
        """Return the size and hash of some objects joined; raise `NotFound`."""
        ...

    def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """Yield the keys that are the prefix or lie below it."""
        ...

    async def delete(self, keys: Sequence[str]) -> int:
        """Remove some keys, and return how many were there."""
        ...

    async def probe(self) -> None:
        """Return once the store has answered."""
        ...

    async def sweep(self, older_than: datetime.timedelta) -> int:
        """Remove what dead writers left, and return how many leftovers there were."""
        ...
