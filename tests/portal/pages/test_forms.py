"""What forms do, and what they refuse: other sessions' forms, wrong numbers, addresses elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from httpx import Response
from sqlalchemy import select

from portal.database.migrating import upgrade
from portal.database.opening import Database
from portal.database.tables import EventRow
from portal.domain.clock import now
from portal.domain.errors import Invalid
from portal.domain.people import Door, Role
from portal.domain.states import State
from portal.pages import auditing, forms, looking, reviewing, signing_in
from portal.preview import Preview
from portal.record import chain
from tests.browser.site import PROJECT
from tests.portal.pages.hostile import PATH
from tests.portal.pages.house import TABLE, TOKEN, Browser, House, person
from tests.portal.pages.reading import problems, read

ADA = person("ada", Role.DATA_ANALYST, door=Door.INSIDE)
CAROL = person("carol", Role.OUTPUT_CHECKER)
PASS = {"pass": "good", "workload": "workspace", "next": "/requests"}


def _signed_in_inside(house: House) -> tuple[Browser, str, Response]:
    """Return a browser with the cookies of a sign-in, its form token, and the answer that signed it in."""
    client = house.client(None, Door.INSIDE)
    answer = client.post("/sign-in", data=PASS)
    assert answer.status_code == 303
    house.inside_sign_in.someone = ADA
    token = re.search(r'name="form_token" value="([0-9a-f]{64})"', client.get("/projects").text)
    assert token
    return client, token.group(1), answer


def test_a_pass_signs_in_and_keeps_both_proofs_out_of_reach_of_scripts(house: House) -> None:
    """The session and the workspace's token go into cookies that no script reads."""
    client, token, answer = _signed_in_inside(house)
    assert answer.headers["location"] == "/requests"
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all("HttpOnly" in each and "SameSite=lax" in each for each in cookies)
    left = client.post("/sign-out", data={"form_token": token})
    assert [each for each in left.headers.get_list("set-cookie") if "Max-Age=0" in each]
    assert client.get("/projects").status_code == 303


def test_a_new_workspace_token_needs_no_new_pass(house: House) -> None:
    """The session goes on with the token that the cluster has renewed; the old one's cookie is replaced."""
    client, _, _ = _signed_in_inside(house)
    form = client.get("/sign-in")
    assert 'name="workload"' in form.text
    answer = client.post("/sign-in", data={"pass": "", "workload": "renewed", "next": "/requests"})
    assert answer.headers["location"] == "/requests"
    assert [each.split(";")[0] for each in answer.headers.get_list("set-cookie")] == ["tre-workload=renewed"]
    house.inside_sign_in.someone = None
    assert client.post("/sign-in", data={"pass": "", "workload": "renewed"}).status_code == 401


def test_a_pass_is_spent_with_the_token_that_was_typed(house: House) -> None:
    """An older token in a cookie does not stand in its way."""
    client, _, _ = _signed_in_inside(house)
    client.post("/sign-in", data={"pass": "", "workload": "older"})
    assert client.post("/sign-in", data=PASS).status_code == 303


def test_a_wrong_pass_is_told_beside_the_form(house: House) -> None:
    """The form stays, with the problem where it is read first."""
    answer = house.client(None, Door.INSIDE).post("/sign-in", data={**PASS, "pass": "wrong"})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert problems(read(answer.text)) == []


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil", "evil", "", "/a\nb"])
def test_nobody_is_sent_elsewhere_after_signing_in(house: House, back: str) -> None:
    """Only a path of our own is followed."""
    assert signing_in.own_path(back) == "/"
    answer = house.client(None, Door.INSIDE).post("/sign-in", data={**PASS, "next": back})
    assert answer.headers["location"] == "/"


def test_a_whole_request_inside(house: House) -> None:
    """Begin, add a file in two parts, go on from where it stands, remove, submit."""
    client, token, _ = _signed_in_inside(house)
    given = {"form_token": token, "direction": "output", "project": PROJECT, "title": "T", "key": "one-key"}
    begun = client.post("/requests/new", data=given)
    again = client.post("/requests/new", data=given)
    assert begun.headers["location"] == again.headers["location"]
    where = begun.headers["location"]
    headers = {"Tre-Form-Token": token}
    file = client.post(where, json={"path": PATH, "size": 6, "media_type": ""}, headers=headers).json()
    content = f"{where}/{file['id']}/content"
    assert client.put(f"{content}?offset=0&last=0", content=b"abc", headers=headers).json()["size"] == 3
    wrong = client.put(f"{content}?offset=0&last=0", content=b"abc", headers=headers)
    assert (wrong.status_code, int(wrong.json()["offset"])) == (409, 3)
    known = client.post(where, json={"path": PATH, "size": 6, "media_type": ""}, headers=headers).json()
    assert (known["id"], known["size"]) == (file["id"], 3)
    early = client.post(f"{where.removesuffix('/files')}/submit", data={"form_token": token, "version": "1"})
    assert early.status_code in {409, 422}
    assert problems(read(early.text)) == []
    assert client.put(f"{content}?offset=3&last=1", content=b"def", headers=headers).json()["complete"]
    listed = read(client.get(f"{where}/list").text)
    assert problems(listed, whole=False) == []
    version = next(e for e in listed.elements if e.attributes.get("name") == "version").attributes["value"]
    done = client.post(
        f"{where.removesuffix('/files')}/submit", data={"form_token": token, "version": version}
    )
    assert done.headers["location"].endswith("?done=submitted")
    assert client.get(where).status_code == 409


