"""Many people upload at the same time: all are taken, each byte as it was sent."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.domain.people import Door
from portal.store.files import WRITING
from portal.store.places import Area
from tests.portal.web.asks import API, add, draft, good, reached
from tests.portal.web.running import Running, airlock

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


def test_a_store_that_cannot_be_used_is_named_in_the_log_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level("INFO", logger="portal"),
        airlock(tmp_path / "laptop") as running,
        running.client("robin", Door.INSIDE) as inside,
    ):
        writing = running.laptop.folder / "areas" / Area.OUTPUT_UPLOADS / WRITING
        if writing.is_dir():
            writing.rmdir()
        writing.write_text("in the way")
        place = f"{API}/requests/{draft(inside)}/files"
        file = good(inside.post(place, json={"path": "table.csv", "expected_size": 2}), 201)["id"]
        content = f"{place}/{file}/content?offset=0&last=true"
        refused = inside.put(content, content=b"ab")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        writing.unlink()
        good(inside.put(content, content=b"ab"))
    # A line is written once its answer is out; all are there once the airlock has ended.
    lines = [vars(each).get("fields", {}) for each in caplog.records]
    assert ["Not a directory" in str(each["why"]) for each in lines if "why" in each] == [True]
