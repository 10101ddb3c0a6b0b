"""What Office and OpenDocument files carry unseen: authors, macros, embedded objects, links and hidden data."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from portal.checks import formats
from portal.checks.subject import Subject
from portal.checks.window import Unreadable

_LARGEST_PART: Final = 4 << 20
_MOST_PARTS: Final = 10_000
_PROPERTIES: Final = ("docProps/core.xml", "docProps/app.xml", "docProps/custom.xml", "meta.xml")
_ORDINARY: Final = frozenset(
    {
        "created",
        "modified",
        "revision",
        "template",
        "totaltime",
        "pages",
        "words",
        "characters",
        "application",
    }
    | {
        "docsecurity",
        "lines",
        "paragraphs",
        "scalecrop",
        "linksuptodate",
        "characterswithspaces",
        "shareddoc",
    }
    | {
        "hyperlinkschanged",
        "appversion",
        "generator",
        "creation-date",
        "date",
        "editing-cycles",
        "editing-duration",
    }
    | {
        "document-statistic",
        "headingpairs",
        "titlesofparts",
        "lpstr",
        "vector",
        "variant",
        "i4",
        "slides",
        "notes",
    }
    | {
        "hiddenslides",
        "mmclips",
        "presentationformat",
        "properties",
        "coreproperties",
        "meta",
        "document-meta",
    }
)
_KINDS: Final = (
    (re.compile(r"vbaProject\.bin$|^Basic/|^Scripts/", re.IGNORECASE), "macros"),
    (re.compile(r"(?:^|/)(?:embeddings|activeX)/|^Object [0-9]+/", re.IGNORECASE), "embedded objects"),
    (re.compile(r"/externalLinks?/", re.IGNORECASE), "links to other workbooks"),
    (
        re.compile(r"/pivotCacheRecords[0-9]*\.", re.IGNORECASE),
        "pivot caches, which hold the rows behind a summary",
    ),
    (re.compile(r"/(?:threaded)?comments[^/]*\.xml$|/comments/", re.IGNORECASE), "comments"),
    (
        re.compile(r"/(?:media|Pictures)/|^Pictures/", re.IGNORECASE),
        "pictures, whose own metadata is not looked into",
    ),
)
_EXTERNAL: Final = re.compile(rb'TargetMode\s*=\s*["\']External["\']')
_HYPERLINK: Final = re.compile(rb"relationships/hyperlink")
_HIDDEN: Final = re.compile(rb'state\s*=\s*["\'](?:hidden|veryHidden)["\']')
_CHANGES: Final = re.compile(rb"<(?:w:ins|w:del|w:moveFrom|text:tracked-changes)[\s>]")


@dataclass
class Found:
    """Names of metadata fields that are filled, and kinds of parts that are not seen."""

    fields: list[str] = field(default_factory=list[str])
    parts: list[str] = field(default_factory=list[str])


def found(subject: Subject) -> Found:
    """Return what a document carries unseen.

    Raises:
        Unreadable: it is damaged, encrypted, or too large in some part.
    """
    try:
        with subject.open() as source, zipfile.ZipFile(source) as archive:
            return _found(archive, subject)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as problem:
        raise Unreadable("a damaged document") from problem
    except (RuntimeError, NotImplementedError) as problem:
        raise Unreadable("an encrypted document, or one packed in an unusual way") from problem


def _found(archive: zipfile.ZipFile, subject: Subject) -> Found:
    names = archive.namelist()
    if len(names) > _MOST_PARTS:
        raise Unreadable("a document of too many parts")
    seen = Found()
    for name in _PROPERTIES:
        if name in names:
            seen.fields += _fields(_part(archive, name))
    parts = {kind for pattern, kind in _KINDS if any(pattern.search(name) for name in names)}
    for name in names:
        subject.deadline.hold()
        if name.endswith(".rels"):
            body = _part(archive, name)
            parts |= (
                {"links to other places"}
                if len(_EXTERNAL.findall(body)) > len(_HYPERLINK.findall(body))
                else set()
            )
        elif name == "xl/workbook.xml":
            parts |= {"hidden sheets"} if _HIDDEN.search(_part(archive, name)) else set()
        elif name in {"word/document.xml", "content.xml"}:
            parts |= _changes(archive, name)
    if subject.kind is formats.XLSB:
        raise Unreadable("a binary workbook")
    seen.parts = sorted(parts)
    return seen


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    _openable(archive, name)
    with archive.open(name) as part:
        body = part.read(_LARGEST_PART + 1)
    if len(body) > _LARGEST_PART:
        raise Unreadable("a document with a part too large")
    return body


def _openable(archive: zipfile.ZipFile, name: str) -> None:
    if archive.getinfo(name).compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Unreadable("a document packed in an unusual way")


def _changes(archive: zipfile.ZipFile, name: str) -> set[str]:
    """Look for tracked changes, which show text that was taken out, piece by piece with an overlap."""
    _openable(archive, name)
    before, read = b"", 0
    with archive.open(name) as part:
        while piece := part.read(1 << 20):
            read += len(piece)
            if read > 16 * _LARGEST_PART:
                raise Unreadable("a document with a part too large")
            if _CHANGES.search(before + piece):
                return {"tracked changes"}
            before = piece[-64:]
    return set()


def _fields(body: bytes) -> list[str]:
    try:
        root = fromstring(body, forbid_dtd=True)
    except (DefusedXmlException, ParseError, LookupError) as problem:
        raise Unreadable("a document whose properties are damaged or hostile") from problem
    named: set[str] = set()
    for element in root.iter():
        local = str(element.tag).rpartition("}")[2]
        if (element.text or "").strip() and local.lower() not in _ORDINARY:
            named.add(local[:40])
        if local == "property":
            named.add("custom property")
    return sorted(named)[:100]
