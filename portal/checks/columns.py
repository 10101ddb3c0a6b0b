"""Measures a table's columns in one pass, with bounded memory per column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from portal.checks import identifiers
from portal.checks.rows import Row, Table
from portal.checks.window import Deadline, Unreadable

MOST_ROWS: Final = 100_000
"""Rows that are measured. A table of more is no summary, and its first rows show what it is."""
_MOST_COLUMNS: Final = 2000
_KEYS_KEPT: Final = 10_000
_SUMMARY_ROWS: Final = 1000
"""Rows up to which a table of whole numbers may be one of counts, whatever its headings say."""
_MOSTLY: Final = 0.8
"""Share of a count column's cells that are numbers; the rest may be suppressed."""
_WORDS: Final = 5
_LONG: Final = 40
_MEASURED: Final = 10_000
"""Characters of a cell that are looked at."""
_HEADING: Final = re.compile(r"[^\W\d_][\w .\-/%()#&+]{0,39}")
_LONG_NUMBER: Final = re.compile(r"[0-9]{5}")
_COUNT: Final = re.compile(
    r"\b(?:n|no|nr|num|number|count|counts|freq|frequency|total|totals|all|cases|deaths|patients|people|persons|participants"
    r"|records|rows|obs|observations|events|admissions|size|nobs|cell)\b",
    re.IGNORECASE,
)
_NO_COUNT: Final = re.compile(
    r"\b(?:year|month|day|week|quarter|age|id|index|rank|code|order|group|bin|decile|quintile|quartile|tertile|stage|score"
    r"|level|lag|step|epoch|fold|seed|df|dof|percent|pct|rate|ratio|mean|median|coef|p|z|t|chi2)\b|%",
    re.IGNORECASE,
)
_INTEGER: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15}(?:\.0{1,6})?")
_NUMBER: Final = re.compile(r"[-+]?[0-9]{0,20}\.?[0-9]{1,20}(?:[eE][-+]?[0-9]{1,3})?%?")


def whole(text: str) -> int | None:
    """Return the whole number of zero or more that a cell holds (`1,234` and pandas' `7.0` are ones), if it does."""
    if not _INTEGER.fullmatch(text):
        return None
    return int(text.replace(",", "").partition(".")[0])


@dataclass
class Column:
    """What is known of one column. `label` is its heading, or its place where the heading may be a value."""

    place: int
    heading: str = ""
    shown: bool = False
    filled: int = 0
    integers: int = 0
    numbers: int = 0
    zeros: int = 0
    dates: int = 0
    sentences: int = 0
    largest: int = 0
    total: int = 0
    small: Counter[int] = field(default_factory=Counter[int])
    identifiers: Counter[str] = field(default_factory=Counter[str])
    seen: set[str] = field(default_factory=set[str])
    repeats: bool = False

    @property
    def label(self) -> str:
        """Return what verdicts call it."""
        return self.heading if self.shown else f"column {self.place + 1}"

    @property
    def _spaced(self) -> str:
        return self.heading.replace("_", " ").replace(".", " ")

    @property
    def named_as_count(self) -> bool:
        """Tell whether its heading says that it counts."""
        return bool(_COUNT.search(self._spaced)) and not _NO_COUNT.search(self._spaced)

    @property
    def named_otherwise(self) -> bool:
        """Tell whether its heading says that it does not count."""
        return _NO_COUNT.search(self._spaced) is not None

    @property
    def names_people(self) -> bool:
        """Tell whether its heading says that it names people."""
        return identifiers.NAMES.search(self._spaced) is not None

    @property
    def speaks_of_birth(self) -> bool:
        """Tell whether its heading speaks of birth."""
        return identifiers.names_birth(self.heading)

    @property
    def share_of_largest(self) -> float:
        """Return how much of its sum the largest value is, leaving one row of totals aside; 0 for short columns."""
        if self.integers < 3 or not self.total:
            return 0.0
        rest = self.total - self.largest
        # Where the largest is the sum of the others it is a total, and nobody dominates by that.
        return 0.0 if rest == self.largest else self.largest / self.total

    def below(self, least: int) -> int:
        """Return how many cells hold counts from 1 to below `least`."""
        return sum(cells for number, cells in self.small.items() if 0 < number < least)

    def is_key(self, rows: int) -> bool:
        """Tell whether each row seems to have a value of its own here; long lists are judged by their beginning."""
        fractions = self.numbers - self.integers
        return self.filled == rows and not self.repeats and fractions == 0

    def add(self, cell: str) -> None:
        """Take in one cell that is not empty."""
        self.filled += 1
        self._key(cell)
        number = whole(cell)
        if number is not None:
            self._count(number)
        elif _NUMBER.fullmatch(cell):
            self.numbers += 1
            return
        if len(cell) > _LONG and cell.count(" ") >= _WORDS - 1:
            self.sentences += 1
        self.identifiers.update(identifiers.kinds(cell))
        self.dates += identifiers.is_date(cell)

    def _key(self, cell: str) -> None:
        if self.repeats or len(self.seen) >= _KEYS_KEPT:
            return
        self.repeats = cell in self.seen
        self.seen.add(cell[:64])
        if self.repeats:
            self.seen.clear()

    def _count(self, number: int) -> None:
        self.integers += 1
        self.numbers += 1
        self.zeros += number == 0
        self.total += number
        self.largest = max(self.largest, number)
        if number < 1000:
            self.small[number] += 1