@pytest.mark.parametrize("token", ["", "0" * 64])
def test_a_form_of_another_session_does_nothing(house: House, token: str) -> None:
    """Whoever makes a browser send a form does not know its session's token."""
    number = house.ask((PATH, TABLE))
    client = house.client(CAROL)
    for act in ("review", "revoke", "retry", "withdraw", "submit"):
        answer = client.post(f"/requests/{number}/{act}", data={"form_token": token, "outcome": "reject"})
        assert answer.status_code == 403, act
    assert house.airlock.request(CAROL, number).request.state is State.IN_REVIEW


def test_a_call_of_the_script_needs_the_token_too(house: House) -> None:
    """Uploads are as well guarded as forms."""
    client, _, _ = _signed_in_inside(house)
    answer = client.post("/requests/x/files", json={"path": "a", "size": 1})
    assert (answer.status_code, answer.json()["code"]) == (403, "refused")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"path": 1, "size": 1}',
        b'{"path": "a", "size": -1}',
        b'{"path": "a", "size": true}',
        b"\xff",
    ],
)
def test_what_is_no_announcement_is_refused(house: House, body: bytes) -> None:
    """Nothing that is not a path and a size gets further."""
    client, token, _ = _signed_in_inside(house)
    answer = client.post(
        f"/requests/{house.requests[State.DRAFT]}/files", content=body, headers={"Tre-Form-Token": token}
    )
    assert answer.status_code == 422


def test_a_decision_names_files_and_reasons(house: House) -> None:
    """What the form says of each file is what the service is told."""
    number = house.ask((PATH, TABLE), ("b.csv", TABLE))
    detail = house.airlock.request(CAROL, number)
    first, second = (file.id for file in detail.files)
    client = house.client(CAROL)
    given = {
        "form_token": TOKEN,
        "manifest_sha256": detail.request.manifest_sha256,
        "outcome": "approve",
        "reason": "",
        f"file-{first}": "reject",
        f"why-{first}": "A small count in row 3.",
        f"file-{second}": "approve",
    }
    refused = client.post(f"/requests/{number}/review", data=given)
    assert refused.status_code == 422
    kept = read(refused.text)
    assert problems(kept) == []
    assert any(e.attributes.get("value") == "A small count in row 3." for e in kept.elements)
    done = client.post(f"/requests/{number}/review", data={**given, "outcome": "changes", "reason": "Row 3."})
    assert done.headers["location"] == f"/requests/{number}?done=decided"
    decision = house.airlock.request(CAROL, number).decisions[0]
    assert {said.file_id: (said.outcome, said.reason) for said in decision.files} == {
        first: ("reject", "A small count in row 3."),
        second: ("approve", ""),
    }


