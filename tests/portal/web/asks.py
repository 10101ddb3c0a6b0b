"""What tests of the doors ask again and again."""

from __future__ import annotations

import time
from typing import Any

import httpx

from portal.domain.people import Door
from tests.portal.web.running import WAIT, Running

API = "/api/v1"


def good(answer: httpx.Response, status: int = 200) -> Any:
    """Return an answer's JSON, if it is of this status."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    return answer.json() if answer.content else None


def draft(
    client: httpx.Client, project: str = "demo", direction: str = "output", title: str = "Table"
) -> str:
    """Begin a request and return its number."""
    body = {"project": project, "direction": direction, "title": title, "purpose": "paper"}
    return str(good(client.post(f"{API}/requests", json=body), 201)["id"])


def add(client: httpx.Client, request_id: str, path: str, content: bytes) -> dict[str, Any]:
    """Send a whole file."""
    place = f"{API}/requests/{request_id}/files"
    file = good(client.post(place, json={"path": path, "expected_size": len(content)}), 201)
    sent = client.put(f"{place}/{file['id']}/content", params={"offset": 0, "last": True}, content=content)
    return dict(good(sent))


def submitted(client: httpx.Client, content: bytes = b"group,count\na,12\nb,40\n", **given: str) -> str:
    """Begin, fill and hand in a request; return its number."""
    request_id = draft(client, **given)
    add(client, request_id, "table.csv", content)
    good(client.post(f"{API}/requests/{request_id}/submit", json={}))
    return request_id


def reached(client: httpx.Client, request_id: str, *states: str) -> dict[str, Any]:
    """Wait until the worker has brought a request to one of some states; return all of it."""
    ends = time.monotonic() + WAIT
    while True:
        detail = good(client.get(f"{API}/requests/{request_id}"))
        if detail["request"]["state"] in states:
            return dict(detail)
        assert time.monotonic() < ends, detail["request"]
        time.sleep(0.05)


def released(running: Running, content: bytes = b"group,count\na,12\n") -> dict[str, Any]:
    """Return a request of robin's that casey has approved and the worker released."""
    with running.client("robin", Door.INSIDE) as inside, running.client("casey") as checker:
        request_id = submitted(inside, content)
        detail = reached(checker, request_id, "in_review")
        approve(checker, detail)
        return reached(checker, request_id, "released")


def approve(client: httpx.Client, detail: dict[str, Any]) -> dict[str, Any]:
    """Approve a request as it is shown."""
    body = {
        "outcome": "approve",
        "manifest_sha256": detail["request"]["manifest_sha256"],
        "reason": "counts are rounded",
    }
    answer = client.post(f"{API}/requests/{detail['request']['id']}/decisions", json=body)
    return dict(good(answer, 201))
