"""Metadata: what pictures, PDF and Office documents carry besides what one sees. Fields are named, never shown."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

from portal.checks import formats, office
from portal.checks.formats import Family
from portal.checks.subject import Context, Said, Subject
from portal.checks.verdict import Outcome
from portal.checks.window import Unreadable

VERSION: Final = f"1 (Pillow {version('pillow')}, pypdf {version('pypdf')})"
_UNOPENED: Final = frozenset({"old Office document", "RTF document", "PostScript document"})
_ZIP_MARK: Final = b"PK\x05\x06"


def judge(subject: Subject, context: Context) -> Iterator[Said]:
    """Say what a picture or document carries unseen. Says nothing of other files."""
    kind = subject.kind
    try:
        if kind.family is Family.PICTURE:
            yield _picture(subject, context)
        elif kind.name == "PDF document":
            yield _pdf(subject, context)
        elif kind.family is Family.OFFICE:
            yield _office(subject)
        elif kind.name in _UNOPENED or kind is formats.XLSB:
            raise Unreadable(f"an {kind.name}" if kind.name[0] in "aeio" else f"a {kind.name}")
    except Unreadable as unreadable:
        yield Said("metadata", VERSION, Outcome.UNREADABLE, f"cannot be looked into: {unreadable}")


def _said(notes: list[str], detail: dict[str, Any]) -> Said:
    outcome = Outcome.WARNING if notes else Outcome.CLEAN
    return Said("metadata", VERSION, outcome, "; ".join(notes) or "nothing unseen", detail)


def _picture(subject: Subject, context: Context) -> Said:
    facts = subject.picture(context.confined)
    notes: list[str] = []
    fields: list[str] = facts["fields"]
    if "GPS position" in fields:
        notes.append("the place where it was taken")
    if fields:
        notes.append(f"{len(fields)} fields of metadata")
    if facts["frames"] > 1:
        notes.append(f"{facts['frames']} frames, of which a viewer may show one")
    if _goes_on(subject):
        notes.append("bytes after the picture's end")
    return _said(notes, {"fields": fields, "frames": facts["frames"]})


def _goes_on(subject: Subject) -> bool:
    """Tell whether something follows the end that a PNG, GIF or JPEG picture says it has."""
    end = {"PNG picture": b"IEND\xaeB`\x82", "GIF picture": b"\0;", "JPEG picture": b"\xff\xd9"}.get(
        subject.kind.name
    )
    return end is not None and not subject.tail.rstrip(b"\0\r\n ").endswith(end.rstrip(b"\0"))


def _pdf(subject: Subject, context: Context) -> Said:
    facts, _ = context.confined.ask("pdf", subject.whole())
    fields: list[str] = facts["fields"]
    active: list[str] = facts["active"]
    notes = [f"{len(fields)} fields of metadata"] if fields else []
    notes += active
    return _said(notes, {"fields": fields, "active": active, "pages": facts["pages"]})


def _office(subject: Subject) -> Said:
    found = office.found(subject)
    notes = [f"{len(found.fields)} fields of metadata"] if found.fields else []
    notes += found.parts
    return _said(notes, {"fields": found.fields, "parts": found.parts})
