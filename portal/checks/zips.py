"""Members of zip archives, by the directory at their end."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from portal.checks.subject import Subject
from portal.checks.unpacking import Budget, Member
from portal.checks.window import Hostile, Unreadable

_LOCAL_HEADER: Final = 30
_ENCRYPTED: Final = 0x1
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""The others are rare, and Python's readers of them expand without a limit."""


def members(subject: Subject, budget: Budget) -> Iterator[Member]:
    """Give the files of a zip archive.

    Raises:
        Hostile: members overlap, are encrypted, are links, or promise more than the budget allows.
        Unreadable: it is damaged, or packed by a method that is not opened here.
    """
    try:
        with subject.open() as source, zipfile.ZipFile(source) as archive:
            infos = archive.infolist()
            if len(infos) > budget.limits.members:
                raise Hostile(f"it has more than {budget.limits.members:,} members")
            _apart(infos, archive.start_dir)
            yield from _each(archive, infos)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as problem:
        raise Unreadable("it is damaged, or cut short") from problem


def _each(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> Iterator[Member]:
    for info in infos:
        _harmless(info)
        if info.is_dir():
            if info.file_size:
                raise Hostile("a folder in it holds bytes")
            continue

        def opened(info: zipfile.ZipInfo = info) -> BinaryIO:
            return cast("BinaryIO", archive.open(info))

        yield Member(info.filename.removeprefix("./"), info.file_size, info.compress_size, opened)


def _harmless(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise Hostile("a member is encrypted, so nobody can look into it")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise Hostile("it holds a link, which can point anywhere")
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise Hostile("it holds a device or another special file")
    if "\0" in info.orig_filename:
        raise Hostile("a member's name hides a part of itself")
    if info.compress_type not in _METHODS:
        raise Unreadable("a member is packed by a method that is not opened here")


def _apart(infos: list[zipfile.ZipInfo], directory: int) -> None:
    """Refuse members that share bytes: a few bytes of such an archive expand to any size."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    if ordered and ordered[0].header_offset:
        raise Hostile("it has bytes before its first member, for another reader to see")
    ends = [info.header_offset for info in ordered[1:]] + [directory]
    for info, end in zip(ordered, ends, strict=False):
        if info.header_offset + _LOCAL_HEADER + info.compress_size > end:
            raise Hostile("members overlap: each reader would see another file")
