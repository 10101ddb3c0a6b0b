"""The audit log: what is written holds, and whatever is done to it shows."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from tre import audit


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of site demo's log, in a state of its own."""
    monkeypatch.setenv("TRE_STATE", str(tmp_path))
    for number in range(4):
        audit.append("demo", "deploy", {"number": number})
    return tmp_path / "sites" / "demo" / "audit.jsonl"


def test_entries_say_who_when_and_what_and_form_a_chain(log: Path) -> None:
    entries = audit.entries("demo")
    assert [each["detail"]["number"] for each in entries] == [0, 1, 2, 3]
    assert all(each["who"] and each["host"] and each["when"].endswith("+00:00") for each in entries)
    assert entries[0]["previous"] == audit.START
    assert [each["previous"] for each in entries[1:]] == [each["hash"] for each in entries[:-1]]
    assert audit.verify("demo") == audit.Verified(4, entries[-1]["hash"])


def test_the_log_is_private(log: Path) -> None:
    assert log.stat().st_mode & 0o777 == 0o600


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines(keepends=True)


def test_a_changed_entry_shows(log: Path) -> None:
    lines = _lines(log)
    lines[1] = lines[1].replace('"number":1', '"number":7')
    log.write_text("".join(lines))
    found = audit.verify("demo")
    assert found.entries == 1
    assert found.problem == f"{log}:2: this entry was changed after it was written"


def test_a_changed_entry_with_a_new_hash_of_its_own_shows_at_the_next(log: Path) -> None:
    lines = _lines(log)
    entry = {**json.loads(lines[1]), "detail": {"number": 7}}
    entry["hash"] = audit._hash(entry)  # pyright: ignore[reportPrivateUsage] # what a forger would do
    lines[1] = json.dumps(entry) + "\n"
    log.write_text("".join(lines))
    assert audit.verify("demo").problem.startswith(f"{log}:3: an entry before this one")


@pytest.mark.parametrize("change", ["remove", "swap", "repeat"])
def test_a_removed_moved_or_repeated_entry_shows(log: Path, change: str) -> None:
    first, second, third, fourth = _lines(log)
    changed = {
        "remove": [first, third, fourth],
        "swap": [first, third, second, fourth],
        "repeat": [first, second, second, third],
    }
    log.write_text("".join(changed[change]))
    assert audit.verify("demo").problem


def test_a_torn_last_line_shows_and_does_not_stop_the_log(log: Path) -> None:
    log.write_text(log.read_text()[:-30])
    audit.append("demo", "destroy", {})
    assert audit.entries("demo")[-1]["action"] == "destroy"
    assert audit.verify("demo").problem.startswith(f"{log}:4: this line is not an entry")


def test_no_log_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRE_STATE", str(tmp_path))
    assert audit.verify("none") == audit.Verified(0, audit.START)


def _write(number: int) -> None:
    for _ in range(10):
        audit.append("demo", "run", {"number": number})


def test_processes_that_write_at_once_keep_the_chain(log: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(_write, range(4))
    assert audit.verify("demo").entries == 44
    assert not audit.verify("demo").problem
