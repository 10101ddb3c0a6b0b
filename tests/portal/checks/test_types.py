"""Types by content against names."""

from __future__ import annotations

import pytest

from portal.checks import Outcome, formats
from portal.checks.formats import FORMATS, HEAD, Family
from tests.portal.checks import made
from tests.portal.checks.held import checked, held, outcome, project, said

_HONEST = {
    "csv": (made.TABLE, "a.csv"),
    "upper-case": (made.TABLE, "A.CSV"),
    "utf-16": ("region,count\n".encode("utf-16"), "a.csv"),
    "any-language": ("größe,数,عدد\n".encode(), "folder/größe.csv"),
    "json": (b'{"a": 1}', "a.json"),
    "svg": (b"<svg xmlns='x'/>", "a.svg"),
    "no-ending": (b"read me\n", "README"),
    "empty": (b"", "a.csv"),
    "png": (made.picture(), "a.png"),
    "jpeg": (made.picture("JPEG"), "a.jpeg"),
    "gif": (made.picture("GIF"), "a.gif"),
    "tiff": (made.picture("TIFF"), "a.tif"),
    "webp": (made.picture("WEBP"), "a.webp"),
    "bmp": (made.picture("BMP"), "a.bmp"),
    "pdf": (made.document(), "a.pdf"),
    "zip": (made.zipped({"a.csv": made.TABLE}), "a.zip"),
    "tar": (made.tarred({"a.csv": made.TABLE}), "a.tar"),
    "tgz": (made.tarred({"a.csv": made.TABLE}, "gz"), "a.tar.gz"),
    "docx": (made.word(), "a.docx"),
    "xlsx": (made.workbook(), "a.xlsx"),
}
_LYING = {
    "program-as-csv": (b"MZ" + bytes(100), "a.csv"),
    "zip-as-csv": (made.zipped({"a": b"b"}), "a.csv"),
    "zip-as-docx": (made.zipped({"a": b"b"}), "a.docx"),
    "docx-as-png": (made.word(), "a.png"),
    "text-as-png": (b"not a picture", "a.png"),
    "png-as-jpeg": (made.picture(), "a.jpg"),
    "pdf-as-txt": (made.document(), "a.txt"),
    "html-as-csv": (b"\xef\xbb\xbf <!DOCTYPE html><script>", "a.csv"),
    "svg-as-txt": (b"<SVG onload=x>", "a.txt"),
    "noise-as-csv": (bytes(range(256)) * 4, "a.csv"),
    "text-then-binary": (b"a,b\n" * 20_000 + b"\0\1\2", "a.csv"),
    "pickle-as-csv": (b"\x80\x04K\x01.", "a.csv"),
    "pdf-with-zip": (made.document() + made.zipped({"a.csv": b"1"}), "a.pdf"),
    "png-with-zip": (made.picture() + made.zipped({"a.csv": b"1"}), "a.png"),
    "png-with-pdf": (made.picture("GIF") + b"%PDF-1.4", "a.gif"),
}


@pytest.mark.parametrize("name", _HONEST)
def test_a_file_that_is_what_its_name_says_is_clean(name: str) -> None:
    body, path = _HONEST[name]
    assert outcome(body, path, "type") is Outcome.CLEAN


@pytest.mark.parametrize("name", _LYING)
def test_a_file_that_lies_about_its_type_is_bad(name: str) -> None:
    body, path = _LYING[name]
    assert outcome(body, path, "type") is Outcome.BAD


@pytest.mark.parametrize(
    "body",
    [
        made.picture("PNG")[:60],
        made.picture("JPEG")[:200],
        made.picture("GIF")[:20],
        b"\x89PNG\r\n\x1a\n" + b"x" * 50,
    ],
    ids=["png", "jpeg", "gif", "noise"],
)
def test_a_damaged_picture_is_unreadable(body: bytes) -> None:
    name = {b"\x89": "a.png", b"\xff": "a.jpg", b"G": "a.gif"}[body[:1]]
    assert outcome(body, name, "type") is Outcome.UNREADABLE


def test_text_in_an_unknown_encoding_is_unreadable() -> None:
    assert outcome("größe,zahl\n".encode("latin-1"), "a.csv", "type") is Outcome.UNREADABLE


def test_a_picture_of_too_many_pixels_is_unreadable() -> None:
    # A header alone: the decoder is never reached.
    head = bytearray(made.picture("BMP"))
    head[18:26] = (60_000).to_bytes(4, "little") * 2
    assert outcome(bytes(head), "a.bmp", "type") is Outcome.UNREADABLE


def test_an_unknown_ending_and_an_unknown_content_are_pointed_out() -> None:
    assert outcome(b"text", "a.xyz", "type") is Outcome.WARNING
    assert outcome(bytes(range(256)), "a.xyz", "type") is Outcome.WARNING


def test_only_allowed_endings_pass_where_a_project_names_some() -> None:
    policy = project(rules={"allowed_types": ["csv", ".PNG"]})
    assert said(made.TABLE, "a.CSV", policy)["type"].outcome is Outcome.CLEAN
    assert said(made.picture(), "a.png", policy)["type"].outcome is Outcome.CLEAN
    assert said(b"text", "a.txt", policy)["type"].outcome is Outcome.BAD
    assert said(b"text", "a", policy)["type"].outcome is Outcome.BAD


def test_sizes_are_judged_by_tier_and_by_the_projects_limit() -> None:
    body = b"a,b\n" * (2 << 20)
    assert "size" not in said(body, "a.txt", project(tier=2))
    assert said(body, "a.txt", project(tier=4))["size"].outcome is Outcome.WARNING
    assert said(body, "a.txt", project(limits={"file_bytes": 1000}))["size"].outcome is Outcome.BAD


def test_a_store_that_gives_other_bytes_than_recorded_makes_a_file_unreadable() -> None:
    found = {f.check: f for f in checked([held("a.csv", made.TABLE, size=len(made.TABLE) + 10)])}
    assert found["type"].outcome is Outcome.UNREADABLE


def test_every_mark_is_recognised_as_its_own_format() -> None:
    for known in FORMATS:
        for marks in known.marks:
            head = bytearray(HEAD)
            for at, mark in marks:
                head[at : at + len(mark)] = mark
            assert formats.recognised(bytes(head)).name == known.name


def test_every_family_with_content_has_a_format() -> None:
    assert {known.family for known in FORMATS} == set(Family) - {Family.EMPTY, Family.UNKNOWN}
