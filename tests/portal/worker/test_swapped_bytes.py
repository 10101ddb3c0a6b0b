"""A byte that is swapped at any stage stops the request there, visibly; so does a row that a door could forge."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from portal.database.tables import FileRow, RequestRow
from portal.domain.errors import Conflict
from portal.domain.states import Direction, State
from portal.store import Area
from tests.portal.service.site import ADA, ANN, CARL, OTTO, Site, inside, policy


def swap(site: Site, area: Area) -> None:
    """Change one byte of one file in an area, leaving its length."""
    path = site.stored(area)[0]
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(content))


def failed(site: Site, request_id: str, why: str) -> None:
    """Check that a request failed visibly, and that nothing of it is released."""
    found = site.show(request_id).request
    assert found.state is State.FAILED
    assert why in found.reason
    assert site.stored(Area.RELEASED_OUTPUTS) == []
    assert "fail" in [event.action for event in site.outside.events(ADA, request_id=request_id)]


@pytest.mark.parametrize("direction", Direction, ids=str)
def test_between_submission_and_freeze(site: Site, direction: Direction) -> None:
    request = site.submitted(direction=direction)
    swap(site, Area.OUTPUT_UPLOADS if direction is Direction.OUTPUT else Area.INPUT_UPLOADS)
    site.work()
    failed(site, request.id, "not those that were uploaded")


def test_in_one_of_several_parts(site: Site) -> None:
    request = site.draft()
    site.put(request, "table.csv", b"first", b"second", b"third")
    site.inside.submit(inside(ANN), request.id)
    swap(site, Area.OUTPUT_UPLOADS)
    site.work()
    failed(site, request.id, "not those that were uploaded")


def test_after_the_approval_and_a_retry_finds_it_again(site: Site) -> None:
    detail = site.in_review()
    site.decide(CARL, detail.request.id)
    swap(site, Area.HELD)
    site.work()
    failed(site, detail.request.id, "not those that were approved")
    site.outside.retry(OTTO, detail.request.id)
    site.work()
    failed(site, detail.request.id, "not those that were approved")
    swap(site, Area.HELD)  # back to what it was
    site.outside.retry(OTTO, detail.request.id)
    site.work()
    assert site.state(detail.request.id) is State.RELEASED


def test_in_the_release_area(site: Site) -> None:
    detail = site.released()
    swap(site, Area.RELEASED_OUTPUTS)
    with pytest.raises(Conflict, match="not those that were approved"):
        site.fetch(detail.request.id, detail.files[0].id)
    after = site.show(detail.request.id)
    assert after.receipts == ()
    assert after.timeline[-1].action == "swapped"
    swap(site, Area.RELEASED_OUTPUTS)
    assert site.fetch(detail.request.id, detail.files[0].id)


def test_a_part_that_vanished(site: Site) -> None:
    request = site.submitted()
    site.stored(Area.OUTPUT_UPLOADS)[0].unlink()
    site.work()
    failed(site, request.id, "missing")


def forge(site: Site, request_id: str, **values: Any) -> None:
    """Write what a door that was broken into could write."""
    with site.database.writing() as session:
        session.execute(update(RequestRow).where(RequestRow.id == request_id).values(**values))


@pytest.mark.parametrize("state", [State.APPROVED, State.RELEASING], ids=str)
@pytest.mark.parametrize("before", ["submitted", "in_review"])
def test_a_state_alone_releases_nothing(any_site: Site, state: State, before: str) -> None:
    site = any_site
    request = site.submitted()
    if before == "in_review":
        site.work()
    forge(site, request.id, state=state.value, try_at=site.clock(), lease="", leased_until=None)
    site.work()
    failed(site, request.id, "")


def test_a_forged_policy_lowers_no_bar(site: Site) -> None:
    detail = site.in_review()
    forge(
        site,
        detail.request.id,
        state=State.APPROVED.value,
        try_at=site.clock(),
        policy=policy(tier=0, reviewers=0).model_dump(mode="json"),
    )
    site.work()
    failed(site, detail.request.id, "must have approved")


def test_a_forged_requester_does_not_let_one_approve_one_s_own(site: Site) -> None:
    detail = site.in_review()
    site.decide(CARL, detail.request.id)
    forge(site, detail.request.id, requester=CARL.subject)
    site.work()
    failed(site, detail.request.id, "must have approved")


def test_a_forged_hash_is_not_the_manifest(site: Site) -> None:
    detail = site.in_review()
    site.decide(CARL, detail.request.id)
    with site.database.writing() as session:
        session.execute(update(FileRow).values(sha256="0" * 64))
    site.work()
    failed(site, detail.request.id, "not those of the manifest")
