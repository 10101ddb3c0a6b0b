"""ACRO's results, shown per output and matched with the request's files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portal.checks import Finding, Outcome
from tests.portal.checks.held import checked, held
from tests.portal.checks.made import TABLE


def _output(status: str, *files: str, exception: str = "", **rules: int) -> dict[str, Any]:
    sdc = {"summary": {"suppressed": True, **rules}, "cells": {}}
    return {
        "uid": files[0] if files else "none",
        "status": status,
        "type": "table",
        "properties": {"method": "crosstab"},
        "files": [{"name": name, "sdc": sdc} for name in files],
        "outcome": {},
        "command": "acro.crosstab(",
        "summary": f"{status}; threshold: 1 cells suppressed; ",
        "timestamp": "2026-06-30T15:19:49",
        "comments": ["Ada said so"],
        "exception": exception,
    }


def _results(**outputs: dict[str, Any]) -> bytes:
    return json.dumps({"version": "0.4.12", "results": outputs}).encode()


def _found(results: bytes, *others: str) -> dict[str, Finding]:
    files = [held("out/results.json", results), *(held(path, TABLE) for path in others)]
    return {finding.file_id: finding for finding in checked(files) if finding.check == "acro"}


def test_each_file_gets_what_acro_says_of_it() -> None:
    results = _results(
        a=_output("pass", "a_0.csv"), b=_output("fail", " b_0.csv", exception="Ada asks", threshold=3)
    )
    found = _found(results, "out/a_0.csv", "out/b_0.csv", "elsewhere/c.csv")
    assert found["out/a_0.csv"].outcome is Outcome.CLEAN
    assert found["out/b_0.csv"].outcome is Outcome.WARNING
    assert found["out/b_0.csv"].detail["rules"] == {"threshold": 3}
    assert found["out/b_0.csv"].detail["exception"] is True
    assert "elsewhere/c.csv" not in found
    whole = found["out/results.json"]
    assert whole.outcome is Outcome.WARNING
    assert whole.summary == "ACRO 0.4.12: 1 pass, 1 fail"


def test_results_that_all_pass_are_clean() -> None:
    found = _found(
        _results(a=_output("pass", "a.csv")), "out/a.csv", "out/checksums/a.csv.txt", "out/config.json"
    )
    assert found["out/results.json"].outcome is Outcome.CLEAN


def test_files_that_are_missing_or_were_never_checked_are_pointed_out() -> None:
    found = _found(_results(a=_output("pass", "a.csv", "gone.csv")), "out/a.csv", "out/never.csv")
    assert found["out/results.json"].detail["missing"] == 1
    assert found["out/results.json"].detail["unnamed"] == 1
    assert found["out/results.json"].outcome is Outcome.WARNING


def test_what_the_author_wrote_stands_in_no_verdict() -> None:
    found = _found(_results(Ada=_output("fail", "a.csv", exception="Ada asks")), "out/a.csv")
    assert "Ada" not in json.dumps([[f.summary, dict(f.detail)] for f in found.values()])


@pytest.mark.parametrize(
    "results",
    [
        b"not json",
        b"[]",
        b'{"version": "1"}',
        b'{"results": {}}',
        b'{"version": "Ada Lovelace", "results": {}}',
        b'{"version": "1", "results": {"a": 1}}',
        b'{"version": "1", "results": {"a": {"status": "fine"}}}',
        b'{"version": "1", "results": {"a": {"status": ["pass"]}}}',
        b'{"version": "1", "results": {"a": {"status": "pass", "files": 3}}}',
        b'{"version": "1", "results": {"a": {"status": "pass", "files": ["x"]}}}',
        b'{"version": "1", "results": {"a": {"status": "pass", "comments": "x"}}}',
    ],
    ids=[
        "text",
        "list",
        "nothing",
        "no-version",
        "name",
        "number",
        "fine",
        "listed",
        "files",
        "strings",
        "comments",
    ],
)
def test_malformed_results_are_unreadable(results: bytes) -> None:
    assert _found(results)["out/results.json"].outcome is Outcome.UNREADABLE
