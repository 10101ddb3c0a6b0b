"""Expiry, retention, revocation and notices."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import cast

import pytest
from sqlalchemy import select

from portal.database.tables import NoticeRow, SeenRow
from portal.domain.errors import Conflict, NotFound, Unavailable
from portal.domain.states import ENDED, State
from portal.store import Area
from portal.worker import Notice, Webhook
from tests.portal.conftest import MovableClock
from tests.portal.service.site import ANN, CARL, MALWARE, OLGA, Site, inside, policy, run


def moving(site: Site) -> MovableClock:
    """Return the site's clock as one that moves."""
    return cast(MovableClock, site.clock)


def draft(site: Site) -> str:
    """Leave a request as a draft with a file."""
    request = site.draft()
    site.put(request, "table.csv", b"abc")
    return request.id


def reviewed(site: Site) -> str:
    """Leave a request in review."""
    return site.in_review().request.id


def changed(site: Site) -> str:
    """Leave a request with changes asked for."""
    request = reviewed(site)
    site.decide(CARL, request, "changes")
    return request


def released(site: Site) -> str:
    """Leave a request released."""
    return site.released().request.id


def failed(site: Site) -> str:
    """Leave a request failed."""
    request = site.submitted().id
    site.stored(Area.OUTPUT_UPLOADS)[0].unlink()
    site.work()
    return request


WAITS: dict[State, tuple[Callable[[Site], str], int]] = {
    State.DRAFT: (draft, 30),
    State.IN_REVIEW: (reviewed, 14),
    State.CHANGES_REQUESTED: (changed, 14),
    State.RELEASED: (released, 7),
    State.FAILED: (failed, 30),
}


@pytest.mark.parametrize("state", sorted(WAITS), ids=str)
def test_what_waits_for_people_expires_and_is_forgotten_later(site: Site, state: State) -> None:
    make, days = WAITS[state]
    request = make(site)
    assert site.state(request) is state
    moving(site).move(days=days - 1)
    site.work()
    assert site.state(request) is state
    moving(site).move(days=1)
    site.work()
    assert site.state(request) is State.EXPIRED
    forgotten(site, request)


def forgotten(site: Site, request: str) -> None:
    """Check that the bytes of an ended request stay for their time, and its record for ever."""
    bytes_before = [site.stored(area) for area in Area]
    moving(site).move(days=29)
    site.work()
    assert [site.stored(area) for area in Area] == bytes_before
    moving(site).move(days=1)
    site.work()
    assert [site.stored(area) for area in Area] == [[]] * len(Area)
    after = site.show(request)
    assert after.request.bytes_removed
    assert after.files
    assert after.timeline[-1].action == "remove_bytes"
    moving(site).move(days=1000)
    assert not run(site.worker.once())


def blocked(site: Site) -> str:
    """Leave a request blocked."""
    return site.in_review({"bad.csv": MALWARE}).request.id


def rejected(site: Site) -> str:
    """Leave a request rejected."""
    request = reviewed(site)
    site.decide(CARL, request, "reject")
    return request


def cancelled(site: Site) -> str:
    """Leave a request cancelled in review."""
    request = reviewed(site)
    site.inside.withdraw(inside(ANN), request)
    return request


def revoked(site: Site) -> str:
    """Leave a request revoked after its release."""
    request = released(site)
    site.outside.revoke(CARL, request, "a mistake")
    site.work()
    return request


ENDS = {
    State.BLOCKED: blocked,
    State.REJECTED: rejected,
    State.CANCELLED: cancelled,
    State.REVOKED: revoked,
}


@pytest.mark.parametrize("state", sorted(ENDS), ids=str)
def test_what_ended_is_forgotten_later(site: Site, state: State) -> None:
    request = ENDS[state](site)
    assert site.state(request) is state
    forgotten(site, request)


def test_no_state_waits_for_ever() -> None:
    worked = {State.SUBMITTED, State.CHECKING, State.APPROVED, State.RELEASING}
    assert set(State) == WAITS.keys() | ENDS.keys() | worked | {State.EXPIRED}
    assert ENDS.keys() | {State.EXPIRED} == ENDED


def test_a_revoked_release_leaves_the_release_area_at_once(any_site: Site) -> None:
    site = any_site
    detail = site.released({"a.csv": b"1", "b.csv": b"2"})
    link = site.outside.link(ANN, detail.request.id, detail.files[0].id)
    site.outside.revoke(OLGA, detail.request.id, "the wrong table")
    with pytest.raises(Conflict, match="not released"):
        run(site.outside.fetch(ANN, link.token))
    site.work()
    assert site.stored(Area.RELEASED_OUTPUTS) == []
    assert len(site.stored(Area.HELD)) == 2
    assert site.state(detail.request.id) is State.REVOKED