def test_what_was_said_of_files_is_kept_when_the_page_of_the_list_is_turned(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SHOWN", 1)
    number = house.ask((PATH, TABLE), ("b.csv", TABLE))
    detail = house.airlock.request(CAROL, number)
    first, second = (file.id for file in detail.files)
    client = house.client(CAROL)
    given = {"form_token": TOKEN, "manifest_sha256": detail.request.manifest_sha256, "reason": "Row 3."}
    said = {f"file-{first}": "reject", f"why-{first}": "A small count."}
    turned = read(client.post(f"/requests/{number}/review", data={**given, **said, "turn": "1"}).text)
    assert problems(turned) == []
    fields = {e.attributes.get("name"): e.attributes for e in turned.elements if e.name == "input"}
    assert {name: fields[name]["value"] for name in said} == said
    assert {fields[name]["type"] for name in said} == {"hidden"}
    assert f"why-{second}" in fields
    back = read(client.post(f"/requests/{number}/review", data={**given, **said, "turn": "0"}).text)
    assert [e.attributes["value"] for e in back.elements if "checked" in e.attributes] == ["reject"]
    assert house.airlock.request(CAROL, number).decisions == ()
    client.post(f"/requests/{number}/review", data={**given, **said, "outcome": "reject"})
    (decision,) = house.airlock.request(CAROL, number).decisions
    assert {each.file_id: each.outcome for each in decision.files} == {first: "reject"}


def test_an_older_manifest_is_told_and_changes_nothing(house: House) -> None:
    """Whoever looked at other files decides nothing on these."""
    number = house.ask((PATH, TABLE))
    given = {"form_token": TOKEN, "manifest_sha256": "0" * 64, "outcome": "approve"}
    assert house.client(CAROL).post(f"/requests/{number}/review", data=given).status_code == 409
    assert house.airlock.request(CAROL, number).decisions == ()


def test_no_choice_is_told(house: House) -> None:
    """A form without a decision is no decision."""
    answer = house.client(CAROL).post(
        f"/requests/{house.requests[State.IN_REVIEW]}/review", data={"form_token": TOKEN}
    )
    assert answer.status_code == 422
    assert 'href="#outcome"' in answer.text


def test_a_released_file_is_fetched_once(house: House) -> None:
    """The link is made on the click, leads to the bytes once, and the page knows afterwards."""
    number = house.ask((PATH, TABLE))
    house.approve(number)
    ada = person("ada", Role.DATA_ANALYST)
    file = house.airlock.request(ada, number).files[0]
    client = house.client(ada)
    link = client.post(f"/requests/{number}/files/{file.id}/fetch", data={"form_token": TOKEN})
    answer = client.get(link.headers["location"])
    assert answer.content == TABLE
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert client.get(link.headers["location"]).status_code == 404
    page = client.get(f"/requests/{number}/pick-up")
    assert "Fetched" in page.text
    assert problems(read(page.text)) == []


def test_reviewers_download_nothing_above_tier_1(house: House) -> None:
    """The address of a download is refused, and the page does not offer it."""
    number = house.requests[State.IN_REVIEW]
    file = house.airlock.request(CAROL, number).files[0]
    client = house.client(CAROL)
    assert client.get(f"/requests/{number}/files/{file.id}/download").status_code == 403
    assert "/download" not in client.get(f"/requests/{number}/review").text


def test_a_pass_is_shown_once_and_kept_nowhere(house: House) -> None:
    """The page that shows it is not cached, and asking again makes another."""
    client = house.client(person("ada", Role.DATA_ANALYST))
    made = client.post("/pass", data={"form_token": TOKEN, "project": PROJECT})
    assert "AAAAA-BBBBB-CCCCC-DDDDD" in made.text
    assert made.headers["cache-control"] == "no-store"
    assert "AAAAA" not in client.get("/pass").text


def test_the_export_and_the_record_are_the_auditors(house: House) -> None:
    """Auditors take the record with them; nobody else does."""
    number = house.requests[State.RELEASED]
    auditor = house.client(person("avery", Role.AUDITOR))
    assert b'"kind":"header"' in auditor.get("/audit/export").content
    assert auditor.get(f"/audit/export?project={PROJECT}").status_code == 200
    assert {"body", "signature", "key_id", "at"} <= set(auditor.get(f"/requests/{number}/record.json").json())
    checker = house.client(CAROL)
    assert checker.get("/audit/export").status_code == 403
    assert checker.get(f"/requests/{number}/record.json").status_code in {403, 404}


@pytest.mark.parametrize("text", ["", "-1", "1e3", "٣", " 1", "9" * 30])
def test_numbers_are_plain_ones(text: str) -> None:
    """What is not a small whole number in ASCII digits is refused."""
    with pytest.raises(Invalid):
        forms.number(text)


def test_a_changed_event_breaks_the_chain_where_it_was_changed(tmp_path: Path) -> None:
    """The page's own proof finds a changed body, and one that was taken from the end."""
    url = f"sqlite:///{tmp_path / 'airlock.db'}"
    upgrade(url)
    database = Database.open(url)
    for number in range(3):
        with database.writing() as session:
            chain.append(session, now, actor="a", action="b", detail={"number": number})
    with database.reading() as session:
        assert auditing.prove(session) == auditing.Chain(True, 3)
        told = session.execute(select(EventRow.seq, EventRow.body, EventRow.previous, EventRow.hash)).all()
    rows = [(row.seq, row.body, row.previous, row.hash) for row in told]
    number, body, previous, link = rows[1]
    changed = [rows[0], (number, body.replace('"number":1', '"number":7'), previous, link), rows[2]]
    assert changed != rows
    assert auditing.proved(iter(changed), 3, rows[2][3]) == auditing.Chain(False, 1, "2")
    assert auditing.proved(iter(rows[:2]), 3, rows[2][3]) == auditing.Chain(False, 2, "3")
    database.close()


def test_small_counts_are_marked_in_the_columns_that_the_check_names(house: House) -> None:
    """Only whole numbers from 1 to below the least, and only where the check pointed."""
    detail = house.airlock.request(CAROL, house.requests[State.IN_REVIEW])
    file = detail.files[0]
    preview = Preview("table", ("group", "count"), (("3", "3"), ("a", "40"), ("b", "0"), ("c", "x"), ("d",)))
    found = reviewing.small_counts(detail, file, preview)
    assert (found.least, found.cells) == (10, frozenset({(0, 1)}))
