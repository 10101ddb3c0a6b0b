"""Single packed files (gzip, bzip2, xz), what a tar in one of them holds, and the limits on all unpacking."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol, cast

from portal.checks import formats, tars
from portal.checks.subject import Subject
from portal.checks.window import Bounded, Deadline, Hostile, Unreadable

_PIECE: Final = 64 << 10
_MEMORY: Final = 128 << 20
_FREE: Final = 10 << 20
"""Bytes of a member up to which its ratio is of no concern: a table of zeros packs well."""


@dataclass(frozen=True)
class Limits:
    """How much one archive may hold, at all depths together. Bytes are counted as they come, never as promised."""

    total_bytes: int = 8 << 30
    member_bytes: int = 256 << 20
    """Members above this are counted, but not looked into."""
    ratio: int = 200
    members: int = 10_000
    depth: int = 3


@dataclass
class Budget:
    """What is left of the limits while one archive is walked through."""

    limits: Limits
    deadline: Deadline
    members: int = 0
    expanded: int = 0

    def member(self) -> None:
        """Count one more member.

        Raises:
            Hostile: there are too many.
        """
        self.deadline.hold()
        self.members += 1
        if self.members > self.limits.members:
            raise Hostile(f"it has more than {self.limits.members:,} members")

    def expand(self, size: int, stored: int, so_far: int) -> None:
        """Count bytes of a member that takes `stored` bytes in the archive and gave `so_far` until now.

        Raises:
            Hostile: they are too many, or too many for what they are stored in.
        """
        self.deadline.hold()
        self.expanded += size
        if self.expanded > self.limits.total_bytes:
            raise Hostile(f"it expands to more than {self.limits.total_bytes:,} bytes")
        if so_far > _FREE and so_far > self.limits.ratio * max(stored, 1):
            raise Hostile(f"a member expands to more than {self.limits.ratio} times what is stored")


@dataclass
class Member:
    """A file in an archive. `stored` is what it takes there, `size` what it holds; both in bytes."""

    path: str
    size: int
    stored: int
    open: Callable[[], BinaryIO]


class _Decompressor(Protocol):
    def more(self, data: bytes, most: int) -> bytes: ...
    @property
    def wants(self) -> bool: ...
    @property
    def ended(self) -> bool: ...
    @property
    def rest(self) -> bytes: ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def more(self, data: bytes, most: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, most)

    @property
    def wants(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def ended(self) -> bool:
        return self._inner.eof

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data


class _Other:
    """bzip2 and xz, whose decompressors keep what they did not come to."""

    def __init__(self, inner: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._inner = inner

    def more(self, data: bytes, most: int) -> bytes:
        return self._inner.decompress(data, most)

    @property
    def wants(self) -> bool:
        return self._inner.needs_input

    @property
    def ended(self) -> bool:
        return self._inner.eof

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data


_NEW: Final[dict[str, Callable[[], _Decompressor]]] = {
    "gzip file": _Gzip,
    "bzip2 file": lambda: _Other(bz2.BZ2Decompressor()),
    "xz file": lambda: _Other(lzma.LZMADecompressor(memlimit=_MEMORY)),
}


class Expanding(io.RawIOBase):
    """Reads what a packed file holds, in bounded pieces, through all the streams that follow each other in it."""

    def __init__(self, source: BinaryIO, kind: str) -> None:
        self._source = source
        self._kind = kind
        self._inner = _NEW[kind]()
        self._waiting = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer, as any raw reader.

        Raises:
            Unreadable: the packed bytes are damaged or cut short.
        """
        view = memoryview(cast("bytearray", buffer)).cast("B")
        try:
            piece = self._piece(min(len(view), _PIECE))
        except (zlib.error, OSError, lzma.LZMAError, EOFError) as problem:
            raise Unreadable("it is damaged, or cut short") from problem
        view[: len(piece)] = piece
        return len(piece)

    def _piece(self, most: int) -> bytes:
        while True:
            if self._inner.ended and not self._another():
                return b""
            data = self._waiting or (self._source.read(_PIECE) if self._inner.wants else b"")
            self._waiting = b""
            if not data and self._inner.wants:
                raise Unreadable("it is cut short")
            piece = self._inner.more(data, most)
            if piece:
                return piece

    def _another(self) -> bool:
        """Begin the next stream, if one follows; padding of zeros ends a file."""
        rest = self._inner.rest or self._source.read(_PIECE)
        while rest and not rest.strip(b"\0"):
            rest = self._source.read(_PIECE)
        if not rest:
            return False
        self._inner = _NEW[self._kind]()
        self._waiting = rest.lstrip(b"\0")
        return True


def members(subject: Subject, budget: Budget) -> Iterator[Member]:
    """Give the one file that a packed file holds, or the members of the tar that it holds."""

    def opened() -> BinaryIO:
        return Bounded(Expanding(subject.open(), subject.kind.name), _PIECE)

    with opened() as peeked:
        holds_tar = formats.recognised(peeked.read(formats.HEAD)).name == "tar archive"
    if holds_tar:
        yield from tars.streamed(opened, subject.size, budget)
    else:
        yield Member(_name_inside(subject.path), 0, subject.size, opened)


def _name_inside(path: str) -> str:
    """Return the name of what a packed file holds: its own, without the ending that says it is packed."""
    name = path.rpartition("/")[2]
    stem, _, ending = name.rpartition(".")
    return stem if stem and ending.lower() in {"gz", "bz2", "xz", "z"} else f"{name}.content"
