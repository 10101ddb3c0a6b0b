"""A report as a person reads it."""

from __future__ import annotations

import pytest

from components.contract import Depth, Verdict
from tests.unit.tre.verify.fake import FakeLive
from tre import console
from tre.model.load import LoadedSite
from tre.verify.collect import verify
from tre.verify.report import Report
from tre.verify.text import age, lines

ISOLATION = "workspace/no-route-to-internet"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (59, "now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (7200, "2 hours ago"),
        (180000, "2 days ago"),
    ],
)
def test_age_in_the_largest_unit_that_fits(seconds: float, words: str) -> None:
    assert age(seconds) == words


def reported(loaded: LoadedSite, live: FakeLive, kept: bool) -> Report:
    live.read = {ISOLATION: Verdict(True, "a default deny is there")}
    live.tried = {"breast": {ISOLATION: Verdict(kept, "203.0.113.10 was tried")}}
    return verify(loaded, ["breast"], None, lambda _: None)


def test_a_broken_promise_shows_its_sentence_and_every_depth(loaded: LoadedSite, live: FakeLive) -> None:
    text = list(lines(reported(loaded, live, kept=False)))
    start = next(number for number, line in enumerate(text) if "BROKEN" in line)
    assert "probed    no-route-to-internet  (SATRE 2.2.11 3.1.12)" in text[start]
    assert [line.strip().split(",")[0] for line in text[start + 1 : start + 5]] == [
        "Nothing in the workspace reaches the internet.",
        "declared",
        "deployed",
        "probed",
    ]
    assert any("1 BROKEN" in line for line in text[-2:])


def test_a_kept_promise_shows_its_deepest_evidence_and_on_request_all(
    loaded: LoadedSite, live: FakeLive
) -> None:
    report = reported(loaded, live, kept=True)
    short, whole = list(lines(report)), list(lines(report, evidence=True))
    assert any("probed, now: 203.0.113.10 was tried" in line for line in short)
    assert not any("deployed, now: a default deny is there" in line for line in short)
    assert any("deployed, now: a default deny is there" in line for line in whole)


def test_the_closing_sentences_count_and_claim_no_compliance(loaded: LoadedSite, live: FakeLive) -> None:
    report = reported(loaded, live, kept=True)
    found = report.projects[0].summary
    *rest, closing, satre = lines(report)
    kept_at = f"{found.kept_at[Depth.DECLARED]} declared, 0 deployed, 1 probed"
    assert closing == f"breast: {found.kept} of 36 promises kept: {kept_at}; {found.gaps} gaps."
    assert "evidenced by machine: " in satre and "of 141 statements" in satre
    assert not any("complian" in line.lower() for line in [*rest, closing, satre])


def test_every_gap_is_printed_and_its_reason_stands_by_the_first_of_its_kind(
    loaded: LoadedSite, live: FakeLive
) -> None:
    report = reported(loaded, live, kept=True)
    text = "\n".join(lines(report))
    gaps = [each for each in report.projects[0].promises if each.gap]
    assert text.count("    gap      ") == len(gaps) > 0
    for each in gaps:
        assert each.gap.split(",")[0][:40] in text


def test_a_break_that_an_earlier_run_saw_says_how_to_look_again(loaded: LoadedSite, live: FakeLive) -> None:
    fresh = reported(loaded, live, kept=False)
    again = "Look again with: tre verify demo --project breast --depth probed"
    assert not any(again in line for line in lines(fresh))
    assert any(again in line for line in lines(verify(loaded, ["breast"], Depth.DECLARED, lambda _: None)))


def test_depths_that_were_not_reached_stand_in_one_line_with_the_reason(
    loaded: LoadedSite, live: FakeLive
) -> None:
    live.there = ()
    report = verify(loaded, ["breast"], None, lambda _: None)
    assert "  not deployed and probed: nothing of the project is on its target" in lines(report)


def test_words_carry_the_meaning_without_colour(
    loaded: LoadedSite, live: FakeLive, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = reported(loaded, live, kept=False)
    plain = "\n".join(lines(report))
    monkeypatch.setattr(console, "colourful", lambda: True)
    assert "\x1b" not in plain
    assert "\x1b[31mBROKEN" in "\n".join(lines(report))
