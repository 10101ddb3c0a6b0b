"""One file as the checks see it: a held file, or a member of an archive."""

from __future__ import annotations

import asyncio
import functools
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from portal.checks import formats, pickles
from portal.checks.confined import Confined
from portal.checks.formats import Family, Format
from portal.checks.verdict import Held, Outcome
from portal.checks.window import Deadline, Hostile, Unreadable, window
from portal.domain.policy import CheckName, Project

LARGEST_PARSED: Final = 64 << 20
"""Bytes of the largest picture or document that is parsed."""
_PIECE: Final = 1 << 20


@dataclass(frozen=True)
class Said:
    """What one check says of one subject."""

    check: CheckName
    version: str
    outcome: Outcome
    summary: str
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Context:
    """What the checks of one request share."""

    project: Project
    confined: Confined
    outward: bool = True
    """Whether the files are to leave the environment: what comes in is not checked for disclosure."""


@dataclass
class Subject:
    """A file's path, its size in bytes, how to open it, and until when."""

    path: str
    size: int
    open: Callable[[], BinaryIO]
    deadline: Deadline
    _picture: dict[str, Any] | None = None

    @classmethod
    def of(cls, held: Held, loop: asyncio.AbstractEventLoop, deadline: Deadline) -> Subject:
        """Return a held file as the checks see it, from threads other than the loop's."""
        return cls(held.path, held.size, lambda: window(held, loop, deadline), deadline)

    @functools.cached_property
    def head(self) -> bytes:
        """Return the first bytes, as many as are looked at for opcodes."""
        with self.open() as source:
            return source.read(pickles.LOOKED_AT)

    @functools.cached_property
    def tail(self) -> bytes:
        """Return the last bytes: as many as the end of a zip archive can be long."""
        with self.open() as source:
            source.seek(max(0, self.size - (1 << 16) - 22))
            return source.read((1 << 16) + 22)

    @functools.cached_property
    def pickle(self) -> pickles.Pickle | None:
        """Return the pickle that it is, if it is one."""
        return pickles.pickle_in(self.head)

    @functools.cached_property
    def kind(self) -> Format:
        """Return its format, by its content."""
        found = formats.recognised(self.head[: formats.HEAD])
        if found is formats.ZIP:
            return self._kind_of_zip()
        if found.family in {Family.TEXT, Family.UNKNOWN, Family.DATA} and self.pickle:
            return formats.PICKLE
        return found

    def _kind_of_zip(self) -> Format:
        try:
            with self.open() as source, zipfile.ZipFile(source) as archive:
                return formats.of_zip(archive.NameToInfo)
        except (zipfile.BadZipFile, Hostile, Unreadable, ValueError, NotImplementedError, OverflowError):
            return formats.ZIP

    def picture(self, confined: Confined) -> dict[str, Any]:
        """Return what the parsing process says of a picture; it is asked once.

        Raises:
            Unreadable: it is damaged or too large.
        """
        if self._picture is None:
            self._picture, _ = confined.ask("picture", self.whole())
        return self._picture

    @property
    def ending(self) -> str:
        """Return its path's ending, without the dot and in lower case."""
        return formats.ending(self.path)

    def pieces(self) -> Iterator[bytes]:
        """Give all its bytes, piece by piece."""
        with self.open() as source:
            while piece := source.read(_PIECE):
                self.deadline.hold()
                yield piece

    def whole(self, most: int = LARGEST_PARSED) -> bytes:
        """Return all its bytes.

        Raises:
            Unreadable: they are more than `most`.
        """
        if self.size > most:
            raise Unreadable("it is too large to be looked into")
        return b"".join(self.pieces())
