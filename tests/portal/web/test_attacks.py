"""What people who mean harm try at a door, over plain sockets where a client would be too polite."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.domain.people import Door
from portal.settings import Bodies, Rate, Rates
from portal.web.api.picking_up import disposition
from tests.portal.web.asks import API, add, draft, good, reached, released, submitted
from tests.portal.web.running import Running, airlock

DOORS = list(Door)
SMALL = Bodies(document=2048, part=4096, patience=1, slowest=1024)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Give an airlock with little patience, which takes small bodies alone."""
    with airlock(tmp_path_factory.mktemp("strict") / "laptop", bodies=SMALL) as found:
        yield found


def raw(running: Running, door: Door, text: bytes, *, wait: float = 20) -> bytes:
    """Send bytes as they are, and return all that comes back."""
    port = running.laptop.port + (1 if door is Door.INSIDE else 0)
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        found = b""
        try:
            connection.sendall(text)
            while piece := connection.recv(65536):
                found += piece
        except ConnectionError:
            pass
        return found


def head(running: Running, door: Door, method: str, path: str, **headers: str) -> bytes:
    """Return the head of a request as it goes over the line."""
    given = {"Host": running.address(door).removeprefix("http://"), "Connection": "close", **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("many", [True, False])
def test_headers_without_end_are_refused_long_before_they_fill_the_memory(
    strict: Running, door: Door, many: bool
) -> None:
    piece = b"x-more: yes\r\n" if many else b"x" * 13
    start = head(strict, door, "GET", "/healthz").removesuffix(b"\r\n") + (b"" if many else b"x-more: ")
    answered = raw(strict, door, start + piece * (1 << 15))
    assert answered == b"" or answered.startswith(b"HTTP/1.1 400")
    whole = head(strict, door, "GET", "/healthz", **{"X-More": "y" * 30_000})
    assert raw(strict, door, whole).startswith(b"HTTP/1.1 200")


def test_trailers_without_end_are_refused(strict: Running) -> None:
    headers = strict.headers("robin", Door.INSIDE) | {"Transfer-Encoding": "chunked"}
    start = head(strict, Door.INSIDE, "POST", f"{API}/requests", **headers) + b"1\r\n{\r\n0\r\n"
    answered = raw(strict, Door.INSIDE, start + b"x-more: yes\r\n" * (1 << 16))
    assert answered == b"" or answered.startswith(b"HTTP/1.1 400")


OTHER_DOOR = {
    Door.INSIDE: [
        ("GET", "/queue"),
        ("GET", "/events"),
        ("GET", "/export"),
        ("GET", "/projects/demo/people"),
        ("POST", "/projects/demo/passes"),
        ("POST", "/requests/{id}/decisions"),
        ("POST", "/requests/{id}/revoke"),
        ("POST", "/requests/{id}/retry"),
        ("GET", "/requests/{id}/record"),
        ("GET", "/requests/{id}/files/{id}/preview"),
        ("GET", "/requests/{id}/files/{id}/content"),
        ("GET", "/sign-in"),
    ]
}
NUMBER = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(("method", "path"), OTHER_DOOR[Door.INSIDE])
def test_what_staff_do_does_not_exist_inside(running: Running, method: str, path: str) -> None:
    with running.client("robin", Door.INSIDE) as inside:
        answer = inside.request(
            method, f"{API}{path.replace('{id}', NUMBER)}", json={} if method == "POST" else None
        )
    assert answer.status_code in {404, 405}


def test_the_doors_offer_what_their_descriptions_say_and_no_more(running: Running) -> None:
    with running.client() as nobody:
        calls = {
            door: {
                (method.upper(), path)
                for path, ways in good(nobody.get(f"{running.address(door)}{API}/openapi.json"))[
                    "paths"
                ].items()
                for method in ways
            }
            for door in DOORS
        }
    assert calls[Door.INSIDE] - calls[Door.OUTSIDE] == set()
    assert len(calls[Door.OUTSIDE] - calls[Door.INSIDE]) == len(OTHER_DOOR[Door.INSIDE])


def test_a_session_of_one_door_opens_nothing_at_the_other(running: Running) -> None:
    inside, outside = running.headers("robin", Door.INSIDE), running.headers("robin")
    with running.client() as client:
        assert client.get(f"{running.laptop.outside}{API}/me", headers=inside).status_code == 401
        mixed = {**outside, "Tre-Workload": inside["Tre-Workload"]}
        assert client.get(f"{running.laptop.inside}{API}/me", headers=mixed).status_code == 401
        assert client.get(f"{running.laptop.inside}{API}/me", headers=inside).status_code == 200


def test_a_workspace_speaks_for_its_own_project_alone(running: Running) -> None:
    session = running.headers("robin", Door.INSIDE, "demo")
    other = running.headers("robin", Door.INSIDE, "guarded")
    with running.client() as client:
        stolen = {**session, "Tre-Workload": other["Tre-Workload"]}
        assert client.get(f"{running.laptop.inside}{API}/me", headers=stolen).status_code == 401
        body = {"project": "guarded", "direction": "output", "title": "t"}
        asked = client.post(f"{running.laptop.inside}{API}/requests", json=body, headers=session)
        assert asked.status_code in {403, 404}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "path", ["/healthz", "/", "/nothing", f"{API}/me", f"{API}/openapi.json", "/static/x"]
)
def test_every_answer_carries_what_keeps_browsers_in_check(running: Running, door: Door, path: str) -> None:
    with running.client("", door) as nobody:
        headers = nobody.get(path, headers={"Accept": "text/html"}).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "evil.example\x00"])
