"""Four eyes: who may decide, how often, and what two people do who decide at the same instant."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from portal.database.opening import Database
from portal.domain.errors import AirlockError, Conflict, Invalid, Refused
from portal.domain.people import Person, Role
from portal.domain.rights import Action
from portal.domain.states import Direction, State
from tests.portal.conftest import MovableClock
from tests.portal.service.site import AMIR, ANN, CARL, CLEO, OLGA, STEF, Site, inside, person, policy


def test_two_distinct_people_where_the_tier_asks_for_two(any_site: Site) -> None:
    site = any_site
    site.outside.register_project(policy(tier=3, reviewers=2))
    detail = site.in_review()
    assert (detail.approvals_needed, detail.approvals_had) == (2, 0)
    assert site.decide(CARL, detail.request.id).request.state is State.IN_REVIEW
    with pytest.raises(Conflict, match="already"):
        site.decide(CARL, detail.request.id)
    site.work()
    assert site.state(detail.request.id) is State.IN_REVIEW
    after = site.decide(OLGA, detail.request.id)
    assert (after.request.state, after.approvals_had) == (State.APPROVED, 2)


@pytest.mark.parametrize("outcome", ["reject", "changes"])
def test_one_who_turns_down_is_enough(site: Site, outcome: str) -> None:
    site.outside.register_project(policy(tier=3, reviewers=2))
    detail = site.in_review()
    site.decide(CARL, detail.request.id)
    site.decide(CLEO, detail.request.id, outcome)
    wanted = State.REJECTED if outcome == "reject" else State.CHANGES_REQUESTED
    assert site.state(detail.request.id) is wanted


def test_an_input_takes_one_whatever_the_tier(site: Site) -> None:
    site.outside.register_project(policy(tier=3, reviewers=2))
    detail = site.in_review(direction=Direction.INPUT)
    assert site.decide(CARL, detail.request.id).request.state is State.APPROVED


def test_nobody_decides_on_what_they_asked_for(site: Site) -> None:
    both = person("both", Role.DATA_ANALYST, Role.OUTPUT_CHECKER, Role.INFORMATION_ASSET_OWNER)
    detail = site.in_review(who=both)
    with pytest.raises(Refused):
        site.decide(both, detail.request.id)
    later = person("both", Role.OUTPUT_CHECKER)  # the role that asks was taken away since
    with pytest.raises(AirlockError):
        site.decide(later, detail.request.id)
    with pytest.raises(AirlockError):
        site.decide(AMIR, detail.request.id)
    assert Action.DECIDE not in site.show(detail.request.id, both).allowed
    assert Action.DECIDE in site.show(detail.request.id, CARL).allowed


def test_a_file_that_is_turned_down_stops_the_whole(site: Site) -> None:
    detail = site.in_review({"a.csv": b"1", "b.csv": b"2"})
    good, bad = (file.id for file in detail.files)
    files = {good: {"outcome": "approve"}, bad: {"outcome": "reject", "reason": "a count of 3"}}
    manifest = detail.request.manifest_sha256

    def decide(outcome: str, files: dict[str, dict[str, str]], reason: str = "") -> object:
        return site.outside.decide(
            CARL, detail.request.id, outcome=outcome, manifest_sha256=manifest, reason=reason, files=files
        )

    with pytest.raises(Invalid, match="as a whole"):
        decide("approve", files, "fine")
    with pytest.raises(Invalid, match="reason"):
        decide("reject", {})
    with pytest.raises(Invalid, match="does not hold"):
        decide("reject", {"0" * 36: {"outcome": "reject", "reason": "r"}})
    with pytest.raises(Invalid):
        decide("perhaps", {})
    decide("changes", files)
    seen = site.outside.request(AMIR, detail.request.id).decisions[0]
    assert {(one.file_id, one.outcome, one.reason) for one in seen.files} == {
        (good, "approve", ""),
        (bad, "reject", "a count of 3"),
    }


def test_an_opaque_file_goes_to_the_role_that_is_named_for_it(site: Site) -> None:
    site.outside.register_project(policy(rules={"opaque_role": "information-asset-owner"}))
    detail = site.in_review({"model.pkl": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00."})
    assert detail.request.state is State.IN_REVIEW
    assert detail.role_needed == "information-asset-owner"
    assert site.decide(CARL, detail.request.id).request.state is State.IN_REVIEW
    assert site.decide(OLGA, detail.request.id).request.state is State.APPROVED
    site.work()
    assert site.state(detail.request.id) is State.RELEASED


@pytest.mark.parametrize("needed", [1, 2])
def test_checkers_who_decide_at_the_same_instant(
    postgres_url: str, tmp_path: Path, clock: MovableClock, needed: int
) -> None:
    database = Database.open(postgres_url)
    site = Site.open(database, tmp_path, clock, policy(tier=3, reviewers=needed))
    checkers = [person(f"checker-{n}", Role.OUTPUT_CHECKER) for n in range(4)]
    detail = site.in_review()
    at_once = Barrier(len(checkers))

    def decide(who: Person) -> bool:
        at_once.wait()
        try:
            site.outside.decide(
                who,
                detail.request.id,
                outcome="approve",
                manifest_sha256=detail.request.manifest_sha256,
                reason="fine",
            )
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(len(checkers)) as threads:
        counted = list(threads.map(decide, checkers))
    assert sum(counted) == needed
    after = site.show(detail.request.id)
    assert (after.request.state, len(after.decisions)) == (State.APPROVED, needed)
    assert [step.action for step in after.timeline].count("approve") == 1
    database.close()


def test_one_person_twice_at_the_same_instant_counts_once(
    postgres_url: str, tmp_path: Path, clock: MovableClock
) -> None:
    database = Database.open(postgres_url)
    site = Site.open(database, tmp_path, clock, policy(tier=3, reviewers=2))
    detail = site.in_review()
    at_once = Barrier(2)

    def decide(_: int) -> str:
        at_once.wait()
        try:
            return site.decide(CARL, detail.request.id).request.state
        except Conflict:
            return "conflict"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(decide, range(2))) == ["conflict", "in_review"]
    assert site.show(detail.request.id).approvals_had == 1
    database.close()


def test_what_waits_for_a_checker(site: Site) -> None:
    clock = site.clock
    assert isinstance(clock, MovableClock)
    old = site.in_review()
    clock.move(hours=5)
    new = site.in_review(direction=Direction.INPUT)
    site.submitted()
    assert [row.id for row in site.outside.queue(CARL).items] == [old.request.id, new.request.id]
    assert site.outside.queue(CARL).items[0].age_seconds == 5 * 3600
    assert site.outside.queue(ANN).items == ()
    assert site.outside.queue(STEF).items == ()
    assert site.inside.queue(inside(ANN)).items == ()
    site.outside.register_project(policy(tier=3, reviewers=2))
    site.decide(CARL, old.request.id)
    assert old.request.id not in {row.id for row in site.outside.queue(CARL).items}
    assert old.request.id in {row.id for row in site.outside.queue(CLEO).items}


def test_a_program_never_passes_whatever_role_is_named(site: Site) -> None:
    site.outside.register_project(policy(rules={"opaque_role": "information-asset-owner"}))
    request = site.submitted({"tool": b"\x7fELF\x02\x01\x01" + bytes(57)})
    site.work()
    assert site.state(request.id) is State.BLOCKED
