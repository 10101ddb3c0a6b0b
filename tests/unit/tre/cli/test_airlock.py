"""The airlock's client against doors and issuers that lie, break off or say no."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tre import cli
from tre.airlock import device, fetching, sending, sessions
from tre.airlock.door import Door, DoorError, Unreachable, clean, origin
from tre.airlock.session import Session
from tre.errors import ExitCode, InvalidInput, Refused, TreError

Told = tuple[int, dict[str, str], bytes]
Talk = Callable[[str, str, bytes], Told]
NUMBER = "00000000-0000-4000-8000-000000000000"


@contextlib.contextmanager
def served(talk: Talk) -> Generator[str]:
    """Serve what `talk` says to method, path with query, and body; give the address."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, answer = talk(self.command, self.path, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = _any

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def said(document: object, status: int = 200) -> Told:
    """Return an answer of JSON."""
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def always(answer: Told) -> Talk:
    """Return a talk that says one thing, whatever it is asked."""

    def talk(method: str, path: str, body: bytes) -> Told:
        return answer

    return talk


def _no_wait(seconds: float) -> None:
    """Do not wait."""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a state folder of the test's own, and no waiting between tries."""
    monkeypatch.setenv("TRE_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("tre.airlock.door.time.sleep", _no_wait)


@pytest.mark.parametrize(
    "address",
    [
        "http://airlock.example.org",
        "ftp://127.0.0.1",
        "https://u:p@x.example",
        "https://x.example/path",
        "x",
        "",
    ],
)
def test_secrets_go_to_origins_alone_and_by_https(address: str) -> None:
    with pytest.raises(InvalidInput):
        origin(address)


def test_an_origin_has_one_form() -> None:
    assert origin("HTTPS://Airlock.Example.org/") == "https://airlock.example.org"
    assert origin("http://127.0.0.1:8420") == "http://127.0.0.1:8420"


def test_a_door_cannot_write_to_the_terminal() -> None:
    assert clean("a\x1b[2Jb\u202ec\nd") == "a\ufffd[2Jb\ufffdc\ufffdd"


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("refused", ExitCode.REFUSED),
        ("not-signed-in", ExitCode.REFUSED),
        ("invalid", ExitCode.INVALID),
        ("too-large", ExitCode.INVALID),
        ("conflict", ExitCode.FAILED),
        ("\x1b[31m", ExitCode.FAILED),
    ],
)
def test_a_no_ends_with_its_exit_code(code: str, ends: ExitCode) -> None:
    told = {"code": code, "what": "no\x1b[2J", "remedy": "r", "where": "w"}
    with served(always(said(told, 409))) as address, pytest.raises(DoorError) as caught:
        Door(address).get("/me")
    assert caught.value.code is ends
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "answer", [(502, {}, b"<html>"), (500, {}, b""), (400, {}, b"[1]"), (404, {}, b'"x"')]
)
def test_an_answer_that_is_no_error_of_ours_is_told_all_the_same(answer: Told) -> None:
    with served(always(answer)) as address, pytest.raises(DoorError) as caught:
        Door(address).get("/me")
    assert str(answer[0]) in str(caught.value)


def test_no_redirect_is_followed() -> None:
    asked: list[str] = []

    def talk(method: str, path: str, body: bytes) -> Told:
        asked.append(path)
        return 302, {"Location": "/elsewhere"}, b""

    with served(talk) as address, pytest.raises(DoorError):
        Door(address, lambda: {"Authorization": "Bearer secret"}).get("/me")
    assert asked == ["/api/v1/me"]


def test_it_waits_and_asks_again_where_asked_for_patience() -> None:
    answers = [said({"code": "too-many"}, 429), said({"code": "unavailable"}, 503), said({"name": "robin"})]

    def talk(method: str, path: str, body: bytes) -> Told:
        return answers.pop(0)

    with served(talk) as address:
        assert Door(address).get("/me") == {"name": "robin"}
    assert answers == []


def test_what_must_not_happen_twice_is_not_asked_twice() -> None:
    with pytest.raises(Unreachable):
        Door("http://127.0.0.1:1").post("/requests", {})