def test_an_unknown_host_is_refused(running: Running, door: Door, host: str) -> None:
    answer = raw(running, door, head(running, door, "GET", f"{API}/projects", Host=host))
    assert answer.split(b" ")[1] in {b"421", b"400"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "SELF"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 401),
        ({"Origin": "SELF"}, 401),
    ],
)
def test_another_sites_page_changes_nothing_with_a_persons_cookie(
    running: Running, headers: dict[str, str], status: int
) -> None:
    own = {name: value.replace("SELF", running.laptop.outside) for name, value in headers.items()}
    with running.client() as browser:
        body = {"project": "demo", "direction": "output", "title": "t"}
        answer = browser.post(f"{API}/requests", json=body, headers={"Cookie": "tre=x", **own})
        assert answer.status_code == status
        assert answer.json()["code"] == {403: "refused", 401: "not-signed-in"}[status]


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0aX: y", "javascript:1"]
)
@pytest.mark.parametrize("path", ["/sign-in?next={}", "{}", "/?next={}", "/requests?next={}"])
def test_no_answer_leads_elsewhere(running: Running, path: str, target: str) -> None:
    answer = raw(
        running, Door.OUTSIDE, head(running, Door.OUTSIDE, "GET", path.format(target), Accept="text/html")
    )
    lines = answer.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    assert not [line for line in lines if line.startswith(b"x:")]
    for line in lines:
        if line.startswith(b"location:"):
            place = line.removeprefix(b"location:").strip()
            assert place.startswith(b"/") and not place.startswith((b"//", b"/\\"))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW"])
def test_no_other_method_does_anything(running: Running, door: Door, method: str) -> None:
    session = running.headers("robin", door)
    answer = raw(running, door, head(running, door, method, f"{API}/requests", **session))
    assert answer.split(b" ")[1] in {b"405", b"400", b"404"}
    assert b"access-control" not in answer.lower()


def test_looking_at_the_head_of_a_link_does_not_spend_it(running: Running) -> None:
    detail = released(running)
    file = detail["files"][0]
    with running.client("robin") as robin:
        place = f"{API}/requests/{detail['request']['id']}/files/{file['id']}/links"
        link = good(robin.post(place), 201)
        assert robin.head(f"{API}/links/{link['token']}").status_code == 405
        assert robin.get(f"{API}/links/{link['token']}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "a/../b",
        "a\\b",
        "a\x00b",
        "a\r\nSet-Cookie: x=y",
        "",
        ".",
        "a//b",
        "x" * 300,
        "a\u202egnp.exe",
        "ä" * 600,
    ],
)
def test_paths_that_climb_or_hide_are_refused(running: Running, path: str) -> None:
    with running.client("robin", Door.INSIDE) as inside:
        request_id = draft(inside)
        answer = inside.post(f"{API}/requests/{request_id}/files", json={"path": path})
        assert answer.status_code == 422
        assert answer.json()["code"] == "invalid"


