"""Types and sizes: what a file is by its content, against what its name says; and how large it may be."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from typing import Final

from portal.checks import formats
from portal.checks.formats import Family, Format
from portal.checks.subject import Context, Said, Subject
from portal.checks.verdict import Outcome

VERSION: Final = "1"
ORDINARY_BYTES: Final[Mapping[int, int]] = {0: 1 << 40, 1: 1 << 30, 2: 100 << 20, 3: 20 << 20, 4: 5 << 20}
"""Bytes up to which an output of each tier is ordinary. Larger ones are pointed out: tables and figures are small."""
_MARKUP: Final = (b"<!doctype html", b"<html", b"<script", b"<svg")
_MARKUP_ENDINGS: Final = frozenset({"html", "htm", "svg", "xml", "js", "md", "qmd", "rmd", "kml", "gml"})
_END_OF_ZIP: Final = b"PK\x05\x06"
_ZIP_LIKE: Final = frozenset({Family.ARCHIVE, Family.OFFICE, Family.MODEL, Family.PROGRAM, Family.DATA})


def judge(subject: Subject, context: Context) -> Iterator[Said]:
    """Say what the file is, and whether that is what its name says and the project allows."""
    outcome, summary = _judged(subject, context)
    kind = subject.kind
    detail = {"format": kind.name, "family": kind.family.value, "ending": subject.ending}
    yield Said("type", VERSION, outcome, summary, detail)
    yield from sized(subject, context)


def sized(subject: Subject, context: Context) -> Iterator[Said]:
    """Say so if a file is larger than the project allows, or than outputs of its tier ordinarily are."""
    project = context.project
    detail = {"bytes": subject.size, "tier": project.tier}
    if subject.size > project.limits.file_bytes:
        yield Said("size", VERSION, Outcome.BAD, "larger than the project allows", detail)
    elif context.outward and subject.size > ORDINARY_BYTES[project.tier]:
        usual = ORDINARY_BYTES[project.tier] >> 20
        summary = f"larger than outputs of tier {project.tier} ordinarily are ({usual:,} MiB)"
        yield Said("size", VERSION, Outcome.WARNING, summary, detail)


def _judged(subject: Subject, context: Context) -> tuple[Outcome, str]:
    kind, ending = subject.kind, subject.ending
    allowed = context.project.rules.allowed_types
    if allowed is not None and ending not in {one.lower().lstrip(".") for one in allowed}:
        return (
            Outcome.BAD,
            f"files ending in .{ending} are not allowed" if ending else "its name has no ending",
        )
    if kind is formats.EMPTY:
        return Outcome.CLEAN, "an empty file"
    lie = _lie(kind, ending) or _double(subject)
    if lie:
        return Outcome.BAD, lie
    if kind.family is Family.TEXT:
        return _text(subject)
    if kind.family is Family.PICTURE:
        return _picture(subject, context)
    if kind.family is Family.UNKNOWN or ending not in kind.endings:
        return Outcome.WARNING, f"a {kind.name}, by its content; its name does not say so"
    return Outcome.CLEAN, f"a {kind.name}"


def _lie(kind: Format, ending: str) -> str:
    honest = kind.endings | _also(kind)
    if ending in honest or ending not in formats.KNOWN_ENDINGS:
        return ""
    if kind is formats.TEXT and ending in formats.ONNX.endings | formats.PICKLE.endings:
        return ""  # models are saved as text, too: `opaque` has its say on these endings
    return f"its name ends in .{ending}, but its content is a {kind.name}"


def _also(kind: Format) -> frozenset[str]:
    """Return endings that are honest for what is inside: R and joblib pack what they save."""
    if kind.name in {"gzip file", "bzip2 file", "xz file"}:
        return frozenset({"rds", "rdata", "rda", "joblib", "pkl", "pickle", "svgz", "z"})
    if kind.family is Family.UNKNOWN:
        return frozenset({"pb", "onnx", "bin", "dat", "model", "sav", "dta"})
    return frozenset({"gz"}) if kind.name == "tar archive" else frozenset()


def _double(subject: Subject) -> str:
    """Return in which second way the file can be read, if it can: each reader would see another file."""
    kind = subject.kind
    if kind.family not in _ZIP_LIKE and kind.family is not Family.SEALED and _has_zip(subject):
        return f"it is a {kind.name} and a zip archive at once"
    if kind.name != "PDF document" and kind.family is not Family.TEXT and b"%PDF-" in subject.head[:1024]:
        return f"it is a {kind.name} and a PDF document at once"
    beginning = subject.head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if kind is formats.TEXT and subject.ending not in _MARKUP_ENDINGS and beginning.startswith(_MARKUP):
        return "it is a web page under another name"
    return ""


def _has_zip(subject: Subject) -> bool:
    tail = subject.tail
    at = tail.rfind(_END_OF_ZIP)
    if at < 0 or len(tail) < at + 22:
        return False
    # The comment of a real one ends where the file ends; the directory lies before it.
    comment = int.from_bytes(tail[at + 20 : at + 22], "little")
    return at + 22 + comment == len(tail)


def _text(subject: Subject) -> tuple[Outcome, str]:
    mark = subject.head[:2]
    wide = mark in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8")()
    try:
        for piece in subject.pieces():
            decoder.decode(piece)
            if not wide and not formats.looks_like_text(piece):
                return Outcome.BAD, "it begins as text and goes on as something else"
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return Outcome.UNREADABLE, "text in an unknown encoding; save it as UTF-8"
    ending = subject.ending
    known = not ending or ending in formats.TEXT.endings
    return (Outcome.CLEAN, "text") if known else (Outcome.WARNING, f"text, under the ending .{ending}")


def _picture(subject: Subject, context: Context) -> tuple[Outcome, str]:
    facts = subject.picture(context.confined)
    if subject.ending not in subject.kind.endings:
        return Outcome.WARNING, f"a {subject.kind.name}; its name does not say so"
    return Outcome.CLEAN, f"a {subject.kind.name} of {facts['width']} by {facts['height']} pixels"
