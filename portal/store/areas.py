"""The areas as doors and worker use them: every call is held to the area's mode before anything else happens."""

from __future__ import annotations

import datetime
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from portal.domain.errors import Invalid, NotFound, Refused
from portal.store.backend import Backend
from portal.store.folder import Folder
from portal.store.places import Area, Mode, Piece, Place, checked_key, checked_prefix
from portal.store.remote import Patience, Remote
from portal.store.threads import Threads

_THREADS: Final = 32
_REMOTE: Final = frozenset({"s3", "az", "memory"})
_SENT_BY_DOORS: Final = frozenset({Area.OUTPUT_UPLOADS, Area.INPUT_UPLOADS})
"""Areas into which a door writes, which the worker does not trust; the others only the worker writes."""


class Areas:
    """The areas of one process. Calls may run side by side; none holds a thread while its stream has nothing to say.

    Every method raises `Refused` where the area's mode does not allow it, `Invalid` for a key that is not made of
    identifiers, and `Unavailable` where the store does not answer, refuses or is full; nothing is half done then.
    """

    def __init__(self, stores: Mapping[Area, Backend], modes: Mapping[Area, Mode]) -> None:
        self._stores, self._modes = dict(stores), dict(modes)

    @classmethod
    def open(
        cls, places: Mapping[Area, Place], *, fsync: bool = True, patience: Patience | None = None
    ) -> Areas:
        """Return the areas at some places; an area that is not named is closed.

        Folders to which this process may write are made (mode 0700). `fsync` off loses bytes when the machine
        stops: for tests alone. `patience` says how long remote stores may take.

        Raises:
            Invalid: an address or a setting is not understood.
            Unavailable: a folder cannot be made, or a secret's file cannot be read.
        """
        threads = Threads(_THREADS)
        stores = {
            area: _backend(area, place, threads, fsync, patience or Patience())
            for area, place in places.items()
            if place.mode is not Mode.NONE
        }
        return cls(stores, {area: place.mode for area, place in places.items()})

    def limited(self, modes: Mapping[Area, Mode]) -> Areas:
        """Return the same areas held to other modes (`INSIDE`, `OUTSIDE`), never to more than these ones have."""
        return Areas(
            self._stores,
            {area: _lesser(mode, modes.get(area, Mode.NONE)) for area, mode in self._modes.items()},
        )

    async def write(self, area: Area, key: str, stream: AsyncIterator[bytes], limit: int) -> Piece:
        """Store what a stream yields, hashed on the way. The key appears whole or not at all, and replaces what was.

        Raises:
            TooLarge: the stream yields more than `limit` bytes.
        """
        return await self._writing(area).write(checked_key(key), stream, limit)

    def read(
        self, area: Area, key: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start` up to, not including, `end`; what lies past the end of the object is left out.

        Raises:
            NotFound: there is no such key; raised by the first step of the iteration.
        """
        return self._reading(area).read(checked_key(key), start, end)

    async def size(self, area: Area, key: str) -> int:
        """Return the bytes of an object.

        Raises:
            NotFound: there is no such key.
        """
        return await self._reading(area).size(checked_key(key))

    async def digest(self, area: Area, keys: Sequence[str]) -> Piece:
        """Return the size and hash of some objects joined in this order.

        Raises:
            NotFound: one of the keys is not there.
        """
        return await self._reading(area).digest([checked_key(key) for key in keys])

    async def move(self, source: Area, target: Area, key: str) -> None:
        """Let an object stand under the same key in another area, and no longer in this one.

        It may be called again after a crash: an object that is only in the target has been moved.

        Raises:
            NotFound: the key is in neither area.
        """
        taken, given = self._both(source), self._writing(target)
        checked_key(key)
        try:
            if isinstance(taken, Folder) and isinstance(given, Folder):
                await given.take(taken, key)
                return
            await given.write(key, taken.read(key, 0, None), await taken.size(key))
            await taken.delete([key])
        except NotFound:
            await given.size(key)

    async def copy_joined(self, source: Area, keys: Sequence[str], target: Area, key: str) -> Piece:
        """Store some objects, joined in this order, as one, and return the size and hash of what now stands there.

        Raises:
            NotFound: one of the keys is not there.
        """
        taken, given = self._reading(source), self._writing(target)
        parts = [checked_key(part) for part in keys]
        checked_key(key)
        if isinstance(taken, Folder) and isinstance(given, Folder):
            return await given.join(taken, parts, key)
        size = sum([await taken.size(part) for part in parts])
        return await given.write(key, _joined(taken, parts), size)

    def keys(self, area: Area, prefix: str = "") -> AsyncGenerator[str, None]:
        """Yield the keys that are the prefix or lie below it (`a/b` finds `a/b` and `a/b/c`, not `a/bc`)."""
        return self._reading(area).keys(checked_prefix(prefix))

    async def remove(self, area: Area, prefix: str) -> int:
        """Remove the key that is the prefix and all below it; return how many there were. Nothing there is no error."""
        store, found = self._writing(area), checked_prefix(prefix)
        return await store.delete([key async for key in store.keys(found)])

    async def probe(self, area: Area) -> None:
        """Return once the area has answered (for readiness)."""
        if self._modes.get(area, Mode.NONE) is Mode.NONE:
            raise _refused(area, "asked for")
        await self._stores[area].probe()

    async def sweep(self, area: Area, older_than: datetime.timedelta) -> int:
        """Remove what writers that died left behind before that, and return how many there were.

        Remote stores keep no leftover that can be seen; their rules for unfinished uploads remove the rest.
        """
        return await self._writing(area).sweep(older_than)

    def _reading(self, area: Area) -> Backend:
        if not self._modes.get(area, Mode.NONE).reads:
            raise _refused(area, "read")
        return self._stores[area]

    def _writing(self, area: Area) -> Backend:
        if not self._modes.get(area, Mode.NONE).writes:
            raise _refused(area, "written")
        return self._stores[area]

    def _both(self, area: Area) -> Backend:
        self._reading(area)
        return self._writing(area)


async def _joined(store: Backend, keys: Sequence[str]) -> AsyncGenerator[bytes, None]:
    for key in keys:
        async for block in store.read(key, 0, None):
            yield block


def _refused(area: Area, what: str) -> Refused:
    return Refused(f"here the area {area} may not be {what}", "Ask at the other door.", area)


def _lesser(one: Mode, other: Mode) -> Mode:
    table = {(True, True): Mode.BOTH, (True, False): Mode.READ, (False, True): Mode.WRITE}
    return table.get((one.reads and other.reads, one.writes and other.writes), Mode.NONE)


def _backend(area: Area, place: Place, threads: Threads, fsync: bool, patience: Patience) -> Backend:
    address = urlsplit(place.address)
    if address.scheme == "file" and not address.netloc:
        sole = place.sole or area not in _SENT_BY_DOORS
        folder = Folder(Path(unquote(address.path)), area, threads, fsync=fsync, sole=sole)
        if place.mode.writes:
            folder.make()
        return folder
    if address.scheme not in _REMOTE:
        raise Invalid("a store's address begins with file:///, s3://, az:// or memory:///", "", area)
    return Remote.open(place.address, place.settings(area), area, threads, patience)
