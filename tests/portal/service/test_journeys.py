"""The whole way of a request, in both directions, on both kinds of database."""

from __future__ import annotations

import json

import pytest

from portal.domain.errors import Conflict, NotFound, Refused
from portal.domain.states import Direction, State
from portal.record.exporting import export
from portal.record.verifying import verify
from portal.store import Area
from tests.portal.service.site import ADA, ANN, CARL, STEF, Site, inside, run

FILES = {"results/table.csv": b"a,b\n100,200\n", "results/läs mig.txt": "Hjärta".encode()}


def test_an_output_goes_all_the_way(any_site: Site) -> None:
    site = any_site
    detail = site.in_review(FILES)
    assert detail.request.state is State.IN_REVIEW
    assert {file.path for file in detail.files} == set(FILES)
    assert site.stored(Area.OUTPUT_UPLOADS) == []
    site.decide(CARL, detail.request.id)
    assert site.stored(Area.RELEASED_OUTPUTS) == []
    site.work()
    assert site.state(detail.request.id) is State.RELEASED
    got = {file.path: site.fetch(detail.request.id, file.id) for file in detail.files}
    assert got == FILES
    after = site.show(detail.request.id)
    assert {(receipt.path, receipt.person) for receipt in after.receipts} == {
        (path, ANN.subject) for path in FILES
    }
    assert [step.after for step in after.timeline if step.after] == [
        "draft",
        "submitted",
        "checking",
        "in_review",
        "approved",
        "releasing",
        "released",
    ]


def test_an_input_goes_all_the_way(any_site: Site) -> None:
    site = any_site
    detail = site.in_review(FILES, direction=Direction.INPUT)
    site.decide(CARL, detail.request.id)
    site.work()
    assert site.state(detail.request.id) is State.RELEASED
    got = {file.path: site.fetch(detail.request.id, file.id, inside(ANN)) for file in detail.files}
    assert got == FILES
    with pytest.raises(Conflict, match="fetched"):
        site.fetch(detail.request.id, detail.files[0].id, inside(ANN))


def test_the_record_of_a_release_says_who_decided_on_what_and_verifies_offline(any_site: Site) -> None:
    site = any_site
    detail = site.released(FILES)
    site.fetch(detail.request.id, detail.files[0].id)
    record = json.loads(site.outside.record(ADA, detail.request.id)["body"])
    assert record["manifest"]["sha256"] == detail.request.manifest_sha256
    assert {file["path"] for file in record["manifest"]["files"]} == set(FILES)
    assert [decision["person"] for decision in record["decisions"]] == [CARL.subject]
    with site.database.reading() as session:
        lines = list(export(session))
    report = verify(lines)
    assert report.problems == ()
    broken = [line.replace(b"looked at", b"looked it") for line in lines]
    assert broken != lines
    assert verify(broken).problems


def test_no_record_before_a_release(site: Site) -> None:
    with pytest.raises(NotFound):
        site.outside.record(ADA, site.in_review().request.id)


def test_changes_that_were_asked_for_begin_a_round_of_their_own(any_site: Site) -> None:
    site = any_site
    first = site.in_review(FILES)
    kept, wrong = first.files
    site.decide(CARL, first.request.id, "changes", "leave one out")
    assert site.state(first.request.id) is State.CHANGES_REQUESTED
    door, ann = site.inside, inside(ANN)
    door.remove_file(ann, first.request.id, wrong.id)
    added = site.put(first.request, wrong.path, b"bet", b"ter")
    door.submit(ann, first.request.id)
    site.work()
    second = site.show(first.request.id)
    assert (second.request.state, second.request.round) == (State.IN_REVIEW, 2)
    assert second.request.manifest_sha256 != first.request.manifest_sha256
    assert {file.id for file in second.files} == {kept.id, added.id}
    assert second.approvals_had == 0
    assert site.decide(CARL, first.request.id).request.state is State.APPROVED
    site.work()
    assert site.fetch(first.request.id, added.id) == b"better"
    removed = [e for e in site.outside.events(ADA, request_id=first.request.id) if e.action == "remove_file"]
    assert removed[0].detail["sha256"] == wrong.sha256


def test_a_decision_names_the_bytes_that_were_looked_at(any_site: Site) -> None:
    site = any_site
    detail = site.in_review()
    for wrong in ("0" * 64, "f" * 64):
        with pytest.raises(Conflict, match="other bytes"):
            site.outside.decide(
                CARL, detail.request.id, outcome="approve", manifest_sha256=wrong, reason="fine"
            )
    old = detail.request.manifest_sha256
    site.decide(CARL, detail.request.id, "changes", "again")
    site.put(detail.request, "more.csv", b"1,2\n")
    site.inside.submit(inside(ANN), detail.request.id)
    site.work()
    with pytest.raises(Conflict, match="other bytes"):
        site.outside.decide(CARL, detail.request.id, outcome="approve", manifest_sha256=old, reason="fine")
    assert site.state(detail.request.id) is State.IN_REVIEW


def test_a_preview_is_an_event_and_a_download_is_for_low_tiers_alone(site: Site) -> None:
    detail = site.in_review({"table.csv": b"a,b\n100,200\n"})
    file = detail.files[0]
    run(site.outside.preview(CARL, detail.request.id, file.id))
    assert [step.action for step in site.show(detail.request.id).timeline][-1] == "preview"
    with pytest.raises(Refused, match="tier"):
        run(site.outside.download_for_review(CARL, detail.request.id, file.id))


def test_a_withdrawn_input_stays_withdrawn(site: Site) -> None:
    request = site.draft(direction=Direction.INPUT)
    site.outside.withdraw(STEF, request.id, "wrong file")
    assert site.outside.withdraw(STEF, request.id).state is State.CANCELLED
    with pytest.raises(Conflict):
        site.outside.submit(STEF, request.id)
    with pytest.raises(Conflict):
        site.put(request, "late.csv", b"x")
