"""At an institution, its own issuer's word is taken, and its mail server and hook are told that a request moved."""

from __future__ import annotations

from typing import Any

import pytest

from providers.kubernetes.live.visiting import API, Visitor, patiently
from tests.cluster.institution.conftest import Campus
from tests.cluster.kubectl import eventually

pytestmark = pytest.mark.cluster

PATIENCE = 120
TITLE, CONTENT = "A title that no notice may tell", b"bird,count\nheron,12\n"


class Steward(Visitor):
    """Somebody who brings data in."""

    def bring_in(self, project: str) -> str:
        """Make a request of one file and hand it in; return its number."""
        body = {"project": project, "direction": "input", "title": TITLE, "purpose": "Research."}
        request = self._made("/requests", body)
        file = self._made(f"/requests/{request}/files", {"path": "birds.csv", "expected_size": len(CONTENT)})
        way = f"{self._entrance.portal}{API}/requests/{request}/files/{file}/content"
        sent = self._call("PUT", way, params={"last": True}, content=CONTENT, headers=self._own_page)
        assert sent.status_code == 200, sent.text
        assert self.ask("POST", f"/requests/{request}/submit", {}).done
        return request

    def _made(self, path: str, body: Any) -> str:
        answer = self.ask("POST", path, body)
        assert answer.done, answer.document
        return str(answer.document["id"])

    @property
    def _own_page(self) -> dict[str, str]:
        return {"Origin": self._entrance.portal, "Sec-Fetch-Site": "same-origin"}


def test_people_have_the_rights_that_their_institution_gives_them_here(campus: Campus) -> None:
    casey = Visitor(campus.entrance, "casey")
    patiently(casey, PATIENCE)
    roles = casey.ask("GET", "/me").document["roles"]
    assert roles == [{"project": "birds", "role": "output-checker"}]


def test_groups_of_elsewhere_give_no_right_here(campus: Campus) -> None:
    noah = Visitor(campus.entrance, "noah")
    patiently(noah, PATIENCE)
    assert noah.ask("GET", "/me").document["roles"] == []
    assert noah.ask("GET", "/projects").document == []


def test_one_factor_is_not_enough(campus: Campus) -> None:
    assert not Visitor(campus.entrance, "casey").first_factor_alone()


def test_whom_it_concerns_is_told_that_a_request_moved_and_never_what_is_in_it(campus: Campus) -> None:
    casey, sasha = Visitor(campus.entrance, "casey"), Steward(campus.entrance, "sasha")
    patiently(casey, PATIENCE)
    patiently(sasha, PATIENCE)
    request = sasha.bring_in("birds")
    box = campus.office.boxes
    eventually(lambda: "casey@university.example.org" in box, "the checker has mail", PATIENCE)
    eventually(lambda: any(each["state"] == "in_review" for each in campus.hook.told), "the hook", PATIENCE)
    letter = box["casey@university.example.org"][0]
    assert f"{campus.entrance.portal}/requests/{request}" in letter.get_content()
    assert {each["request"] for each in campus.hook.told} == {request}
    assert campus.hook.forged == 0
    assert all(campus.office.encrypted)
    said = str(letter) + str(campus.hook.told)
    assert TITLE not in said
    assert "birds.csv" not in said
    assert "sasha@university.example.org" not in box


def test_the_outside_door_tells_how_it_does_and_of_nobody(campus: Campus) -> None:
    casey = Visitor(campus.entrance, "casey")
    patiently(casey, PATIENCE)
    casey.ask("GET", "/queue")
    sent = campus.hook.collected
    eventually(lambda: b"/queue" in sent.get("/v1/traces", b"") and "/v1/metrics" in sent, "traces", PATIENCE)
    everything = b"".join(sent.values())
    assert b"airlock-outside" in everything
    assert b"airlock-inside" not in everything
    assert b"casey" not in everything