def test_a_session_is_kept_for_its_owner_alone_and_forgotten() -> None:
    session = Session("http://127.0.0.1:1", "robin", "a-token", "2999-01-01T00:00:00+00:00")
    sessions.keep(session)
    (file,) = (sessions.folder() / "sessions").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert sessions.kept(session.door) == session
    assert "a-token" not in repr(session)
    sessions.forget(session.door)
    with pytest.raises(Refused):
        sessions.kept(session.door)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"door": 1}', '{"unknown": "x"}'])
def test_a_damaged_session_is_none(text: str) -> None:
    sessions.keep(Session("http://127.0.0.1:1", "robin", "t"))
    (file,) = (sessions.folder() / "sessions").iterdir()
    file.write_text(text)
    with pytest.raises(Refused):
        sessions.kept("http://127.0.0.1:1")


def test_a_session_that_is_over_is_none() -> None:
    sessions.keep(Session("http://127.0.0.1:1", "robin", "t", "2001-01-01T00:00:00+00:00"))
    with pytest.raises(Refused):
        sessions.kept("http://127.0.0.1:1")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "a\\b", "", ".", "link/x"])
def test_a_door_cannot_choose_a_place_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "to"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(Refused):
        fetching.place(folder, path)


def _released(content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"id": NUMBER, "request_id": NUMBER, "path": "a/t.csv", "size": len(content), "sha256": digest}


def _door_with(content: bytes, digest: str) -> Talk:
    def talk(method: str, path: str, body: bytes) -> Told:
        if method == "POST":
            return said({"token": "t" * 20}, 201)
        return 200, {"Repr-Digest": digest}, content

    return talk


def _digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def test_a_file_is_saved_once_it_is_whole_and_true(tmp_path: Path) -> None:
    with served(_door_with(b"good", _digest(b"good"))) as address:
        fetching.fetch(Door(address), _released(b"good"), tmp_path / "a" / "t.csv", lambda size: None)
    assert (tmp_path / "a" / "t.csv").read_bytes() == b"good"


@pytest.mark.parametrize(
    ("content", "digest"),
    [(b"evil", _digest(b"evil")), (b"evil", _digest(b"good")), (b"goo", _digest(b"good")), (b"good", "")],
)
def test_a_file_that_is_not_what_was_released_is_not_saved(
    tmp_path: Path, content: bytes, digest: str
) -> None:
    with (
        served(_door_with(content, digest)) as address,
        pytest.raises(TreError, match="not what was released"),
    ):
        fetching.fetch(Door(address), _released(b"good"), tmp_path / "t.csv", lambda size: None)
    assert [each for each in tmp_path.iterdir() if each.is_file()] == []


def test_folders_keep_their_paths_and_links_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "b.csv").write_text("1")
    (folder / "a.csv").write_text("22")
    assert [(each.path, each.size) for each in sending.found([folder])] == [
        ("results/a.csv", 2),
        ("results/deep/b.csv", 1),
    ]
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput):
        sending.found([folder])
    with pytest.raises(InvalidInput):
        sending.found([folder / "link"])


def test_two_files_of_one_path_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.csv").write_text(name)
    with pytest.raises(InvalidInput, match="same path"):
        sending.found([tmp_path / "a" / "t.csv", tmp_path / "b" / "t.csv"])


class Store:
    """A door that takes one file in parts, and breaks off where it is told to."""

    def __init__(self, *breaks: int) -> None:
        self.taken = b""
        self.complete = False
        self.breaks = list(breaks)
        self.removed = 0

    def __call__(self, method: str, path: str, body: bytes) -> Told:
        """Answer one call."""
        if method == "DELETE":
            self.taken, self.removed = b"", self.removed + 1
            return 204, {}, b""
        if method == "PUT":
            return self._part(parse_qs(urlsplit(path).query), body)
        return said(self._view(), 201)

    def _part(self, query: dict[str, list[str]], body: bytes) -> Told:
        if self.breaks:
            self.taken += body[: self.breaks.pop(0)]
        if int(query["offset"][0]) != len(self.taken):
            return said({"code": "conflict", "what": "elsewhere", "offset": len(self.taken)}, 409)
        assert hashlib.sha256(body).hexdigest() == query["sha256"][0]
        self.taken += body
        self.complete = query["last"] == ["true"]
        return said(self._view())

    def _view(self) -> dict[str, Any]:
        return {"id": NUMBER, "path": "a.bin", "size": len(self.taken), "complete": self.complete}