def test_a_release_that_is_revoked_while_it_copies_leaves_nothing(site: Site) -> None:
    from portal.worker import leasing, releasing

    detail = site.in_review()
    site.decide(CARL, detail.request.id)
    run(site.worker.work())
    lease = leasing.take(site.worker.parts)
    assert lease is not None
    assert lease.state is State.RELEASING
    site.outside.revoke(CARL, detail.request.id, "stop")
    with pytest.raises(leasing.Lost):
        run(releasing.release(site.worker.parts, lease))
    assert site.stored(Area.RELEASED_OUTPUTS) == []


def test_nobody_is_asked_at_tier_0_and_that_is_recorded(site: Site) -> None:
    site.outside.register_project(policy(tier=0, reviewers=0))
    detail = site.in_review()
    assert detail.request.state is State.RELEASED
    approval = next(step for step in detail.timeline if step.action == "approve")
    assert approval.actor_name == "the airlock"
    assert "policy" in approval.reason
    assert detail.decisions == ()


@dataclass
class Outbox:
    """Keeps notices, or refuses them."""

    down: bool = False
    sent: list[Notice] = field(default_factory=list[Notice])

    async def send(self, notice: Notice) -> None:
        """Take a notice."""
        if self.down:
            raise Unavailable("no mail today")
        self.sent.append(notice)


def seen(site: Site) -> None:
    """Let the doors have seen some people."""
    with site.database.writing() as session:
        for who in (ANN, CARL, OLGA):
            grants = [[grant.project, grant.role.value] for grant in who.grants]
            address = f"{who.name}@example.org"
            session.add(SeenRow(subject=who.subject, name=who.name, email=address, grants=grants))


def test_notices_say_where_and_never_what(any_site: Site) -> None:
    site, outbox = any_site, Outbox()
    site.senders = [outbox]
    seen(site)
    site.released({"secret-name.csv": b"secret"})
    told = {notice.kind: set(notice.addresses) for notice in outbox.sent}
    assert told["in_review"] == {"carl@example.org", "olga@example.org"}
    assert told["released"] == {"ann@example.org"}
    text = " ".join(json.dumps(notice.document) for notice in outbox.sent)
    assert "secret" not in text
    assert "Table 1" not in text


def test_a_notice_that_cannot_be_sent_waits_and_is_given_up_in_the_end(site: Site) -> None:
    outbox = Outbox(down=True)
    site.senders = [outbox]
    site.submitted()
    site.work()
    outbox.down = False
    moving(site).move(minutes=6)
    site.work()
    assert {notice.kind for notice in outbox.sent} == {"submitted", "in_review"}
    outbox.down = True
    failed(site)
    for _ in range(9):
        moving(site).move(minutes=6)
        site.work()
    outbox.down = False
    moving(site).move(minutes=6)
    site.work()
    with site.database.reading() as session:
        unsent = list(session.scalars(select(NoticeRow).where(NoticeRow.sent_at.is_(None))))
    assert {row.attempts for row in unsent} == {8}
    assert {row.try_at for row in unsent} == {None}


def test_a_webhook_is_signed(site: Site) -> None:
    got: list[tuple[str, bytes]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Tre-Signature"], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = Thread(target=server.handle_request)
    thread.start()
    hook = Webhook(f"http://127.0.0.1:{server.server_port}/", b"key")
    run(hook.send(Notice("1", "released", {"request": "r"}, ())))
    thread.join()
    server.server_close()
    signature, body = got[0]
    assert signature == "sha256=" + hmac.new(b"key", body, hashlib.sha256).hexdigest()
    with pytest.raises(Unavailable):
        run(hook.send(Notice("1", "released", {"request": "r"}, ())))


def test_a_link_is_for_one_person_once_and_not_for_long(site: Site) -> None:
    detail = site.released({"a.csv": b"1", "b.csv": b"2"})
    request, (first, second) = detail.request.id, detail.files
    token = site.outside.link(ANN, request, first.id).token
    for who in (CARL, OLGA):
        with pytest.raises(NotFound):
            run(site.outside.fetch(who, token))
    moving(site).move(minutes=10)
    with pytest.raises(NotFound):
        run(site.outside.fetch(ANN, token))
    token = site.outside.link(ANN, request, first.id).token
    run(site.outside.fetch(ANN, token))  # begun, and broken off before the first byte
    with pytest.raises(NotFound):
        run(site.outside.fetch(ANN, token))
    assert site.show(request).receipts == ()
    assert site.fetch(request, first.id) == b"1"
    with pytest.raises(Conflict, match="fetched"):
        site.outside.link(ANN, request, first.id)
    assert site.fetch(request, second.id) == b"2"