@dataclass
class Columns:
    """A whole table: its columns, and the rows whose first cell says that they count."""

    columns: list[Column]
    rows: int = 0
    cut: bool = False
    """Whether there are more rows than were measured."""
    _counted: dict[str, Counter[int]] = field(default_factory=dict[str, Counter[int]])

    def counting(self) -> Iterator[Column]:
        """Give the columns that seem to hold counts: by their headings, or by all being whole in a short table."""
        for column in self.columns:
            share = column.integers / column.filled if column.filled else 0.0
            if (column.named_as_count and share >= _MOSTLY) or (share == 1 and self._may_count(column)):
                yield column

    def _may_count(self, column: Column) -> bool:
        return self.rows <= _SUMMARY_ROWS and not column.named_otherwise and not self._is_index(column)

    def _is_index(self, column: Column) -> bool:
        """Tell whether the first column only numbers the rows."""
        return column.place == 0 and not column.repeats and column.largest in {self.rows, self.rows - 1}

    def counted_rows(self, least: int) -> dict[str, int]:
        """Return how many small counts stand in rows that are named as counts (as in a regression's summary)."""
        found = {
            row: sum(cells for number, cells in numbers.items() if 0 < number < least)
            for row, numbers in self._counted.items()
        }
        return {row: cells for row, cells in found.items() if cells}

    def add(self, row: Row) -> None:
        """Take in one row."""
        self.rows += 1
        while len(self.columns) < len(row):
            self.columns.append(Column(len(self.columns)))
        cells = [cell[:_MEASURED].strip() for cell in row]
        for column, cell in zip(self.columns, cells, strict=False):
            if cell:
                column.add(cell)
        self._row_of_counts(cells)

    def _row_of_counts(self, cells: list[str]) -> None:
        match = _COUNT.search(cells[0].replace("_", " ")) if cells and len(cells[0]) <= _LONG else None
        if match is None or self.rows > _SUMMARY_ROWS or whole(cells[0]) is not None:
            return
        numbers = [number for cell in cells[1:] if (number := whole(cell)) is not None]
        self._counted.setdefault(f"rows named '{match.group().lower()}'", Counter()).update(numbers)


def measured(table: Table, deadline: Deadline) -> Columns:
    """Return what is known of a table's columns.

    Raises:
        Unreadable: as reading the table does; or it has too many columns, or takes too long.
    """
    first = next(table.rows, ())
    found = Columns([Column(place) for place in range(len(first))])
    body_first = not _all_headings(first, table.named)
    if body_first:
        found.add(first)
    for row in table.rows:
        deadline.hold()
        if len(row) > _MOST_COLUMNS:
            raise Unreadable(f"a table of more than {_MOST_COLUMNS:,} columns")
        if found.rows == MOST_ROWS:
            found.cut = True
            break
        found.add(row)
    if not body_first:
        _name(found, first, table.named)
    return found


def _name(table: Columns, first: Row, named: bool) -> None:
    """Take the first row's cells as headings.

    They are shown only if something stands below them that they are not: a table of text alone could begin with a
    person's record as well.
    """
    sure = named or any(column.numbers or column.dates for column in table.columns)
    for column, cell in zip(table.columns, first, strict=False):
        column.heading = cell.strip()[:100]
        column.shown = sure and _harmless(column.heading)


def _harmless(heading: str) -> bool:
    return bool(_HEADING.fullmatch(heading)) and not (
        _LONG_NUMBER.search(heading) or identifiers.kinds(heading) or identifiers.is_date(heading)
    )


def _all_headings(row: Row, named: bool) -> bool:
    """Tell whether a first row can be one of headings."""
    cells = [cell.strip() for cell in row]
    if named:
        return True
    if len(set(cells)) != len(cells):
        return False
    return not any(
        whole(cell) is not None or identifiers.kinds(cell) or identifiers.is_date(cell) for cell in cells[1:]
    )
