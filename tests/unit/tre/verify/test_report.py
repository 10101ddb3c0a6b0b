"""How a promise stands, from what each depth found."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.backend import PROMISES
from components.contract import Depth
from tre.verify.report import Judgement, Status, promise_report, stands, summary

WHEN = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
ISOLATION = PROMISES["workspace/no-route-to-internet"]


def judged(kept: bool, *, current: bool = True) -> Judgement:
    return Judgement(kept=kept, because="so it was found", when=WHEN, fingerprint="f", current=current)


JUDGEMENTS = st.dictionaries(
    st.sampled_from(list(Depth)), st.builds(judged, st.booleans(), current=st.booleans()), max_size=3
)


@pytest.mark.parametrize(
    ("gap", "found", "status", "depth"),
    [
        ("", {}, Status.UNPROVED, None),
        ("", {Depth.DECLARED: judged(True)}, Status.KEPT, Depth.DECLARED),
        ("", {Depth.DECLARED: judged(True), Depth.PROBED: judged(True)}, Status.KEPT, Depth.PROBED),
        ("", {Depth.DECLARED: judged(True), Depth.DEPLOYED: judged(False)}, Status.BROKEN, Depth.DEPLOYED),
        ("", {Depth.DECLARED: judged(False), Depth.PROBED: judged(True)}, Status.BROKEN, Depth.DECLARED),
        ("cannot be kept here", {Depth.DECLARED: judged(True)}, Status.GAP, None),
    ],
)
def test_status_and_depth(
    gap: str, found: dict[Depth, Judgement], status: Status, depth: Depth | None
) -> None:
    assert stands(gap, found) == (status, depth)


def test_kept_under_an_earlier_configuration_does_not_count() -> None:
    found = {Depth.DECLARED: judged(True), Depth.PROBED: judged(True, current=False)}
    assert stands("", found) == (Status.KEPT, Depth.DECLARED)


def test_broken_under_an_earlier_configuration_stays_broken_until_looked_at_again() -> None:
    found = {Depth.DECLARED: judged(True), Depth.PROBED: judged(False, current=False)}
    assert stands("", found) == (Status.BROKEN, Depth.PROBED)


@given(JUDGEMENTS)
def test_one_depth_that_saw_it_broken_is_enough(found: dict[Depth, Judgement]) -> None:
    status, depth = stands("", found)
    assert (status is Status.BROKEN) == any(not each.kept for each in found.values())
    assert depth is None or depth in found


@given(st.lists(st.tuples(st.booleans(), JUDGEMENTS), max_size=20))
def test_summary_counts_every_promise_once(promises: list[tuple[bool, dict[Depth, Judgement]]]) -> None:
    found = summary([promise_report(ISOLATION, "no" if gap else "", each) for gap, each in promises])
    assert found.kept + found.broken + found.gaps + found.unproved == found.promises == len(promises)
    assert sum(found.kept_at.values()) == found.kept
