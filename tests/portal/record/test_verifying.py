"""An export proves itself: whatever was changed, dropped, doubled, moved or cut off is found, and nothing else is."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.database.migrating import upgrade
from portal.database.opening import Database
from portal.record import append, forms
from portal.record.exporting import export
from portal.record.verifying import MOST_PROBLEMS, Report, verify
from tests.portal.conftest import MovableClock
from tests.portal.record import story

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""What is found does not depend on how busy the machine is."""


class Export:
    """A true export, and what an auditor wrote down when it was made."""

    def __init__(self, lines: list[bytes], head: str, key: str) -> None:
        self.lines = lines
        self.head = head
        self.key = key

    def judge(self, lines: list[bytes]) -> Report:
        """Verify some lines as that auditor would."""
        return verify(lines, head=self.head, keys=[self.key])


@pytest.fixture(scope="module", params=[None, "heart"], ids=["site", "project"])
def true(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Export:
    folder = tmp_path_factory.mktemp("record")
    upgrade(f"sqlite:///{folder}/airlock.db")
    database = Database.open(f"sqlite:///{folder}/airlock.db")
    signer = story.tell(database, MovableClock(), folder)
    with database.reading() as session:
        lines = list(export(session, request.param))
    database.close()
    return Export(lines, json.loads(lines[0])["head"]["hash"], signer.key_id)


def _split(data: bytes) -> list[bytes]:
    return list(io.BytesIO(data))


def _line(document: dict[str, Any]) -> bytes:
    return forms.canonical(document).encode() + b"\n"


def _ended(lines: list[bytes]) -> list[bytes]:
    """Return lines with a header and an end that fit them: what somebody does who knows the form."""
    links = [document for document in map(json.loads, lines) if "previous" in document]
    header = json.loads(lines[0])
    header["head"] = {key: links[-1][key] for key in ("seq", "hash")}
    body = [_line(header), *lines[1:]]
    digest = hashlib.sha256(b"".join(body)).hexdigest()
    return [*body, _line({"kind": "end", "lines": len(body), "sha256": digest})]


def _rechained(lines: list[bytes]) -> list[bytes]:
    """Return lines whose chain was computed anew, and all that hangs on it."""
    previous, made = forms.START, list[bytes]()
    for document in map(json.loads, lines):
        if "previous" in document:
            document["previous"] = previous
            if document["kind"] == "event":
                document["body_sha256"] = forms.sha256(document["body"])
            document["hash"] = forms.joined(previous, document["body_sha256"])
            if document["kind"] == "event":
                del document["body_sha256"]
            previous = document["hash"]
        made.append(_line(document))
    return _ended(made)


def test_an_untouched_export_is_green(true: Export) -> None:
    report = true.judge(true.lines)
    assert report.problems == ()
    assert report.good
    assert (report.head, report.keys, report.lines) == (true.head, (true.key,), len(true.lines))


def test_an_export_is_green_and_the_same_each_time(
    database: Database, clock: MovableClock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    story.tell(database, clock, tmp_path_factory.mktemp("key"))
    with database.reading() as session:
        first, second = list(export(session)), list(export(session))
    assert first == second
    report = verify(first)
    assert report.good
    assert (report.events, report.records, report.receipts, report.withheld) == (9, 2, 4, 0)


def test_a_projects_export_holds_nothing_of_another(true: Export) -> None:
    if json.loads(true.lines[0])["project"] == "heart":
        assert b"lung" not in b"".join(true.lines).lower()
        assert true.judge(true.lines).withheld == 5


def test_an_empty_record_is_green(database: Database) -> None:
    with database.reading() as session:
        assert verify(export(session), head=forms.START).good


@UNHURRIED
@given(data=st.data(), mask=st.integers(1, 255))
def test_any_changed_byte_is_found(true: Export, data: st.DataObject, mask: int) -> None:
    whole = bytearray(b"".join(true.lines))
    whole[data.draw(st.integers(0, len(whole) - 1), label="place")] ^= mask
    assert not true.judge(_split(bytes(whole))).good


@UNHURRIED
@given(data=st.data())
def test_any_cut_is_found(true: Export, data: st.DataObject) -> None:
    whole = b"".join(true.lines)
    assert not true.judge(_split(whole[: data.draw(st.integers(0, len(whole) - 1), label="bytes")])).good


def _drop(lines: list[bytes], place: int, _other: int) -> None:
    del lines[place]


def _double(lines: list[bytes], place: int, other: int) -> None:
    lines.insert(other, lines[place])


def _swap(lines: list[bytes], place: int, other: int) -> None:
    lines[place], lines[other] = lines[other], lines[place]


def _cut(lines: list[bytes], place: int, _other: int) -> None:
    del lines[place:]


@pytest.mark.parametrize("harm", [_drop, _double, _swap, _cut])
@UNHURRIED
@given(data=st.data())
def test_any_dropped_doubled_swapped_or_cut_line_is_found(
    true: Export, harm: Callable[[list[bytes], int, int], None], data: st.DataObject
) -> None:
    lines = list(true.lines)
    places = st.lists(st.integers(0, len(lines) - 1), min_size=2, max_size=2, unique=True)
    harm(lines, *data.draw(places))
    assert not true.judge(lines).good


@pytest.mark.parametrize("harm", [_drop, _double, _cut])
@UNHURRIED
@given(data=st.data())
def test_lines_are_missed_though_header_and_end_were_made_to_fit(
    true: Export, harm: Callable[[list[bytes], int, int], None], data: st.DataObject
) -> None:
    lines = true.lines[:-1]
    least = next(place for place, line in enumerate(lines) if b'"previous"' in line) + 1
    place = data.draw(st.integers(least if harm is _cut else 1, len(lines) - 1), label="place")
    harm(lines, place, data.draw(st.integers(1, len(lines) - 1), label="other"))
    assert not true.judge(_ended(lines)).good


def test_the_end_may_be_taken_away_only_where_no_head_is_expected(true: Export) -> None:
    receipt = next(place for place in reversed(range(len(true.lines))) if b'"receipt"' in true.lines[place])
    event = len(true.lines) - 2
    shorter = _ended([line for place, line in enumerate(true.lines[:-1]) if place not in {receipt, event}])
    if json.loads(true.lines[0])["project"] is None:
        assert verify(shorter).good
    assert any("expected head" in problem.what for problem in true.judge(shorter).problems)


def test_a_history_written_anew_is_found_by_the_head(true: Export) -> None:
    changed = [line.replace("ü".encode(), b"u") for line in true.lines[:-1]]
    report = true.judge(_rechained(changed))
    assert any("expected head" in problem.what for problem in report.problems)


def test_an_older_head_still_proves_what_was_before_it(true: Export) -> None:
    third = next(json.loads(line) for line in true.lines if b'"seq":3}' in line)
    assert verify(true.lines, head=third["hash"]).good
    assert not verify(true.lines, head="f" * 64).good


def test_a_record_signed_by_another_key_is_found(true: Export) -> None:
    report = verify(true.lines, keys=["f" * 64])
    assert {problem.what for problem in report.problems} == {"is signed by another key than expected"}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"\xff\n", "UTF-8"),
        (b"[" * 100_000 + b"\n", "JSON"),
        (b'{"kind": "end"}\n', "as the airlock writes"),
        (b'{"kind":"end"}\n', "other fields"),
        (b'{"kind":"spell"}\n', "no kind"),
        (b"[]\n", "as the airlock writes"),
        (b"\n", "JSON"),
    ],
    ids=["bytes", "deep", "spaces", "fields", "kind", "list", "empty"],
)
def test_a_line_of_no_form_is_told_with_its_number(true: Export, line: bytes, what: str) -> None:
    report = true.judge([*true.lines[:2], line, *true.lines[2:]])
    assert any(problem.line == 3 and what in problem.what for problem in report.problems)


