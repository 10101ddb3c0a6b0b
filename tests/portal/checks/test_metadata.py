"""Metadata in pictures and documents."""

from __future__ import annotations

import json

import pytest
from PIL.PngImagePlugin import PngInfo

from portal.checks import Finding, Outcome
from tests.portal.checks import made
from tests.portal.checks.held import said

_BOMB = b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><x>&c;</x>'


def _metadata(body: bytes, path: str) -> Finding:
    return said(body, path)["metadata"]


def _noted_png() -> bytes:
    notes = PngInfo()
    notes.add_text("Author", "Ada Lovelace")
    notes.add_text("Software", "Matplotlib")
    return made.picture(pnginfo=notes)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (made.picture(), "a.png"),
        (made.picture("JPEG"), "a.jpg"),
        (made.picture("TIFF"), "a.tif"),
        (made.picture("GIF"), "a.gif"),
        (made.document(), "a.pdf"),
        (made.word(), "a.docx"),
    ],
    ids=["png", "jpeg", "tiff", "gif", "pdf", "docx"],
)
def test_a_file_without_metadata_is_clean(body: bytes, path: str) -> None:
    assert _metadata(body, path).outcome is Outcome.CLEAN


def test_a_photograph_says_where_it_was_taken() -> None:
    finding = _metadata(made.photograph(), "a.jpg")
    assert finding.outcome is Outcome.WARNING
    assert "the place where it was taken" in finding.summary
    assert finding.detail["fields"] == ["Artist", "GPS position"]


def test_text_in_a_picture_is_named_and_a_plotting_librarys_is_not() -> None:
    assert _metadata(_noted_png(), "a.png").detail["fields"] == ["text field Author"]


def test_bytes_after_a_pictures_end_are_pointed_out() -> None:
    for kind, path in (("PNG", "a.png"), ("JPEG", "a.jpg"), ("GIF", "a.gif")):
        assert "after the picture's end" in _metadata(made.picture(kind) + b"hidden", path).summary


@pytest.mark.parametrize(
    ("body", "noted"),
    [
        (made.document(author="Ada"), "1 fields of metadata"),
        (made.document(script="app.alert(1)"), "JavaScript"),
        (made.document(attached=b"secret"), "attached files"),
    ],
    ids=["author", "script", "attachment"],
)
def test_what_a_pdf_carries_is_named(body: bytes, noted: str) -> None:
    finding = _metadata(body, "a.pdf")
    assert finding.outcome is Outcome.WARNING
    assert noted in finding.summary


@pytest.mark.parametrize(
    ("part", "content", "noted"),
    [
        ("docProps/core.xml", made.CORE, "1 fields of metadata"),
        ("word/vbaProject.bin", b"x", "macros"),
        ("word/embeddings/a.bin", b"x", "embedded objects"),
        ("word/comments.xml", b"<x/>", "comments"),
        ("word/_rels/document.xml.rels", b'<R TargetMode="External" Type="x/attachedTemplate"/>', "links"),
    ],
    ids=["author", "macros", "embedded", "comments", "links"],
)
def test_what_a_document_carries_is_named(part: str, content: bytes, noted: str) -> None:
    finding = _metadata(made.word({part: content}), "a.docx")
    assert finding.outcome is Outcome.WARNING
    assert noted in finding.summary


@pytest.mark.parametrize(
    ("part", "content", "noted"),
    [
        ("xl/pivotCache/pivotCacheRecords1.xml", b"<x/>", "pivot caches"),
        ("xl/externalLinks/externalLink1.xml", b"<x/>", "other workbooks"),
    ],
    ids=["pivot", "links"],
)
def test_what_a_workbook_carries_is_named(part: str, content: bytes, noted: str) -> None:
    assert noted in _metadata(made.workbook({part: content}), "a.xlsx").summary


def test_hidden_sheets_and_tracked_changes_are_named() -> None:
    sheets = made.zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b'<sheet state="veryHidden"/>'})
    assert "hidden sheets" in _metadata(sheets, "a.xlsx").summary
    changed = made.zipped({"[Content_Types].xml": b"", "word/document.xml": b"<w:del w:id='1'>"})
    assert "tracked changes" in _metadata(changed, "a.docx").summary


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (made.document(password="x"), "a.pdf"),
        (made.document()[:100], "a.pdf"),
        (made.word({"docProps/core.xml": _BOMB}), "a.docx"),
        (made.word({"docProps/core.xml": b"<x"}), "a.docx"),
        (made.word({"docProps/core.xml": bytes(5 << 20)}), "a.docx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.xls"),
    ],
    ids=["encrypted", "cut", "entities", "broken", "large", "old"],
)
def test_a_document_that_cannot_be_looked_into_is_unreadable(body: bytes, path: str) -> None:
    assert _metadata(body, path).outcome is Outcome.UNREADABLE


def test_fields_are_named_and_their_values_are_not() -> None:
    bodies = [(made.photograph(), "a.jpg"), (_noted_png(), "a.png"), (made.document(author="Ada"), "a.pdf")]
    bodies.append((made.word({"docProps/core.xml": made.CORE}), "a.docx"))
    for body, path in bodies:
        shown = json.dumps([[f.summary, dict(f.detail)] for f in said(body, path).values()])
        assert "Ada" not in shown