@pytest.mark.parametrize(
    "where",
    [
        "/requests/../healthz",
        "/requests/%2e%2e/%2e%2e",
        "/requests/%00",
        "/links/%2e%2e%2f",
        "/requests/{{7*7}}",
    ],
)
def test_numbers_in_the_address_are_numbers(running: Running, where: str) -> None:
    answer = raw(
        running, Door.OUTSIDE, head(running, Door.OUTSIDE, "GET", f"{API}{where}", **running.headers("robin"))
    )
    assert answer.split(b" ")[1] in {b"404", b"422", b"400"}
    assert b"49" not in answer.partition(b"\r\n\r\n")[2]


def test_what_is_wrong_is_not_sent_back(running: Running) -> None:
    with running.client("robin", Door.INSIDE) as inside:
        for body in ({"project": "SeCrEt!", "direction": "x"}, {"SeCrEt": 1}, ["SeCrEt"], "SeCrEt"):
            answer = inside.post(f"{API}/requests", json=body)
            assert answer.status_code == 422
            assert "SeCrEt" not in answer.text
        answer = inside.post(
            f"{API}/requests", content=b'{"a": "SeCrEt', headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in {400, 422} and "SeCrEt" not in answer.text


@pytest.mark.parametrize(
    "title",
    ["{{7*7}}", "<script>alert(1)</script>", "${7*7}", "'; DROP TABLE requests;--", "Übersicht 表 🧬"],
)
def test_text_stays_text(running: Running, title: str) -> None:
    with running.client("robin", Door.INSIDE) as inside:
        request_id = draft(inside, title=title)
        assert good(inside.get(f"{API}/requests/{request_id}"))["request"]["title"] == title


@pytest.mark.parametrize("title", ["", "   ", "a\x00b", "a\nb", "\x1b[2J", "x" * 301, "\ud800"])
def test_titles_hold_no_control_characters(running: Running, title: str) -> None:
    with running.client("robin", Door.INSIDE) as inside:
        escaped = "".join(f"\\u{ord(each):04x}" for each in title)
        body = f'{{"project": "demo", "direction": "output", "title": "{escaped}"}}'
        answer = inside.post(
            f"{API}/requests", content=body.encode(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422


def test_a_number_like_a_header_cannot_be_put_into_the_answer(running: Running) -> None:
    with running.client() as nobody:
        kept = nobody.get("/healthz", headers={"X-Request-Id": "abcdef-0123"}).headers["x-request-id"]
        replaced = nobody.get("/healthz", headers={"X-Request-Id": "a b<script>"}).headers["x-request-id"]
    assert kept == "abcdef-0123"
    assert len(replaced) == 32 and replaced.isalnum()


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("a/table.csv", 'filename="table.csv"'),
        ('x";evil="1\r\nX: y', 'filename="x__evil__1__X__y"'),
        ("表 1.csv", "filename*=UTF-8''%E8%A1%A8%201.csv"),
    ],
)
def test_a_files_name_cannot_leave_its_header(path: str, plain: str) -> None:
    found = disposition(path)
    assert plain in found
    assert "\r" not in found and "\n" not in found and found.isascii()


def test_a_body_that_is_announced_as_too_large_is_not_read(strict: Running) -> None:
    session = strict.headers("robin", Door.INSIDE)
    large = {**session, "Content-Length": str(1 << 40), "Content-Type": "application/json"}
    answer = raw(strict, Door.INSIDE, head(strict, Door.INSIDE, "POST", f"{API}/requests", **large))
    assert answer.split(b" ")[1] == b"413"


def test_a_body_that_grows_too_large_is_cut(strict: Running) -> None:
    session = strict.headers("robin", Door.INSIDE)
    chunked = {**session, "Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    body = (b"400\r\n" + b"x" * 1024 + b"\r\n") * 3
    start = head(strict, Door.INSIDE, "POST", f"{API}/requests", **chunked)
    assert raw(strict, Door.INSIDE, start + body + b"0\r\n\r\n").split(b" ")[1] == b"413"


def test_a_part_that_grows_too_large_leaves_nothing(strict: Running) -> None:
    with strict.client("robin", Door.INSIDE) as inside:
        request_id = draft(inside)
        place = f"{API}/requests/{request_id}/files"
        file = good(inside.post(place, json={"path": "a.bin"}), 201)
        put = f"{place}/{file['id']}/content"

        def grows() -> Iterator[bytes]:
            for _ in range(5):
                yield b"y" * 1024

        assert inside.put(put, params={"offset": 0}, content=grows()).status_code == 413
        assert good(inside.put(put, params={"offset": 0, "last": True}, content=b"z"))["size"] == 1


def test_a_body_that_stops_coming_is_given_up(strict: Running) -> None:
    session = strict.headers("robin", Door.INSIDE)
    slow = {**session, "Content-Length": "100", "Content-Type": "application/json"}
    start = head(strict, Door.INSIDE, "POST", f"{API}/requests", **slow)
    assert raw(strict, Door.INSIDE, start + b'{"a').split(b" ")[1] == b"408"


def test_a_broken_upload_keeps_nothing_and_can_be_sent_again(running: Running) -> None:
    with running.client("robin", Door.INSIDE) as inside:
        request_id = draft(inside)
        file = good(inside.post(f"{API}/requests/{request_id}/files", json={"path": "a.bin"}), 201)
        put = f"{API}/requests/{request_id}/files/{file['id']}/content"
        connection = http.client.HTTPConnection("127.0.0.1", running.laptop.port + 1, timeout=20)
        connection.putrequest("PUT", f"{put}?offset=0")
        for name, value in {**running.headers("robin", Door.INSIDE), "Content-Length": "1000000"}.items():
            connection.putheader(name, value)
        connection.endheaders(b"x" * 1000)
        connection.close()
        assert good(inside.put(put, params={"offset": 0, "last": True}, content=b"whole"))["size"] == 5


def test_two_bodies_in_one_are_refused(running: Running) -> None:
    session = running.headers("robin", Door.INSIDE)
    smuggled = {**session, "Content-Length": "4", "Transfer-Encoding": "chunked"}
    start = head(running, Door.INSIDE, "POST", f"{API}/requests", **smuggled)
    answer = raw(running, Door.INSIDE, start + b"0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_who_asks_too_often_is_told_to_wait(tmp_path: Path) -> None:
    rates = Rates(
        person=Rate(burst=3, each_second=0.001),
        address=Rate(burst=20, each_second=0.001),
        sign_in=Rate(burst=2, each_second=0.001),
    )
    with airlock(tmp_path / "laptop", rates=rates) as found, found.client("robin") as robin:
        assert [robin.get(f"{API}/me").status_code for _ in range(4)] == [200, 200, 200, 429]
        tried = {"name": "robin", "password": "x", "code": "000000"}
        answers = [robin.post(f"{API}/sign-in", json=tried) for _ in range(3)]
        assert [each.status_code for each in answers] == [401, 401, 429]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert 429 in {robin.get("/healthz").status_code for _ in range(20)}


def test_the_log_names_the_person_and_never_what_they_sent(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with running.client("robin", Door.INSIDE) as inside, caplog.at_level("INFO", logger="portal"):
        request_id = draft(inside, title="a-telling-title")
        add(inside, request_id, "a-telling-path.csv", b"a-telling-value")
    fields = [vars(each).get("fields", {}) for each in caplog.records]
    mine = [each for each in fields if each.get("airlock_request") == request_id]
    assert {each["person"] for each in mine} == {"robin"}
    assert "telling" not in str(fields) + caplog.text
    assert running.token("robin", Door.INSIDE, "demo") not in str(fields) + caplog.text


def test_a_request_of_another_project_is_not_there(running: Running) -> None:
    with running.client("robin", Door.INSIDE, "guarded") as inside, running.client("sasha") as sasha:
        request_id = submitted(inside, project="guarded")
        assert sasha.get(f"{API}/requests/{request_id}").status_code == 404
        with running.client("casey") as casey:
            reached(casey, request_id, "in_review")
        assert request_id not in {each["id"] for each in good(sasha.get(f"{API}/requests"))["items"]}
