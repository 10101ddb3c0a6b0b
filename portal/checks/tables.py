"""Tables: small counts, dominance, rows of single people, identifiers and free text.

All of it advises: numbers tell nobody whether they count people. Verdicts name columns and count rows; what stands in
the cells stays with those who may read the file. Rules and thresholds are the project's risk appetite (SATRE 3.3.09).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from portal.checks import formats, rows
from portal.checks.columns import MOST_ROWS, Column, Columns, measured
from portal.checks.formats import Family
from portal.checks.subject import Context, Said, Subject
from portal.checks.verdict import Outcome
from portal.checks.window import Unreadable
from portal.domain.policy import RiskAppetite

VERSION: Final = "1"
_FREE_TEXT_SHARE: Final = 0.1
_LIKELY: Final = 0.5
_MANY_ROWS: Final = 50
"""Rows from which a table of distinct rows looks like a list of people rather than a summary."""
_EXTREMES: Final = frozenset({"min", "max", "minimum", "maximum", "lowest", "highest", "smallest", "largest"})
_LISTED: Final = 50


def judge(subject: Subject, context: Context) -> Iterator[Said]:
    """Say of a table what a reviewer should look at. Says nothing of other files."""
    if subject.kind is formats.EMPTY:
        return
    if subject.kind.family is Family.OFFICE and subject.ending in formats.WORKBOOK.endings | {"ods", "xlsb"}:
        for check in ("small-counts", "free-text"):
            yield Said(
                check, VERSION, Outcome.WARNING, "a workbook's cells are not read: ask for CSV instead"
            )
        return
    if not rows.is_table(subject) or subject.kind is not formats.TEXT:
        return
    try:
        found = measured(rows.table(subject, context.project.rules.largest_table_bytes), subject.deadline)
    except Unreadable as unreadable:
        for check in ("small-counts", "free-text"):
            yield Said(check, VERSION, Outcome.UNREADABLE, str(unreadable))
        return
    yield _counts(found, context.project.appetite)
    yield _texts(found)


def _counts(table: Columns, appetite: RiskAppetite) -> Said:
    least = appetite.smallest_count
    small = {c.label: c.below(least) for c in table.counting() if c.below(least)}
    for row, cells in table.counted_rows(least).items():
        small[row] = small.get(row, 0) + cells
    notes = _cut(table)
    if small:
        notes.append(
            f"{sum(small.values()):,} cells below {least} in {len(small)} columns or rows that seem to count"
        )
    dominated = [c.label for c in table.counting() if c.share_of_largest >= appetite.dominance_share]
    if dominated:
        notes.append(f"one value holds {appetite.dominance_share:.0%} or more of {len(dominated)} columns")
    extremes = [c.label for c in table.columns if _words(c) & _EXTREMES]
    if extremes:
        notes.append(f"{len(extremes)} columns of extremes, which are values of single people")
    if _looks_individual(table):
        notes.append(f"{table.rows:,} rows that look like records of single people")
    detail = _detail(table, smallest_count=least, small=small, dominated=dominated, extremes=extremes)
    detail["zeros"] = {c.label: c.zeros for c in table.counting() if c.zeros}
    outcome = Outcome.WARNING if notes else Outcome.CLEAN
    return Said("small-counts", VERSION, outcome, "; ".join(notes) or f"no count below {least} seen", detail)


def _words(column: Column) -> set[str]:
    return set(column.heading.lower().replace("_", " ").replace(".", " ").split())


def _looks_individual(table: Columns) -> bool:
    if table.rows < _MANY_ROWS or len(table.columns) < 2:
        return False
    named = any(c.names_people for c in table.columns)
    keyed = any(c.is_key(table.rows) for c in table.columns)
    counted = any(c.named_as_count for c in table.columns)
    return named or (keyed and not counted)


def _texts(table: Columns) -> Said:
    people = {c.label: found for c in table.columns if (found := _identifiers(c))}
    texts = {
        c.label: c.sentences for c in table.columns if c.filled and c.sentences / c.filled >= _FREE_TEXT_SHARE
    }
    kinds = sorted({kind for found in people.values() for kind in found})
    notes = _cut(table)
    if people:
        notes.append(f"{len(people)} columns seem to hold {', '.join(kinds)}")
    if texts:
        notes.append(f"{len(texts)} columns of free text")
    detail = _detail(table, identifiers=people, free_text=texts)
    outcome = Outcome.WARNING if notes else Outcome.CLEAN
    return Said("free-text", VERSION, outcome, "; ".join(notes) or "no identifiers or free text seen", detail)


def _identifiers(column: Column) -> dict[str, int]:
    """Return how many cells hold which kind of identifier, leaving out what chance explains."""
    found = dict(column.identifiers)
    ten = found.pop("ten digits", 0)
    if ten and found.get("NHS number", 0) / ten < _LIKELY:
        found.pop("NHS number", None)  # one ten-digit number in eleven passes the check by chance
    if column.dates and column.speaks_of_birth:
        found["date of birth"] = column.dates
    return found


def _cut(table: Columns) -> list[str]:
    return [f"only the first {MOST_ROWS:,} rows were looked at"] if table.cut else []


def _detail(table: Columns, **parts: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {"rows": table.rows, "cut": table.cut, "columns": len(table.columns)}
    for name, part in parts.items():
        if isinstance(part, dict):
            part = dict(list(part.items())[:_LISTED])  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        elif isinstance(part, list):
            part = part[:_LISTED]  # pyright: ignore[reportUnknownVariableType]
        shown[name] = part
    return shown
