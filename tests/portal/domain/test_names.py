"""Paths in a request: any Unicode that says one thing, and never a way out."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.errors import Invalid
from portal.domain.names import DEEPEST, LONGEST_PART, LONGEST_PATH, folded, safe_path

_GOOD = {
    "plain": "results.csv",
    "folders": "tables/2026/results.csv",
    "greek": "πίνακες/αποτελέσματα.csv",
    "arabic": "جداول/نتائج.csv",
    "persian joiner": "می\u200cخواهم.csv",  # noqa: RUF001 - real Persian
    "emoji": "👩\u200d🔬.png",
    "spaces inside": "a table.csv",
    "dots inside": "a..b.csv",
    "hidden": ".gitignore",
    "percent": "%2e%2e.csv",
    "shell": "$(id);'\".csv",
    "template": "{{7*7}}.csv",
}
_BAD = {
    "empty": "",
    "absolute": "/etc/passwd",
    "climbing": "../secret",
    "climbing inside": "a/../../b",
    "here": "./a",
    "empty part": "a//b",
    "trailing slash": "a/",
    "backslash": "a\\b",
    "nul": "a\0b",
    "line end": "a\nb",
    "header": "a\r\nX-Header: b",
    "right to left override": "a\u202efdc.exe",
    "zero width space": "a\u200bb",
    "byte order mark": "\ufeffa",
    "line separator": "a\u2028b",
    "surrogate": "a\ud800b",
    "private": "a\ue000b",
    "leading space": " a",
    "trailing dot": "a.",
    "long part": "a" * (LONGEST_PART + 1),
    "long path": "/".join(["a" * 200] * 6),
    "deep": "/".join("a" * (DEEPEST + 1)),
}


@pytest.mark.parametrize("name", list(_GOOD))
def test_a_name_in_any_script_stays_as_it_is(name: str) -> None:
    assert safe_path(_GOOD[name]) == _GOOD[name]


@pytest.mark.parametrize("name", list(_BAD))
def test_what_climbs_hides_or_breaks_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        safe_path(_BAD[name])


def test_one_form_for_what_looks_the_same() -> None:
    assert safe_path("cafe\u0301.csv") == safe_path("caf\u00e9.csv")


def test_paths_that_some_file_system_takes_for_one_fold_to_one() -> None:
    assert folded("Results.CSV") == folded("results.csv")
    assert folded("ﬁle") == folded("file")
    assert folded("a/b") != folded("a/c")


@given(st.text(max_size=60) | st.text(alphabet="./\\a \0", max_size=20))
def test_what_is_taken_never_leaves_its_folder(text: str) -> None:
    try:
        path = safe_path(text)
    except Invalid:
        return
    inside = posixpath.normpath(posixpath.join("/folder", path))
    assert inside == f"/folder/{path}"
    assert len(path.encode()) <= LONGEST_PATH
    assert safe_path(path) == path
