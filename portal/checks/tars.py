"""Members of tar archives, plain and in a packed stream."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, cast

from portal.checks.unpacking import Budget, Member
from portal.checks.window import Hostile, Unreadable

_PIECE: Final = 64 << 10


def members(opened: Callable[[], BinaryIO], size: int) -> Iterator[Member]:
    """Give the files of a plain tar archive of `size` bytes.

    Raises:
        Hostile: it holds links, devices or anything else that is neither file nor folder.
        Unreadable: it is damaged or cut short.
    """
    with opened() as source:
        yield from _each(source, size)


def streamed(opened: Callable[[], BinaryIO], stored: int, budget: Budget) -> Iterator[Member]:
    """Give the files of a tar archive that can only be read forward; each is to be read before the next is asked for.

    Raises:
        Hostile: as for plain ones; or the stream expands beyond the budget between members.
        Unreadable: it is damaged or cut short.
    """
    with opened() as source:
        yield from _each(cast("BinaryIO", _Forward(source, stored, budget)), stored)


class _Forward:
    """A stream that only goes forward, for a reader that believes it can seek; every byte counts, skipped ones too."""

    def __init__(self, source: BinaryIO, stored: int, budget: Budget) -> None:
        self._source = source
        self._stored = stored
        self._budget = budget
        self._at = 0

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence or offset < self._at:
            raise Unreadable("it is damaged: it points backwards")
        while self._at < offset and self.read(min(_PIECE, offset - self._at)):
            pass
        return self._at

    def read(self, size: int) -> bytes:
        piece = self._source.read(size)
        self._at += len(piece)
        # The members' own bytes are counted where they are kept; here their proportion is watched, and the time.
        self._budget.expand(0, self._stored, self._at)
        return piece


def _each(source: BinaryIO, stored: int) -> Iterator[Member]:
    try:
        with tarfile.open(fileobj=source, mode="r:", errorlevel=2) as archive:
            for info in archive:
                cast("Any", archive).members.clear()  # it would keep every header in memory
                if info.isdir():
                    continue
                _only_files(info)
                data = archive.extractfile(info)
                if data is None:
                    raise Unreadable("a member cannot be read")
                path = info.name.removeprefix("./")
                yield Member(path, info.size, stored, lambda d=data: cast("BinaryIO", d))
    except (tarfile.TarError, EOFError, OSError, ValueError, OverflowError) as problem:
        raise Unreadable("it is damaged, or cut short") from problem


def _only_files(info: tarfile.TarInfo) -> None:
    if info.issym() or info.islnk():
        raise Hostile("it holds a link, which can point anywhere")
    if not info.isreg() or info.issparse():
        raise Hostile("it holds a device or another special file")