def test_nothing_at_all_is_not_a_record() -> None:
    assert not verify([]).good


def test_problems_are_told_up_to_a_limit() -> None:
    assert len(verify([b"x\n"] * (2 * MOST_PROBLEMS)).problems) == MOST_PROBLEMS


def test_verifying_needs_neither_database_nor_models() -> None:
    script = (
        "import sys, portal.record.verifying as v; assert not v.verify([]).good;"
        "found = {'sqlalchemy', 'pydantic', 'pulumi', 'tre', 'portal.database', 'portal.domain'} & set(sys.modules);"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def _long(count: int) -> Iterator[bytes]:
    """Yield a chain of so many events, without holding it."""
    previous = forms.START
    for seq in range(1, count + 1):
        detail = {"text": f"{seq:0>2000}"}
        body = forms.canonical({"form": forms.EVENT, "seq": seq, "project": "", "detail": detail})
        link = forms.linked(previous, body)
        yield _line({"kind": "event", "seq": seq, "body": body, "previous": previous, "hash": link})
        previous = link


def test_verifying_holds_no_events() -> None:
    header = _line(
        {"kind": "header", "form": forms.EXPORT, "project": None, "head": {"seq": 0, "hash": forms.START}}
    )
    tracemalloc.start()
    verify([header])
    tracemalloc.reset_peak()
    verify(line for lines in ([header], _long(2000)) for line in lines)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000, "4 MB of events were read"


def test_exporting_holds_few_events(database: Database, clock: MovableClock) -> None:
    with database.writing() as session:
        for _ in range(600):
            append(session, clock, actor="ada", action="look", detail={"text": "x" * 8000})
        session.expunge_all()
    with database.reading() as session:
        assert sum(1 for _ in export(session)) == 602
        tracemalloc.start()
        total = sum(map(len, export(session)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 0.7 * total, "a part of the record at a time"