def _send(store: Store, file: Path) -> None:
    (local,) = sending.found([file])
    with served(store) as address:
        journal = sending.Journal("door", "demo", "t", [local])
        sending.send(Door(address), NUMBER, local, journal, lambda path, there, size: None)


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
def test_a_file_goes_in_parts_and_where_it_broke_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(sending, "WHOLE", 1000)  # The door of this test is on this machine.
    content = (bytes(range(251)) * 20)[:size]
    (tmp_path / "a.bin").write_bytes(content)
    for store in (Store(), Store(min(size, 300)), Store(min(size, 300), 0, min(size, 7))):
        _send(store, tmp_path / "a.bin")
        assert store.taken == content
        assert store.complete


def test_only_to_a_door_on_this_machine_a_file_goes_whole() -> None:
    assert sending.part_size(Door("http://127.0.0.1:8421")) == sending.WHOLE
    assert sending.part_size(Door("https://airlock.example.org")) == sending.PART < sending.WHOLE


def test_how_far_it_is_is_told_within_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PART", 2 << 20)
    (tmp_path / "a.bin").write_bytes(bytes(5 << 20))
    told: list[int] = []
    (local,) = sending.found([tmp_path / "a.bin"])
    with served(Store()) as address:
        journal = sending.Journal("door", "demo", "t", [local])
        sending.send(Door(address), NUMBER, local, journal, lambda path, there, size: told.append(there))
    assert told == [0, 2 << 20, 4 << 20, 5 << 20]


def test_a_file_that_changed_since_an_earlier_attempt_is_sent_anew(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"first")
    (before,) = sending.found([file])
    assert sending.Journal("door", "demo", "t", [before]).same(before)
    file.write_bytes(b"other")
    store = Store()
    store.taken = b"fir"
    _send(store, file)
    assert (store.taken, store.removed) == (b"other", 1)


def test_a_door_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x" * 10)
    with pytest.raises(TreError, match="no part of it arrives"):
        _stuck(tmp_path / "a.bin")


def _stuck(file: Path) -> None:
    (local,) = sending.found([file])

    def talk(method: str, path: str, body: bytes) -> Told:
        if method == "PUT":
            return said({"code": "conflict", "what": "elsewhere", "offset": 0}, 409)
        return said({"id": NUMBER, "path": "a.bin", "size": 0, "complete": False}, 201)

    with served(talk) as address:
        journal = sending.Journal("door", "demo", "t", [local])
        sending.send(Door(address), NUMBER, local, journal, lambda path, there, size: None)


