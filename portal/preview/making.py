"""Makes previews."""

from __future__ import annotations

import asyncio
import codecs
import itertools
from collections.abc import Callable, Iterator
from typing import Final

from portal.checks import acro, formats, rows
from portal.checks.confined import Confined
from portal.checks.formats import Family
from portal.checks.subject import LARGEST_PARSED, Subject
from portal.checks.verdict import Held
from portal.checks.window import Deadline, Hostile, Unreadable
from portal.domain.errors import AirlockError
from portal.preview.shown import Preview
from portal.preview.visible import visible

ROWS: Final = 200
COLUMNS: Final = 50
CHARACTERS: Final = 200
"""Characters of one cell that are shown."""
TEXT_BYTES: Final = 64 << 10
PATIENCE: Final = 30.0
"""Seconds that somebody waits for a preview."""


async def preview(held: Held) -> Preview:
    """Return what a reviewer sees of the file. Hostile and broken files give `none` with the reason.

    Raises:
        Unavailable: the store does not answer.
    """
    subject = Subject.of(held, asyncio.get_running_loop(), Deadline(PATIENCE))
    return await asyncio.to_thread(_made, subject)


def _made(subject: Subject) -> Preview:
    try:
        return _maker(subject)(subject)
    except AirlockError:
        raise
    except (Hostile, Unreadable) as problem:
        return Preview("none", notes=(f"No preview: {problem}.",))
    except Exception as problem:  # a reviewer's page must stand whatever a file does to a parser
        return Preview("none", notes=(f"No preview: reading it failed ({type(problem).__name__}).",))


def _maker(subject: Subject) -> Callable[[Subject], Preview]:
    kind = subject.kind
    if kind is formats.TEXT and acro.is_results(subject):
        return _results
    if kind is formats.TEXT:
        return _table if rows.is_table(subject) else _text
    if kind.family is Family.PICTURE:
        return _picture
    return _document if kind.name == "PDF document" else _none


def _none(subject: Subject) -> Preview:
    kind = subject.kind
    what = "an empty file" if kind is formats.EMPTY else f"by its content: {kind.name}"
    return Preview("none", notes=(f"No preview of this type of file ({what}).",))


def _table(subject: Subject) -> Preview:
    try:
        whole = list(itertools.islice(rows.table(subject, subject.size).rows, ROWS + 2))
    except Unreadable as unreadable:
        shown = _text(subject)
        return Preview(
            "text", text=shown.text, notes=(f"Not read as a table: {unreadable}.",), truncated=shown.truncated
        )
    if not whole:
        return Preview("none", notes=("A table without rows.",))
    return _rows(whole[0], whole[1:])


def _rows(columns: rows.Row, body: list[rows.Row]) -> Preview:
    widest = max(map(len, (columns, *body)))
    notes: list[str] = []
    if len(body) > ROWS:
        notes.append(f"The first {ROWS} rows.")
    if widest > COLUMNS:
        notes.append(f"The first {COLUMNS} of {widest} columns.")
    if any(len(cell) > CHARACTERS for row in (columns, *body[:ROWS]) for cell in row[:COLUMNS]):
        notes.append(f"Longer cells are cut at {CHARACTERS} characters.")
    shown = tuple(_row(row) for row in body[:ROWS])
    return Preview("table", columns=_row(columns), rows=shown, notes=tuple(notes), truncated=bool(notes))


def _row(row: rows.Row) -> rows.Row:
    return tuple(_cell(cell) for cell in row[:COLUMNS])


def _cell(cell: str) -> str:
    return visible(cell[:CHARACTERS]) + ("…" if len(cell) > CHARACTERS else "")


def _text(subject: Subject) -> Preview:
    head = subject.head[:TEXT_BYTES]
    wide = head[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")()
    cut = subject.size > len(head)
    try:
        text = decoder.decode(head, final=not cut)
    except UnicodeDecodeError as problem:
        raise Unreadable("text in an unknown encoding") from problem
    notes = (f"The first {TEXT_BYTES >> 10} KiB.",) if cut else ()
    return Preview("text", text=visible(text), notes=notes, truncated=cut)


def _results(subject: Subject) -> Preview:
    """Show what ACRO says of each output, the author's words among it: whoever sees a preview may read the file."""
    try:
        _, found = acro.outputs(subject)
    except Unreadable:
        return _text(subject)
    columns = ("output", "status", "type", "files", "summary", "exception", "comments")
    body = [
        (o.uid, o.status, o.kind, ", ".join(o.files), o.summary, o.exception, " / ".join(o.comments))
        for o in found
    ]
    return _rows(columns, list(_whole_cells(body)))


def _whole_cells(body: list[tuple[str, ...]]) -> Iterator[rows.Row]:
    """Give rows whose reasons are not cut in the middle: a long one takes further rows."""
    for row in body:
        height = max(1, *(-(-len(cell) // CHARACTERS) for cell in row))
        for start in range(0, height * CHARACTERS, CHARACTERS):
            yield tuple(cell[start : start + CHARACTERS] for cell in row)


def _picture(subject: Subject) -> Preview:
    with Confined(PATIENCE) as confined:
        facts, made = confined.ask("thumbnail", subject.whole(LARGEST_PARSED))
    notes = [f"{facts['width']} by {facts['height']} pixels; drawn anew, without metadata."]
    more = facts["frames"] > 1
    if more:
        notes.append(f"The first of {facts['frames']} frames.")
    return Preview("picture", picture=made, notes=tuple(notes), truncated=more)


def _document(subject: Subject) -> Preview:
    with Confined(PATIENCE) as confined:
        facts, made = confined.ask("pdf_text", subject.whole(LARGEST_PARSED))
    text = visible(made.decode("utf-8", "replace"))[:TEXT_BYTES]
    more = facts["pages"] > facts["shown"]
    notes = ["The text alone: pictures in it are not shown."]
    if more:
        notes.append(f"The first {facts['shown']} of {facts['pages']} pages.")
    return Preview("document", text=text, notes=tuple(notes), truncated=more)
