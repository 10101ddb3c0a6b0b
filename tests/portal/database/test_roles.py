"""Least rights are rights enough: whole journeys with each door and the worker as its own role in Postgres."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.database.opening import Database
from portal.domain.errors import Conflict
from portal.domain.people import Door
from portal.domain.states import Direction, State
from portal.record.exporting import export
from portal.record.verifying import verify
from portal.sign_in.passes import Passes
from portal.sign_in.sessions import Sessions
from portal.sign_in.settings import SessionSettings
from tests.portal.conftest import MovableClock
from tests.portal.database.roles import SPLIT, SplitSite
from tests.portal.postgres import Postgres
from tests.portal.service.site import ANN, CARL, CLEO, OTTO, PROJECT, STEF, inside, run

FILES = {"table.csv": b"a,b\n100,200\n"}


@pytest.fixture
def site(postgres_url: str, tmp_path: Path, clock: MovableClock) -> Generator[SplitSite]:
    split = SplitSite.split(postgres_url, tmp_path / "areas", clock)
    yield split
    split.close()


def test_each_part_is_its_own_role(site: SplitSite) -> None:
    for role in SPLIT:
        with site.as_role[role].reading() as session:
            assert session.scalars(text("SELECT current_user")).one() == role


@pytest.mark.parametrize("direction", Direction)
def test_a_request_goes_all_the_way_and_the_auditor_can_prove_it(
    site: SplitSite, direction: Direction
) -> None:
    detail = site.released(FILES, direction)
    assert detail.request.state is State.RELEASED
    who = ANN if direction is Direction.OUTPUT else inside(ANN)
    assert site.fetch(detail.request.id, detail.files[0].id, who) == FILES["table.csv"]
    with site.as_role["auditor"].reading() as session:
        report = verify(export(session))
    assert (report.problems, report.records, report.receipts) == ((), 1, 1)


def test_changes_are_asked_for_made_and_handed_in_again(site: SplitSite) -> None:
    detail = site.in_review(FILES)
    site.decide(CARL, detail.request.id, "changes", "round the counts")
    door, ann = site.inside, inside(ANN)
    door.remove_file(ann, detail.request.id, detail.files[0].id)
    site.put(detail.request, "rounded.csv", b"a,b\n100,200\n", who=ann)
    door.submit(ann, detail.request.id)
    site.work()
    assert site.decide(CLEO, detail.request.id).request.state is State.APPROVED


@pytest.mark.parametrize("direction", Direction)
def test_a_request_is_withdrawn_while_it_is_looked_at(site: SplitSite, direction: Direction) -> None:
    detail = site.in_review(FILES, direction=direction)
    who = inside(ANN) if direction is Direction.OUTPUT else STEF
    door = site.door(direction)
    assert door.withdraw(who, detail.request.id, "a slip").state is State.CANCELLED
    assert door.withdraw(who, detail.request.id, "a slip").state is State.CANCELLED


def test_a_request_is_turned_down_and_then_left_alone(site: SplitSite) -> None:
    detail = site.in_review(FILES)
    assert site.decide(CARL, detail.request.id, "reject").request.state is State.REJECTED
    with pytest.raises(Conflict):
        site.inside.withdraw(inside(ANN), detail.request.id, "late")


def test_a_release_is_revoked_and_its_bytes_are_taken_back(site: SplitSite) -> None:
    detail = site.released(FILES)
    assert site.outside.revoke(CARL, detail.request.id, "wrong table").state is State.REVOKED
    site.work()
    with pytest.raises(Conflict):
        site.fetch(detail.request.id, detail.files[0].id)


def test_a_failed_request_is_brought_back_by_an_operator(site: SplitSite, clock: MovableClock) -> None:
    site.scanner.down = True
    request = site.submitted(FILES)
    for _ in range(20):
        site.work()
        clock.move(minutes=6)
    assert site.state(request.id) is State.FAILED
    site.scanner.down = False
    site.outside.retry(OTTO, request.id)
    site.work()
    assert site.state(request.id) is State.IN_REVIEW


def test_what_is_not_picked_up_expires_and_is_removed(site: SplitSite, clock: MovableClock) -> None:
    detail = site.released(FILES)
    for _ in range(3):
        clock.move(days=40)
        site.work()
    after = site.show(detail.request.id).request
    assert after.state is State.EXPIRED


def test_a_pass_is_made_outside_and_spent_inside(site: SplitSite, clock: MovableClock) -> None:
    settings = SessionSettings()
    outside_door, inside_door = site.as_role["outside"], site.as_role["inside"]
    signed_in = Sessions(outside_door, settings, clock, Door.OUTSIDE)
    in_workspace = Sessions(inside_door, settings, clock, Door.INSIDE)
    run(signed_in.begin(ANN))
    typed = run(Passes(outside_door, settings, clock).make(ANN, PROJECT))
    person, token, _ = run(Passes(inside_door, settings, clock).spend(typed, PROJECT, in_workspace))
    assert person.subject == ANN.subject
    assert run(in_workspace.person(token)).bound_to == PROJECT
    run(signed_in.end_all(ANN.subject))
    with site.as_role["backup"].reading() as session:
        assert session.scalars(text("SELECT count(*) FROM sessions")).one() == 0


def test_a_backup_by_its_role_is_whole_and_is_restored_with_its_guards(
    site: SplitSite, postgres: Postgres, tmp_path: Path
) -> None:
    site.released(FILES)
    name = site.as_role["backup"].engine.url.database or ""
    # Without the option pg_dump refuses tables with policies to all but those who are above them.
    postgres.tool("pg_dump", "-U", "backup", "--enable-row-security", "-Fc", "-f", f"{tmp_path}/dump", name)
    postgres.execute("CREATE DATABASE {}", "restored")
    postgres.tool("pg_restore", "-U", "owner", "--exit-on-error", "-d", "restored", f"{tmp_path}/dump")
    restored = Database.open(postgres.url("restored"))
    with restored.reading() as session, site.as_role["auditor"].reading() as original:
        assert list(export(session)) == list(export(original))
    with pytest.raises(IntegrityError), restored.writing() as session:
        session.execute(text("DELETE FROM events"))
    restored.close()
    postgres.drop("restored")
