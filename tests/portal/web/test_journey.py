"""Requests through both doors, from asking to picking up."""

from __future__ import annotations

import base64
import hashlib
import time

import httpx

from portal.domain.people import Door
from portal.record.verifying import verify
from tests.portal.web.asks import API, add, approve, draft, good, reached, released, submitted
from tests.portal.web.running import WAIT, Running


def test_an_output_goes_out_and_its_record_can_be_proved(running: Running) -> None:
    content = b"group,count\na,12\nb,40\n"
    detail = released(running, content)
    request_id, file = detail["request"]["id"], detail["files"][0]
    with running.client("robin") as robin:
        link = good(robin.post(f"{API}/requests/{request_id}/files/{file['id']}/links"), 201)
        answer = robin.get(f"{API}/links/{link['token']}")
    assert answer.content == content
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["content-disposition"].startswith("attachment;")
    with running.client("avery") as auditor:
        record = good(auditor.get(f"{API}/requests/{request_id}/record"))
        lines = auditor.get(f"{API}/export").content.splitlines(keepends=True)
        receipts = good(auditor.get(f"{API}/requests/{request_id}"))["receipts"]
    assert hashlib.sha256(content).hexdigest() in record["body"]
    assert [each["person_name"] for each in receipts] == ["robin"]
    assert verify(lines).good


def test_a_link_is_spent_once_and_by_its_person_alone(running: Running) -> None:
    detail = released(running)
    file = detail["files"][0]
    place = f"{API}/requests/{detail['request']['id']}/files/{file['id']}/links"
    with running.client("robin") as robin, running.client("casey") as casey:
        token = good(robin.post(place), 201)["token"]
        assert casey.get(f"{API}/links/{token}").status_code == 404
        assert casey.post(place).status_code == 403
        assert robin.get(f"{API}/links/{token}").status_code == 200
        assert robin.get(f"{API}/links/{token}").status_code == 404


def test_a_revoked_release_is_fetched_by_nobody(running: Running) -> None:
    detail = released(running)
    request_id, file = detail["request"]["id"], detail["files"][0]
    with running.client("robin") as robin, running.client("casey") as casey:
        token = good(robin.post(f"{API}/requests/{request_id}/files/{file['id']}/links"), 201)["token"]
        assert casey.post(f"{API}/requests/{request_id}/revoke", json={"reason": ""}).status_code == 422
        good(casey.post(f"{API}/requests/{request_id}/revoke", json={"reason": "a mistake"}))
        assert robin.get(f"{API}/links/{token}").status_code in {404, 409}


def test_an_input_comes_in_after_a_look(running: Running) -> None:
    with running.client("sasha") as steward, running.client("casey") as casey:
        request_id = submitted(steward, direction="input")
        approve(casey, reached(casey, request_id, "in_review"))
        detail = reached(casey, request_id, "released")
    with running.client("robin", Door.INSIDE) as inside:
        file = detail["files"][0]
        link = good(inside.post(f"{API}/requests/{request_id}/files/{file['id']}/links"), 201)
        assert (
            hashlib.sha256(inside.get(f"{API}/links/{link['token']}").content).hexdigest() == file["sha256"]
        )


def test_a_reviewer_looks_and_does_not_take_away(running: Running) -> None:
    with running.client("robin", Door.INSIDE) as inside, running.client("casey") as casey:
        request_id = submitted(inside)
        file = reached(casey, request_id, "in_review")["files"][0]
        place = f"{API}/requests/{request_id}/files/{file['id']}"
        shown = good(casey.get(f"{place}/preview"))
        assert shown["rows"] == [["a", "12"], ["b", "40"]]
        assert casey.get(f"{place}/content").status_code == 403
        queue = [each["id"] for each in good(casey.get(f"{API}/queue", params={"limit": 200}))["items"]]
        assert request_id in queue


def test_nobody_decides_on_their_own_or_on_another_manifest(running: Running) -> None:
    with running.client("robin", Door.INSIDE) as inside, running.client("casey") as casey:
        request_id = submitted(inside)
        reached(casey, request_id, "in_review")
        body = {"outcome": "approve", "manifest_sha256": "0" * 64, "reason": "good"}
        assert casey.post(f"{API}/requests/{request_id}/decisions", json=body).status_code == 409
        with running.client("robin") as robin:
            assert robin.post(f"{API}/requests/{request_id}/decisions", json=body).status_code == 403


