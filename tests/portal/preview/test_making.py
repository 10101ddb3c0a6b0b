"""Previews: what a reviewer sees, and that nothing hides from them."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import io
import json
import unicodedata
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from portal.domain.errors import Unavailable
from portal.preview import Preview, preview
from portal.preview.visible import visible
from tests.portal.checks import made
from tests.portal.checks.held import held


def _shown(body: bytes, path: str) -> Preview:
    return asyncio.run(preview(held(path, body)))


def test_a_table_is_shown_by_rows() -> None:
    shown = _shown(made.TABLE, "a.csv")
    assert shown.kind == "table"
    assert shown.columns == ("region", "count")
    assert shown.rows == (("north", "120"), ("south", "240"))
    assert not shown.truncated


@pytest.mark.parametrize("rows", [200, 201], ids=["as-many-as-shown", "one-more"])
def test_a_long_table_says_that_it_is_cut(rows: int) -> None:
    shown = _shown(b"a,b\n" + b"1,2\n" * rows, "a.csv")
    assert len(shown.rows) == 200
    assert shown.truncated is (rows > 200)


def test_a_wide_table_and_long_cells_are_cut_and_say_so() -> None:
    shown = _shown(b",".join(b"x" * 300 for _ in range(60)) + b"\n1\n", "a.csv")
    assert len(shown.columns) == 50
    assert shown.columns[0] == "x" * 200 + "…"
    assert shown.truncated
    assert len(shown.notes) == 2


def test_json_that_is_a_table_is_shown_as_one_and_other_json_as_text() -> None:
    assert _shown(b'[{"a": 1, "b": "x"}]', "a.json").rows == (("1", "x"),)
    shown = _shown(b'{"a": {"b": 1}, "c": 2}', "a.json")
    assert shown.kind == "text"
    assert "Not read as a table" in shown.notes[0]


def test_acros_results_are_shown_with_what_the_author_wrote() -> None:
    output = {"status": "fail", "type": "table", "files": [{"name": "a.csv"}], "summary": "fail; "}
    body = json.dumps({"version": "1", "results": {"one": {**output, "exception": "because " * 60}}}).encode()
    shown = _shown(body, "results.json")
    assert shown.columns[:2] == ("output", "status")
    assert shown.rows[0][:2] == ("one", "fail")
    assert "".join(row[5] for row in shown.rows) == "because " * 60


def test_text_is_shown_up_to_a_limit_even_in_the_middle_of_a_character() -> None:
    shown = _shown("é".encode() * 40_000 + b"x", "a.txt")
    assert shown.text == "é" * 32_768
    assert shown.truncated
    odd = _shown(b"x" + "é".encode() * 40_000, "a.txt")
    assert odd.text == "x" + "é" * 32_767


def test_what_hides_or_turns_text_is_made_visible() -> None:
    shown = _shown("a\u202eb\u200bc\u2066\ufe0f\U000e0041\r\nd".encode(), "a.txt")
    assert shown.text == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+2066⟩⟨U+FE0F⟩⟨U+E0041⟩\nd"
    assert _shown("x\u202ey,1\nz,2\n".encode(), "a.csv").columns[0] == "x⟨U+202E⟩y"


@given(st.text())
def test_visible_text_hides_nothing_and_keeps_the_rest(text: str) -> None:
    shown = visible(text)
    hiding = {"Cf", "Cc", "Co", "Cs", "Zl", "Zp"}
    assert not [c for c in shown if unicodedata.category(c) in hiding and c not in "\n\t"]
    assert all(c in shown for c in text if c.isalnum() and unicodedata.category(c) in {"Lu", "Ll", "Nd"})


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_a_picture_is_drawn_anew_and_at_most_so_large(kind: str) -> None:
    path = {"JPEG": "a.jpg", "TIFF": "a.tif"}.get(kind, f"a.{kind.lower()}")
    shown = _shown(made.picture(kind, (3200, 100)), path)
    assert shown.kind == "picture"
    with Image.open(io.BytesIO(shown.picture)) as image:
        assert image.format == "PNG"
        assert image.size == (1600, 50)


def test_a_drawn_picture_holds_no_metadata_and_no_bytes_of_the_file() -> None:
    shown = _shown(made.photograph() + b"hidden bytes", "a.jpg")
    assert b"Ada" not in shown.picture
    assert b"hidden" not in shown.picture
    with Image.open(io.BytesIO(shown.picture)) as image:
        image.load()
        assert not image.getexif()
        assert not image.info


def test_a_moving_picture_says_that_there_is_more() -> None:
    frames = [Image.new("RGB", (9, 9), (90 * n, 0, 0)) for n in range(3)]
    body = io.BytesIO()
    frames[0].save(body, "GIF", save_all=True, append_images=frames[1:])
    shown = _shown(body.getvalue(), "a.gif")
    assert shown.truncated
    assert "3 frames" in shown.notes[1]


def test_a_pdfs_text_is_shown() -> None:
    shown = _shown(made.document(), "a.pdf")
    assert shown.kind == "document"
    assert not shown.truncated


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "a.csv"),
        (made.zipped({"a.csv": made.TABLE}), "a.zip"),
        (gzip.compress(made.TABLE, mtime=0), "a.csv.gz"),
        (made.word(), "a.docx"),
        (b"\x80\x04N.", "a.pkl"),
        (bytes(range(256)), "a.bin"),
        (made.picture()[:50], "a.png"),
        (made.document()[:80], "a.pdf"),
        (made.document(password="x"), "a.pdf"),
        ("größe".encode("latin-1"), "a.csv"),
    ],
    ids=["empty", "zip", "gz", "docx", "pickle", "binary", "cut-png", "cut-pdf", "encrypted-pdf", "latin-1"],
)
def test_what_cannot_be_shown_says_why(body: bytes, path: str) -> None:
    shown = _shown(body, path)
    assert shown.kind == "none"
    assert shown.notes


async def _broken(start: int, end: int | None) -> AsyncIterator[bytes]:
    raise Unavailable("the object store does not answer")
    yield b""


def test_a_store_that_does_not_answer_is_said_to_be_so() -> None:
    with pytest.raises(Unavailable):
        asyncio.run(preview(dataclasses.replace(held("a.csv", made.TABLE), opener=_broken)))


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from(["a.csv", "a.json", "a.txt", "results.json", "a.jsonl", "a.tsv"])
)
def test_no_bytes_break_a_preview(body: bytes, path: str) -> None:
    assert _shown(body, path).kind in {"table", "text", "none"}
