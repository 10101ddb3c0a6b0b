"""Retries, against a small HTTP server that fails as told."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from providers.kubernetes.plugin.client import Client
from providers.kubernetes.plugin.errors import ApiError, Unreachable
from providers.kubernetes.plugin.kubeconfig import Endpoint, Token
from tests.engine.plugin.api_server import ApiServer
from tests.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]
DELAYS = (0.01, 0.01, 0.01)


class Scripted(ThreadingHTTPServer):
    """Answers each request with the next status and message; with 200 when there are no more."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, str]] = []
        self.requests = 0
        self.tokens: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    server: Scripted  # pyright: ignore[reportIncompatibleVariableOverride]  always started by a Scripted

    def do_GET(self) -> None:
        self.server.requests += 1
        self.server.tokens.append(self.headers.get("Authorization"))
        status, message = self.server.answers.pop(0) if self.server.answers else (200, "")
        body = json.dumps({"message": message}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with Scripted() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def client(port: int, token: str = "", context: ssl.SSLContext | None = None) -> Client:
    scheme = "https" if context else "http"
    return Client(Endpoint(f"{scheme}://127.0.0.1:{port}", context, "", None, Token(token)), DELAYS)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(scripted: Scripted, status: int) -> None:
    scripted.answers = [(status, "busy")] * 3
    assert client(scripted.server_port).request("GET", "/") == {"message": ""}
    assert scripted.requests == 4


def test_a_server_that_stays_busy_is_quoted(scripted: Scripted) -> None:
    scripted.answers = [(503, "etcd is away")] * 9
    with pytest.raises(ApiError, match="etcd is away"):
        client(scripted.server_port).request("GET", "/")
    assert scripted.requests == len(DELAYS) + 1


@pytest.mark.parametrize(
    ("status", "message"),
    [(403, "no"), (404, "none"), (409, "taken"), (422, "wrong"), (500, "failed to create typed x")],
)
def test_a_refusal_is_final(scripted: Scripted, status: int, message: str) -> None:
    scripted.answers = [(status, message)]
    with pytest.raises(ApiError, match=message):
        client(scripted.server_port).request("GET", "/")
    assert scripted.requests == 1


def test_a_token_is_sent(scripted: Scripted) -> None:
    client(scripted.server_port, "word").request("GET", "/")
    assert scripted.tokens == ["Bearer word"]


def test_a_server_that_is_away_is_named() -> None:
    port = free_port()
    with pytest.raises(
        Unreachable, match=rf"http://127\.0\.0\.1:{port} does not answer \(connection refused; tried 4"
    ):
        client(port).request("GET", "/")


def test_a_server_with_another_certificate_is_refused_at_once(api: ApiServer) -> None:
    with pytest.raises(Unreachable, match="does not prove to be the one in the kubeconfig"):
        client(api.port, context=ssl.create_default_context()).request("GET", "/version")
