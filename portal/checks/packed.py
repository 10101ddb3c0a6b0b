"""Single packed files (gzip, bzip2, xz), and what a tar in one of them holds."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, Protocol, cast

from portal.checks import formats, tars
from portal.checks.subject import Subject
from portal.checks.unpacking import Budget, Member
from portal.checks.window import Bounded, Unreadable

_PIECE: Final = 64 << 10
_MEMORY: Final = 128 << 20


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
