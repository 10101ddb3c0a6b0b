"""Tables: what is pointed out, and that no value of a cell ever stands in a verdict."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.checks import Finding, Outcome, identifiers
from portal.checks.columns import MOST_ROWS
from tests.portal.checks.held import checked, held, project, said


def _text(rows: Sequence[Sequence[object]], separator: str = ",") -> bytes:
    return "\n".join(separator.join(map(str, row)) for row in rows).encode()


_PEOPLE = [
    ["patient_id", "nhs", "dob", "postcode", "email", "note"],
    *(
        [f"P{n:04}", "943 476 5919", f"19{n % 90 + 10}-03-04", "SW1A 1AA", f"person{n}@example.org", _NOTE]
        for n, _NOTE in (
            (n, f"This person number {n} came in with a cough and went home again") for n in range(80)
        )
    ),
]
_COUNTS = [["region", "count"], ["north", 120], ["south", 7], ["east", 3], ["west", 0]]


def _as(form: str, rows: Sequence[Sequence[object]]) -> tuple[bytes, str]:
    heads, body = [str(head) for head in rows[0]], rows[1:]
    if form == "csv":
        return _text(rows), "t.csv"
    if form == "semicolons":
        return _text(rows, ";"), "t.csv"
    if form == "tsv":
        return _text(rows, "\t"), "t.tsv"
    if form == "utf-16":
        return _text(rows).decode().encode("utf-16"), "t.csv"
    records = [dict(zip(heads, row, strict=True)) for row in body]
    if form == "jsonl":
        return "\n".join(map(json.dumps, records)).encode(), "t.jsonl"
    columns = {head: [row[at] for row in body] for at, head in enumerate(heads)}
    shapes: dict[str, object] = {
        "records": records,
        "split": {"columns": heads, "data": body},
        "columns": columns,
        "indexed": {head: {str(n): cell for n, cell in enumerate(cells)} for head, cells in columns.items()},
    }
    return json.dumps(shapes[form]).encode(), "t.json"


_FORMS = ["csv", "semicolons", "tsv", "utf-16", "jsonl", "records", "split", "columns", "indexed"]


@pytest.mark.parametrize("form", _FORMS)
def test_small_counts_are_pointed_out_by_column(form: str) -> None:
    finding = said(*_as(form, _COUNTS))["small-counts"]
    assert finding.outcome is Outcome.WARNING
    assert finding.detail["small"] == {"count": 2}
    assert finding.detail["zeros"] == {"count": 1}
    assert finding.detail["rows"] == 4


@pytest.mark.parametrize("form", _FORMS)
def test_identifiers_and_free_text_are_pointed_out_by_column(form: str) -> None:
    finding = said(*_as(form, _PEOPLE))["free-text"]
    assert finding.outcome is Outcome.WARNING
    assert "NHS number" in finding.summary
    assert {kind for found in finding.detail["identifiers"].values() for kind in found} == {
        "NHS number",
        "date of birth",
        "postcode",
        "e-mail address",
    }
    assert list(finding.detail["free_text"].values()) == [80]


@pytest.mark.parametrize(("least", "small"), [(4, {"count": 1}), (1, {})], ids=["four", "one"])
def test_the_risk_appetite_says_what_is_small(least: int, small: dict[str, int]) -> None:
    policy = project(appetite={"smallest_count": least})
    assert said(_text(_COUNTS), "t.csv", policy)["small-counts"].detail["small"] == small


def test_a_table_of_large_counts_is_clean() -> None:
    found = said(_text([["region", "count"], ["north", 120], ["south", 240], ["east", 90]]), "t.csv")
    assert found["small-counts"].outcome is Outcome.CLEAN
    assert found["free-text"].outcome is Outcome.CLEAN


def test_a_cross_table_counts_without_saying_so() -> None:
    body = _text([["", "ill", "well"], ["young", 4, 120], ["old", 60, 80]])
    assert said(body, "t.csv")["small-counts"].detail["small"] == {"ill": 1}


def test_numbers_that_are_no_counts_are_left_alone() -> None:
    body = _text([["year", "age", "coef", "rank"], [1, 2, 0.5, 1], [2, 3, -0.7, 2], [3, 4, 0.1, 3]])
    assert said(body, "t.csv")["small-counts"].outcome is Outcome.CLEAN


def test_a_row_of_counts_is_found_in_a_regressions_summary() -> None:
    body = _text([["", "model 1", "model 2"], ["coef", 0.31, 0.22], ["No. Observations", 7, 450]])
    assert said(body, "t.csv")["small-counts"].outcome is Outcome.WARNING


def test_suppressed_cells_do_not_hide_a_count_column() -> None:
    body = _text([["group", "n"], *([f"g{n}", 100 + n] for n in range(9)), ["h", "<10"], ["i", 6]])
    assert said(body, "t.csv")["small-counts"].detail["small"] == {"n": 1}


def test_dominance_and_extremes_are_pointed_out() -> None:
    finding = said(
        _text([["firm", "total", "max"], ["a", 9900, 1.5], ["b", 50, 2.5], ["c", 30, 3.5]]), "t.csv"
    )
    assert finding["small-counts"].detail["dominated"] == ["total"]
    assert finding["small-counts"].detail["extremes"] == ["max"]


def test_a_row_of_totals_is_no_dominance() -> None:
    finding = said(_text([["group", "n"], ["a", 40], ["b", 60], ["all", 100]]), "t.csv")["small-counts"]
    assert finding.detail["dominated"] == []


def test_rows_that_look_like_people_are_pointed_out() -> None:
    assert "records of single people" in said(_text(_PEOPLE), "t.csv")["small-counts"].summary
    counts = [["area", "count"], *([f"area {n}", 100 + n] for n in range(80))]
    assert said(_text(counts), "t.csv")["small-counts"].outcome is Outcome.CLEAN


def test_ten_digit_numbers_by_chance_are_no_nhs_numbers() -> None:
    numbers = random.Random(7)
    body = _text([["amount", "x"], *([numbers.randrange(10**9, 10**10), 1.5] for _ in range(200))])
    assert said(body, "t.csv")["free-text"].outcome is Outcome.CLEAN


def _all_text(findings: list[Finding]) -> str:
    return json.dumps([[f.summary, dict(f.detail)] for f in findings if f.check != "malware"])


@pytest.mark.parametrize("form", _FORMS)
def test_verdicts_hold_no_value_of_a_cell(form: str) -> None:
    body, path = _as(form, _PEOPLE)
    shown = _all_text(checked([held(path, body)]))
    assert not [cell for row in _PEOPLE[1:] for cell in map(str, row) if cell in shown]


def test_a_table_without_headings_shows_no_row_as_headings() -> None:
    rows: list[list[object]] = [["Ada Lovelace", "London", "ill"], ["Alan Turing", "Wilmslow", "well"]]
    numbered: list[list[object]] = [[*row, 36] for row in rows]
    for body in (_text(rows), _text(numbered)):
        shown = _all_text(checked([held("t.csv", body)]))
        assert "Lovelace" not in shown
        assert "London" not in shown


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("région,n\né,12\n".encode("latin-1"), "t.csv"),
        (b"a,b\n" + b"x" * (2 << 20), "t.csv"),
        (b'"' + b'\n","' * 400_000, "t.csv"),
        (b"[" * 100_000, "t.json"),
        (b'{"a": ', "t.json"),
        (b'"text"', "t.json"),
        (b"[1, 2]", "t.json"),
        (b"1\n2\n", "t.jsonl"),
        (b"," * 20_000, "t.csv"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "t.jsonl"),
        (b"a,b\n1,2\n" * 200, "too-large.csv"),
        (b'[{"a": 1}]' + b" " * (9 << 20), "t.json"),
    ],
    ids=[
        *("latin-1", "long-line", "endless-row", "deep", "cut", "scalar", "list", "jsonl-of-numbers", "wide"),
        *("long-number", "over-the-limit", "large-json"),
    ],
)
def test_a_table_that_cannot_be_read_is_unreadable_and_not_clean(body: bytes, path: str) -> None:
    policy = project(rules={"largest_table_bytes": 1000}) if path == "too-large.csv" else project()
    found = said(body, path, policy)
    assert found["small-counts"].outcome is Outcome.UNREADABLE
    assert found["free-text"].outcome is Outcome.UNREADABLE


def test_a_table_that_is_looked_at_in_part_is_not_called_clean() -> None:
    found = said(b"n\n" + b"500\n" * (MOST_ROWS + 1), "t.csv")
    for name in ("small-counts", "free-text"):
        assert found[name].outcome is Outcome.WARNING
        assert found[name].detail["cut"] is True
    assert said(b"n\n" + b"500\n" * MOST_ROWS, "t.csv")["small-counts"].detail["cut"] is False


def test_a_workbook_is_not_called_clean() -> None:
    from tests.portal.checks.made import workbook

    assert said(workbook(), "t.xlsx")["small-counts"].outcome is Outcome.WARNING


def test_what_comes_in_is_not_checked_for_disclosure() -> None:
    found = {f.check for f in checked([held("t.csv", _text(_PEOPLE))], outward=False)}
    assert found == {"malware", "type", "opaque"}


@pytest.mark.parametrize(
    ("kind", "yes", "no"),
    [
        ("NHS number", "9434765919", "9434765918"),
        ("e-mail address", "a.b@c.example.org", "a.b@c"),
        ("postcode", "sw1a 1aa", "SW1A 1A"),
        ("National Insurance number", "QQ123456C".replace("QQ", "AB"), "AB12345C"),
        ("telephone number", "020 7946 0958", "12 345 678"),
    ],
    ids=["nhs", "mail", "postcode", "insurance", "telephone"],
)
def test_each_kind_of_identifier_is_recognised(kind: str, yes: str, no: str) -> None:
    assert kind in identifiers.kinds(yes)
    assert kind not in identifiers.kinds(no)


@given(st.integers(0, 999_999_999))
def test_of_ten_check_digits_at_most_one_is_right(first: int) -> None:
    assert sum(identifiers.is_nhs_number(f"{first:09}{digit}") for digit in range(10)) <= 1
