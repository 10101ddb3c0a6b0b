"""Every page, for every role, with hostile texts: whole, escaped, labelled, and leading somewhere."""

from __future__ import annotations

import pytest

from portal.domain.people import Door, Person, Role
from portal.domain.states import State
from tests.browser.site import PROJECT
from tests.portal.pages.hostile import EVALUATED, SCRIPT, TITLE
from tests.portal.pages.house import House, person
from tests.portal.pages.reading import links, problems, read

OUTSIDE = {
    "analyst": person("ada", Role.DATA_ANALYST),
    "checker": person("casey", Role.OUTPUT_CHECKER),
    "owner": person("otto", Role.INFORMATION_ASSET_OWNER),
    "steward": person("sasha", Role.DATA_STEWARD),
    "manager": person("mia", Role.PROJECT_MANAGER),
    "auditor": person("avery", Role.AUDITOR),
    "operator": person("ollie", Role.OPERATOR),
    "stranger": person("nemo"),
}
ALWAYS = ("/projects", "/requests", "/incoming")
BROKEN = 500


def _where(house: House) -> list[str]:
    of_state = [f"/requests/{number}" for number in house.requests.values()]
    acts = ("review", "files", "pick-up", "record", "withdraw", "revoke", "retry")
    return [
        *ALWAYS,
        *("/queue", "/audit", "/pass", f"/projects/{PROJECT}/people", "/nothing-here"),
        *(f"/requests?project={PROJECT}&state=draft", f"/requests/new?project={PROJECT}&direction=input"),
        *of_state,
        *(f"{each}/{act}" for each in of_state for act in acts),
    ]


def _looked_at(house: House, someone: Person, door: Door) -> list[str]:
    """Visit every page and return where the pages lead, besides to one another."""
    led: set[str] = set()
    client = house.client(someone, door)
    shown: set[str] = set()
    for where in _where(house):
        answer = client.get(where)
        assert answer.status_code < BROKEN, where
        assert answer.headers["content-type"].startswith("text/html"), where
        page = read(answer.text)
        assert problems(page) == [], where
        _escaped(answer.text, where)
        if answer.status_code == 200:
            shown.add(where)
            led |= links(page)
    assert shown >= set(ALWAYS)
    return sorted(led - shown)


def _escaped(html: str, where: str) -> None:
    assert SCRIPT not in html, where
    assert "<img src=x" not in html, where
    assert EVALUATED not in html, where


@pytest.mark.parametrize("role", sorted(OUTSIDE))
def test_every_page_of_every_role_is_sound_and_leads_somewhere(house: House, role: str) -> None:
    """What a page offers, its reader may open: no link ends at an error."""
    someone = OUTSIDE[role]
    for where in _looked_at(house, someone, Door.OUTSIDE):
        answer = house.client(someone).get(where)
        assert answer.status_code in {200, 303}, where


def test_every_page_inside_is_sound_and_leads_somewhere(house: House) -> None:
    """The inside door has the pages of asking and fetching alone."""
    ada = person("ada", Role.DATA_ANALYST, door=Door.INSIDE)
    for where in _looked_at(house, ada, Door.INSIDE):
        assert house.client(ada, Door.INSIDE).get(where).status_code in {200, 303}, where
    for gone in ("/queue", "/audit", "/pass", f"/requests/{house.requests[State.IN_REVIEW]}/review"):
        assert house.client(ada, Door.INSIDE).get(gone).status_code == 404, gone


@pytest.mark.parametrize("door", list(Door), ids=str)
def test_who_is_not_signed_in_is_led_to_sign_in_and_back(house: House, door: Door) -> None:
    """Every page asks for a sign-in first, and the way back is kept."""
    client = house.client(None, door)
    answer = client.get("/requests?state=draft")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Frequests%3Fstate%3Ddraft"
    form = client.get(answer.headers["location"])
    page = read(form.text)
    assert problems(page) == []
    assert 'value="/requests?state=draft"' in form.text


def test_hostile_texts_are_shown_as_they_were_written(house: House) -> None:
    """Escaping loses nothing: the page says what the person said."""
    checker = house.client(OUTSIDE["checker"])
    page = read(checker.get(f"/requests/{house.requests[State.IN_REVIEW]}").text)
    assert next(e for e in page.elements if e.name == "h1").text.strip() == TITLE.strip()


def test_parts_for_htmx_are_sound(house: House) -> None:
    """What htmx puts into a page is held to the same rules."""
    number = house.requests[State.IN_REVIEW]
    detail = house.airlock.request(OUTSIDE["checker"], number)
    checker = house.client(OUTSIDE["checker"])
    for where in (f"/requests/{number}/status", f"/requests/{number}/files/{detail.files[0].id}/preview"):
        part = read(checker.get(where, headers={"HX-Request": "true"}).text)
        assert problems(part, whole=False) == []
        assert not any(element.name == "html" for element in part.elements)


def test_work_under_way_is_asked_for_again_until_it_is_done(house: House) -> None:
    """The state asks again while the worker works, and loads the page anew when it ended."""
    analyst = house.client(OUTSIDE["analyst"])
    working = analyst.get(f"/requests/{house.requests[State.CHECKING]}/status")
    assert "hx-trigger" in working.text
    assert "hx-refresh" not in working.headers
    done = analyst.get(f"/requests/{house.requests[State.IN_REVIEW]}/status")
    assert "hx-trigger" not in done.text
    assert done.headers["hx-refresh"] == "true"
