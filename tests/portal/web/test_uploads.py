"""Many people upload at the same time: all are taken, each byte as it was sent."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

from portal.domain.people import Door
from tests.portal.web.asks import API, add, draft, good, reached
from tests.portal.web.running import Running

PEOPLE = 50


def test_fifty_uploads_at_once_all_arrive(running: Running) -> None:
    def one(number: int) -> tuple[str, str]:
        content = number.to_bytes(4, "big") * 65_536
        with running.client("robin", Door.INSIDE) as inside:
            request_id = draft(inside, title=f"upload {number}")
            add(inside, request_id, "data.bin", content)
            good(inside.post(f"{API}/requests/{request_id}/submit", json={}))
        return request_id, hashlib.sha256(content).hexdigest()

    running.headers("robin", Door.INSIDE)
    with ThreadPoolExecutor(PEOPLE) as pool:
        sent = dict(pool.map(one, range(PEOPLE)))
    assert len(sent) == PEOPLE
    with running.client("casey") as casey:
        for request_id, digest in sent.items():
            detail = reached(casey, request_id, "in_review", "blocked")
            assert detail["files"][0]["sha256"] == digest
            assert detail["files"][0]["size"] == 4 * 65_536
