"""Reads tables row by row with bounded memory: comma- and tab-separated text, and the usual shapes of JSON."""

from __future__ import annotations

import codecs
import csv
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from portal.checks.subject import Subject
from portal.checks.window import Unreadable

SEPARATED: Final = frozenset({"csv", "tsv", "tab"})
JSON: Final = frozenset({"json", "geojson"})
JSON_LINES: Final = frozenset({"jsonl", "ndjson"})
LARGEST_JSON: Final = 8 << 20
"""Bytes of JSON that are read; it becomes some twenty times that in memory."""
_LONGEST_ROW: Final = 1 << 20
_PIECE: Final = 64 << 10
_MOST_COLUMNS: Final = 10_000
_SEPARATORS: Final = ",;\t|"

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table's rows as text, the header among them if `named` says that the first row is one for certain."""

    rows: Iterator[Row]
    named: bool = False


def is_table(subject: Subject) -> bool:
    """Tell whether a file's name says that it is a table."""
    return subject.ending in SEPARATED | JSON | JSON_LINES


def table(subject: Subject, most_bytes: int) -> Table:
    """Return a file's table. Reading its rows raises as this does.

    Raises:
        Unreadable: it is too large, in another encoding than UTF-8 or UTF-16, or not the table it seems to be.
    """
    if subject.size > most_bytes:
        raise Unreadable("a table too large to be read")
    if subject.ending in SEPARATED:
        return Table(_bounded(_separated(subject)))
    if subject.ending in JSON_LINES:
        return Table(_bounded(_json_lines(subject)), named=True)
    return _json(subject)


def _bounded(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        if len(row) > _MOST_COLUMNS:
            raise Unreadable(f"a table of more than {_MOST_COLUMNS:,} columns")
        yield row


class _Lines:
    """Gives lines and adds up their length until a row is complete: a row is never larger than the limit."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.since_row = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.since_row += len(line)
        if self.since_row > _LONGEST_ROW:
            raise Unreadable("a row too long to be read")
        return line


def lines(subject: Subject) -> Iterator[str]:
    """Give a file's lines with their ends.

    Raises:
        Unreadable: they are not UTF-8 (or UTF-16 with its mark), hold NUL, or are too long.
    """
    rest = ""
    try:
        for text in _decoded(subject):
            rest += text
            *whole, rest = rest.split("\n")
            yield from (line + "\n" for line in whole)
            if len(rest) > _LONGEST_ROW:
                raise Unreadable("a line too long to be read")
    except UnicodeDecodeError as problem:
        raise Unreadable("text in an unknown encoding; save it as UTF-8") from problem
    if rest:
        yield rest


def _decoded(subject: Subject) -> Iterator[str]:
    wide = subject.head[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")()
    for piece in itertools.chain(_small(subject), (b"",)):
        text = decoder.decode(piece, final=not piece)
        if "\0" in text:
            raise Unreadable("it holds bytes that text does not have")
        yield text


def _small(subject: Subject) -> Iterator[bytes]:
    for piece in subject.pieces():
        for start in range(0, len(piece), _PIECE):
            yield piece[start : start + _PIECE]


def _separated(subject: Subject) -> Iterator[Row]:
    every = _Lines(lines(subject))
    first = next(every, None)
    if first is None:
        return
    separator = "\t" if subject.ending in {"tsv", "tab"} else max(_SEPARATORS, key=first.count)
    counted = _Lines(itertools.chain((first,), every))
    try:
        for row in csv.reader(counted, delimiter=separator):
            counted.since_row = every.since_row = 0
            if row:
                yield tuple(row)
    except csv.Error as problem:
        raise Unreadable("its rows cannot be told apart") from problem


def _json_lines(subject: Subject) -> Iterator[Row]:
    columns: dict[str, None] = {}
    for line in filter(str.strip, lines(subject)):
        subject.deadline.hold()
        record = _loaded(line)
        if not isinstance(record, dict):
            raise Unreadable("its lines are no JSON objects")
        values = cast("dict[str, Any]", record)
        if not columns:
            yield tuple(values)
        columns |= dict.fromkeys(values)
        yield tuple(_text(values.get(key)) for key in columns)


def _loaded(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Unreadable("it is not JSON that can be read") from problem


def _json(subject: Subject) -> Table:
    thing = loaded(subject)
    for shape in _SHAPES:
        found = shape(thing)
        if found is not None:
            return Table(_bounded(found), named=True)
    raise Unreadable("JSON of another shape than a table")


def loaded(subject: Subject, most: int = LARGEST_JSON) -> object:
    """Return what a JSON file holds.

    Raises:
        Unreadable: it is too large, in another encoding, or no JSON.
    """
    if subject.size > most:
        raise Unreadable("JSON too large to be read")
    body = subject.whole(most)
    try:
        return _loaded(body.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        raise Unreadable("text in an unknown encoding; save it as UTF-8") from problem


def _records(thing: object) -> Iterator[Row] | None:
    """Read `[{"column": value, ...}, ...]`."""
    rows = cast("list[Any]", thing) if isinstance(thing, list) else []
    if not rows or not all(isinstance(row, dict) for row in rows):
        return None
    names = list(dict.fromkeys(key for row in rows for key in cast("dict[str, Any]", row)))
    if len(names) > _MOST_COLUMNS:
        raise Unreadable(f"a table of more than {_MOST_COLUMNS:,} columns")
    body = (tuple(_text(row.get(name)) for name in names) for row in rows)
    return itertools.chain((tuple(names),), body)


def _split(thing: object) -> Iterator[Row] | None:
    """Read `{"columns": [...], "data": [[...], ...]}`."""
    if not isinstance(thing, dict):
        return None
    parts = cast("dict[str, Any]", thing)
    columns, data = parts.get("columns"), parts.get("data")
    if not isinstance(columns, list) or not isinstance(data, list):
        return None
    rows = [cast("list[Any]", row) for row in cast("list[Any]", data) if isinstance(row, list)]
    return itertools.chain(
        ((*map(_text, cast("list[Any]", columns)),),), (tuple(map(_text, row)) for row in rows)
    )


def _columns(thing: object) -> Iterator[Row] | None:
    """Read `{"column": {"row": value, ...}, ...}` and `{"column": [value, ...], ...}`."""
    if not isinstance(thing, dict) or not thing:
        return None
    columns = cast("dict[str, Any]", thing)
    if all(isinstance(column, dict) for column in columns.values()):
        labels = list(dict.fromkeys(label for column in columns.values() for label in column))
        body = ((label, *(_text(column.get(label)) for column in columns.values())) for label in labels)
        return itertools.chain((("", *columns),), body)
    if all(isinstance(column, list) for column in columns.values()):
        pairs = itertools.zip_longest(*columns.values(), fillvalue="")
        return itertools.chain((tuple(columns),), (tuple(map(_text, pair)) for pair in pairs))
    return None


_SHAPES: Final[tuple[Callable[[object], Iterator[Row] | None], ...]] = (_records, _split, _columns)


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)[:1000]
