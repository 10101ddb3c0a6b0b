"""Archives: opened within limits, their members checked as files of their own.

Nothing is unpacked beside its archive: one member at a time lies in a temporary file without a name, and whatever a
member calls itself, nothing is written under that name.
"""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, cast

from portal.checks import packed, tars, zips
from portal.checks.formats import Family
from portal.checks.subject import Context, Said, Subject
from portal.checks.unpacking import Budget, Limits, Member
from portal.checks.verdict import Outcome
from portal.checks.window import LARGEST_READ, Hostile, Unreadable
from portal.domain.errors import Invalid
from portal.domain.names import folded, safe_path

VERSION: Final = "1"
_LISTED: Final = 1000
"""Members that a verdict lists; further ones are counted."""
_IN_MEMORY: Final = 4 << 20
_PIECE: Final = 1 << 20
_DAMAGED: Final = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError)
"""What the standard library raises in the middle of a damaged member."""

Judge = Callable[[Subject, Context], Iterator[Said]]
"""All the checks of one file's content."""


@dataclass
class _Found:
    """What was seen in one archive, at every depth."""

    members: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    said: dict[str, list[tuple[str, Said]]] = field(default_factory=dict[str, list[tuple[str, Said]]])
    not_read: int = 0

    def note(self, path: str, said: Said) -> None:
        if said.outcome is not Outcome.CLEAN:
            self.said.setdefault(said.check, []).append((path, said))


def judge(
    subject: Subject, context: Context, judge_member: Judge, limits: Limits | None = None
) -> Iterator[Said]:
    """Say whether the archive is safe to open, list its members, and say what the other checks find in them."""
    kind = subject.kind
    if kind.family is Family.SEALED:
        yield Said(
            "archive", VERSION, Outcome.UNREADABLE, f"a {kind.name} cannot be opened here; use zip or tar"
        )
        return
    if kind.family is not Family.ARCHIVE and not _is_zip(subject):
        return
    budget = Budget(limits or Limits(), subject.deadline)
    found = _Found()
    try:
        _walk(subject, context, judge_member if kind.family is Family.ARCHIVE else None, budget, found, 1, "")
    except Hostile as hostile:
        yield Said("archive", VERSION, Outcome.BAD, str(hostile), _listing(found, budget))
        return
    except Unreadable as unreadable:
        yield Said("archive", VERSION, Outcome.UNREADABLE, str(unreadable), _listing(found, budget))
    except _DAMAGED:
        yield Said("archive", VERSION, Outcome.UNREADABLE, "a member is damaged", _listing(found, budget))
    else:
        yield _whole(found, budget)
    yield from _of_members(found)


def _is_zip(subject: Subject) -> bool:
    return subject.head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}


def _whole(found: _Found, budget: Budget) -> Said:
    detail = _listing(found, budget)
    if found.not_read:
        summary = f"{found.not_read} of {budget.members} members are too large to be looked into"
        return Said("archive", VERSION, Outcome.UNREADABLE, summary, detail)
    return Said("archive", VERSION, Outcome.CLEAN, f"{budget.members} members", detail)


def _listing(found: _Found, budget: Budget) -> dict[str, object]:
    return {"members": found.members, "count": budget.members, "bytes": budget.expanded}


def _of_members(found: _Found) -> Iterator[Said]:
    for check in sorted(found.said):
        entries = found.said[check]
        worst = max((said for _, said in entries), key=lambda said: said.outcome.weight)
        listed = {
            path: {"outcome": s.outcome.value, "summary": s.summary, **s.detail} for path, s in entries[:100]
        }
        more = f" (and {len(entries) - 1} more)" if len(entries) > 1 else ""
        summary = f"in the archive: {worst.summary}{more}"
        yield Said(worst.check, worst.version, worst.outcome, summary, {**_shared(worst), "members": listed})


def _shared(said: Said) -> dict[str, object]:
    """Return what whoever acts on the verdict looks for, wherever in the archive it was said."""
    return {"role": said.detail["role"]} if "role" in said.detail else {}


def _walk(
    subject: Subject,
    context: Context,
    judge_member: Judge | None,
    budget: Budget,
    found: _Found,
    depth: int,
    prefix: str,
) -> None:
    if depth > budget.limits.depth:
        raise Hostile(f"archives lie in archives, more than {budget.limits.depth} deep")
    names: set[str] = set()
    for member in _members(subject, budget):
        budget.member()
        path = _safe(member.path, names)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            kept = _expand(member, cast("BinaryIO", spool), budget)
            inner = Subject(
                path, member.size, lambda s=spool: cast("BinaryIO", _Rewound(s)), subject.deadline
            )
            shown = prefix + path
            if len(found.members) < _LISTED:
                found.members.append(
                    {
                        "path": shown,
                        "bytes": member.size,
                        "format": inner.kind.name if kept else "not looked into",
                    }
                )
            if not kept:
                found.not_read += 1
            elif judge_member is not None:
                _judge_member(inner, context, judge_member, budget, found, depth, shown)


def _judge_member(
    inner: Subject,
    context: Context,
    judge_member: Judge,
    budget: Budget,
    found: _Found,
    depth: int,
    shown: str,
) -> None:
    for said in judge_member(inner, context):
        found.note(shown, said)
    if inner.kind.family is Family.SEALED:
        raise Unreadable(f"it holds a {inner.kind.name}, which cannot be opened here")
    if inner.kind.family is Family.ARCHIVE:
        _walk(inner, context, judge_member, budget, found, depth + 1, f"{shown}!")


class _Rewound:
    """A spool's own file that begins at its beginning and stays open when a reader is done with it."""

    def __init__(self, spool: tempfile.SpooledTemporaryFile[bytes]) -> None:
        self._spool = spool
        spool.seek(0)

    def __enter__(self) -> _Rewound:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Keep it open: others read it, too."""

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._spool.seek(offset, whence)
        return self._spool.tell()

    def tell(self) -> int:
        return self._spool.tell()

    def read(self, size: int = -1) -> bytes:
        if size > LARGEST_READ:
            raise Hostile("a length in it is beyond any reason")
        return self._spool.read(size if size >= 0 else LARGEST_READ)

    def readline(self, size: int = -1) -> bytes:
        return self._spool.readline(size if size >= 0 else LARGEST_READ)


def _members(subject: Subject, budget: Budget) -> Iterator[Member]:
    if subject.kind.name == "tar archive":
        yield from tars.members(subject.open, subject.size)
    elif _is_zip(subject):
        yield from zips.members(subject, budget)
    else:
        yield from packed.members(subject, budget)


def _safe(path: str, names: set[str]) -> str:
    try:
        safe = safe_path(path)
    except Invalid as invalid:
        raise Hostile(f"a member's name is not safe: {invalid.what}") from invalid
    if folded(safe) in names:
        raise Hostile("two members have one name: each reader would see another file")
    names.add(folded(safe))
    return safe


def _expand(member: Member, spool: BinaryIO, budget: Budget) -> bool:
    """Read a member to its end, for its true size; keep its bytes and return True unless they are too many."""
    size, kept = 0, True
    with member.open() as source:
        while piece := source.read(_PIECE):
            size += len(piece)
            budget.expand(len(piece), member.stored, size)
            kept = kept and size <= budget.limits.member_bytes
            if kept:
                spool.write(piece)
    member.size = size
    return kept