class Issuer:
    """An issuer that lets a person think for a while."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.address = self.refusal = ""
        self.forms: list[dict[str, list[str]]] = []

    def __call__(self, method: str, path: str, body: bytes) -> Told:
        """Answer one call."""
        if path.endswith("openid-configuration"):
            places = {"device_authorization_endpoint": "/device", "token_endpoint": "/token"}
            return said({name: self.address + place for name, place in places.items()})
        self.forms.append(parse_qs(body.decode()))
        if path == "/device":
            if self.refusal:
                return said({"error": "invalid_request", "error_description": self.refusal}, 400)
            begun = {
                "device_code": "d",
                "user_code": "ABCD",
                "verification_uri": "https://x.example/\x1b",
                "interval": 1,
            }
            return said({**begun, "expires_in": 60})
        answer = self.answers.pop(0)
        return said(answer, 400 if "error" in answer else 200)


def _device(issuer: Issuer) -> tuple[Session, list[float], list[tuple[str, str]]]:
    waited: list[float] = []
    told: list[tuple[str, str]] = []
    with served(issuer) as address:
        issuer.address = address
        session = device.sign_in(
            "http://127.0.0.1:1",
            address,
            "tre",
            ["openid"],
            lambda place, code: told.append((place, code)),
            waited.append,
        )
    return session, waited, told


def test_a_person_approves_on_another_device() -> None:
    pending, slower = {"error": "authorization_pending"}, {"error": "slow_down"}
    issuer = Issuer(pending, slower, {"access_token": "a", "refresh_token": "r", "expires_in": 300})
    session, waited, told = _device(issuer)
    assert (session.token, session.refresh_token, session.over) == ("a", "r", False)
    assert waited == [1, 1, 6]
    assert told == [("https://x.example/\ufffd", "ABCD")]
    begun, *asked = issuer.forms
    assert (begun["client_id"], begun["scope"], begun["code_challenge_method"]) == (
        ["tre"],
        ["openid"],
        ["S256"],
    )
    for form in asked:  # RFC 7636, section 4.6
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        assert begun["code_challenge"] == [base64.urlsafe_b64encode(digest).decode().rstrip("=")]


def test_an_issuer_that_begins_no_sign_in_is_told_in_its_own_words() -> None:
    issuer = Issuer()
    issuer.refusal = "Missing parameter\x1b[2J"
    with pytest.raises(Refused, match="Missing parameter") as caught:
        _device(issuer)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "", "x\x1b[2J"])
def test_a_no_of_the_issuer_is_final(error: str) -> None:
    with pytest.raises(Refused) as caught:
        _device(Issuer({"error": error}))
    assert "\x1b" not in str(caught.value)


def test_who_takes_too_long_begins_anew() -> None:
    with pytest.raises(Refused, match="in time"):
        _device(Issuer(*[{"error": "authorization_pending"}] * 100))


def test_a_token_is_renewed_before_it_ends() -> None:
    issuer = Issuer({"access_token": "new", "expires_in": 300})
    with served(issuer) as address:
        issuer.address = address
        old = Session("http://127.0.0.1:1", "", "old", "2001-01-01T00:00:00+00:00", "", address, "tre", "r")
        sessions.keep(old)
        assert sessions.kept(old.door).headers() == {"Authorization": "Bearer new"}
    assert issuer.forms == [{"grant_type": ["refresh_token"], "refresh_token": ["r"], "client_id": ["tre"]}]


def test_a_door_that_is_not_there_is_told_with_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    sessions.keep(Session("http://127.0.0.1:1", "robin", "t", "2999-01-01T00:00:00+00:00"))
    assert cli.execute(["airlock", "projects", "--door", "http://127.0.0.1:1", "--json"]) == ExitCode.FAILED
    told = capsys.readouterr()
    assert "TRE_AIRLOCK" in json.loads(told.out)["problems"][0]["remedy"]


def test_without_a_terminal_nothing_is_decided(capsys: pytest.CaptureFixture[str]) -> None:
    detail: dict[str, Any] = {
        "request": {
            "id": NUMBER,
            "state": "in_review",
            "project": "demo",
            "title": "evil\x1b[2J",
            "requester_name": "robin",
            "purpose": "",
            "reason": "",
            "manifest_sha256": "0" * 64,
        },
        **{name: list[Any]() for name in ("files", "verdicts", "decisions", "allowed")},
        "approvals_had": 0,
        "approvals_needed": 1,
    }
    asked: list[str] = []

    def talk(method: str, path: str, body: bytes) -> Told:
        asked.append(method)
        return said(detail)

    with served(talk) as address:
        sessions.keep(Session(address, "casey", "t", "2999-01-01T00:00:00+00:00"))
        words = ["airlock", "review", NUMBER, "--approve", "--reason", "r", "--door", address]
        assert cli.execute(words) == ExitCode.REFUSED
        assert cli.execute([*words, "--yes", "--manifest", "1" * 64]) == ExitCode.REFUSED
    assert asked == ["GET", "GET"]
    assert "\x1b" not in capsys.readouterr().err