def test_an_upload_goes_on_where_it_broke_off(running: Running) -> None:
    content = bytes(range(256)) * 40
    with running.client("robin", Door.INSIDE) as inside:
        request_id = draft(inside)
        place = f"{API}/requests/{request_id}/files"
        file = good(inside.post(place, json={"path": "a.bin", "expected_size": len(content)}), 201)
        put = f"{place}/{file['id']}/content"
        wrong = {"offset": 0, "sha256": "0" * 64}
        assert inside.put(put, params=wrong, content=content[:100]).status_code == 422
        good(inside.put(put, params={"offset": 0}, content=content[:1000]))
        answer = inside.put(put, params={"offset": 7}, content=content[7:])
        assert (answer.status_code, answer.json()["offset"]) == (409, 1000)
        again = good(inside.post(place, json={"path": "a.bin", "expected_size": len(content)}), 201)
        assert (again["id"], again["size"]) == (file["id"], 1000)
        whole = good(inside.put(put, params={"offset": 1000, "last": True}, content=content[1000:]))
        assert (whole["complete"], whole["size"], whole["parts"]) == (True, len(content), 2)
        assert inside.delete(f"{place}/{file['id']}").status_code == 204
        assert inside.delete(f"{place}/{file['id']}").status_code == 204


def test_the_same_key_makes_one_request(running: Running) -> None:
    body = {"project": "demo", "direction": "output", "title": "once", "purpose": ""}
    with running.client("robin", Door.INSIDE) as inside:
        made = {
            good(inside.post(f"{API}/requests", json=body, headers={"Idempotency-Key": "k-1"}), 201)["id"]
            for _ in range(3)
        }
        assert len(made) == 1


def test_many_files_are_announced_at_once(running: Running) -> None:
    with running.client("robin", Door.INSIDE) as inside:
        request_id = draft(inside)
        files = [{"path": f"f/{number}.csv", "expected_size": 1} for number in range(300)]
        added = good(inside.post(f"{API}/requests/{request_id}/file-lists", json={"files": files}), 201)
        assert [each["path"] for each in added] == [each["path"] for each in files]
        twice = [{"path": "x.csv"}, {"path": "X.csv"}]
        assert (
            inside.post(f"{API}/requests/{request_id}/file-lists", json={"files": twice}).status_code == 409
        )


def test_lists_are_read_page_by_page(running: Running) -> None:
    with running.client("robin", Door.INSIDE, "guarded") as inside:
        made = [draft(inside, project="guarded", title=f"page {number}") for number in range(5)]
        seen: list[str] = []
        before: str | None = None
        while before != "":
            query = {"limit": 2, "project": "guarded", "mine": True, **({"before": before} if before else {})}
            page = good(inside.get(f"{API}/requests", params=query))
            seen += [each["id"] for each in page["items"]]
            before = page["next"]
        assert seen[:5] == made[::-1]
        assert len(seen) == len(set(seen))
        assert inside.get(f"{API}/requests", params={"limit": 201}).status_code == 422
        add(inside, made[0], "späte Änderung/表.csv", b"1")
        assert good(inside.get(f"{API}/requests/{made[0]}"))["files"][0]["path"] == "späte Änderung/表.csv"


def test_whoever_hangs_up_after_the_last_byte_has_a_receipt(running: Running) -> None:
    for _ in range(5):
        detail = released(running)
        request_id, file = detail["request"]["id"], detail["files"][0]
        with running.client("robin") as robin:
            link = good(robin.post(f"{API}/requests/{request_id}/files/{file['id']}/links"), 201)
        with running.client("robin") as robin, robin.stream("GET", f"{API}/links/{link['token']}") as answer:
            assert sum(map(len, answer.iter_raw())) == file["size"]
        with running.client("casey") as casey:
            _has_receipt(casey, request_id)


def _has_receipt(client: httpx.Client, request_id: str) -> None:
    ends = time.monotonic() + WAIT
    while not good(client.get(f"{API}/requests/{request_id}"))["receipts"]:
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_whoever_hangs_up_before_has_none(running: Running) -> None:
    detail = released(running, b"group,count\n" + b"a,12\n" * 2_000_000)
    request_id, file = detail["request"]["id"], detail["files"][0]
    place = f"{API}/requests/{request_id}/files/{file['id']}/links"
    with running.client("robin") as robin, running.client("casey") as casey:
        link = good(robin.post(place), 201)
        with robin.stream("GET", f"{API}/links/{link['token']}") as answer:
            next(answer.iter_raw())
        assert good(casey.get(f"{API}/requests/{request_id}"))["receipts"] == []
        again = good(robin.post(place), 201)
        assert len(robin.get(f"{API}/links/{again['token']}").content) == file["size"]
