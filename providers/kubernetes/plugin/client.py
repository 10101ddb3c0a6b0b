"""Requests to the API server: pooled connections, bounded retries, watches.

urllib3, because it is thread-safe, keeps connections alive and imports in a tenth of a second; the official
client's dynamic layer takes 0.6 s and twice the memory, and builds classes this plugin has no use for.
"""

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import urllib3

from providers.kubernetes.plugin.errors import Unreachable, api_error
from providers.kubernetes.plugin.kubeconfig import Endpoint
from providers.kubernetes.plugin.values import Object

_CONNECTIONS = 256
"""Kept open at most; the engine's own parallelism is the real bound."""
_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 60
_DELAYS = (0.2, 0.4, 0.8, 1.6, 3.0, 5.0, 5.0, 5.0, 5.0)
"""Seconds between tries: about 26 s in all, enough for an API server to restart."""
_BUSY = frozenset({429, 500, 502, 503, 504})
_LASTING = ("failed to create typed", "field not declared in schema", "failed to create manager")
"""Faults of the request itself that the server reports as its own (HTTP 500)."""
Query = Mapping[str, str]


class Client:
    """A client for one API server; safe to use from many threads."""

    def __init__(self, endpoint: Endpoint, delays: tuple[float, ...] = _DELAYS) -> None:
        self._endpoint = endpoint
        self._delays = delays
        self._pool = urllib3.PoolManager(
            num_pools=2,
            maxsize=_CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS),
            ssl_context=endpoint.ssl_context,
            assert_hostname=endpoint.host_name,
            server_hostname=endpoint.host_name,
        )
        self._stopped = threading.Event()

    @property
    def server(self) -> str:
        """The API server's address."""
        return self._endpoint.server

    def request(
        self, method: str, path: str, query: Query | None = None, body: Any = None, kind: str = ""
    ) -> Object:
        """The API server's answer, as JSON. `kind` is the body's media type.

        Every request the plugin makes may be repeated: connection errors, HTTP 429 and 5xx are retried with
        growing delays. Raises Unreachable after the last, ApiError when the server refuses.
        """
        reason = ""
        for delay in (*self._delays, None):
            try:
                answer = self._send(method, path, query, body, kind)
            except urllib3.exceptions.SSLError as error:
                raise self._untrusted(error) from error
            except urllib3.exceptions.HTTPError as error:
                reason, wait = _plain_reason(error), delay
            else:
                if answer.status < HTTPStatus.BAD_REQUEST:
                    return json.loads(answer.data) if answer.data else {}
                failure = api_error(answer.status, _body(answer.data))
                if delay is None or not _may_pass(answer.status, failure.message):
                    raise failure
                wait = max(delay, _retry_after(answer))
            if wait is None:
                break
            time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311  spreads retries, guards nothing
        raise self._unreachable(reason)

    def text(self, path: str) -> str:
        """The API server's answer as it is. Raises ApiError when the server refuses."""
        answer = self._send("GET", path, None, None, "")
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise api_error(answer.status, _body(answer.data))
        return answer.data.decode(errors="replace")

    def watch(self, path: str, query: Query, seconds: int) -> Iterator[Object]:
        """Events of the objects at `path` for at most `seconds`, as Kubernetes sends them: `type` and `object`.

        Ends early without an error when the connection is lost: whoever waits reads the object and watches on.
        Raises ApiError when the server refuses the watch.
        """
        query = {**query, "watch": "true", "timeoutSeconds": str(seconds)}
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=seconds + _CONNECT_SECONDS)
        answer: urllib3.BaseHTTPResponse | None = None
        try:
            answer = self._pool.request(
                "GET",
                self._url(path, query),
                headers=self._headers(""),
                preload_content=False,
                timeout=timeout,
            )
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise api_error(answer.status, _body(answer.read()))
            yield from _lines(answer)
        except urllib3.exceptions.HTTPError:
            return
        finally:
            if answer is not None:
                answer.close()

    def _send(
        self, method: str, path: str, query: Query | None, body: Any, kind: str
    ) -> urllib3.BaseHTTPResponse:
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        return self._pool.request(method, self._url(path, query), body=content, headers=self._headers(kind))

    def _url(self, path: str, query: Query | None) -> str:
        return f"{self._endpoint.server}{path}{'?' + urlencode(query) if query else ''}"

    def _headers(self, kind: str) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "tre-kubernetes-plugin"}
        if kind:
            headers["Content-Type"] = kind
        token = self._endpoint.token.current()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _untrusted(self, error: urllib3.exceptions.SSLError) -> Unreachable:
        return Unreachable(
            f"The API server at {self._endpoint.server} does not prove to be the one in the kubeconfig: {error}. "
            "Check the kubeconfig's address and certificate authority: it may belong to an earlier cluster."
        )

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable(
            f"The API server at {self._endpoint.server} does not answer ({reason}; tried {len(self._delays) + 1} "
            f"times over {sum(self._delays):.0f} s). Check that the cluster runs and that the kubeconfig names it, "
            "then run again: what was deployed is recorded and the rest is taken up from there."
        )


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[Object]:
    rest = b""
    for chunk in answer.stream(amt=None):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield json.loads(line)


def _body(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")


def _may_pass(status: int, message: str) -> bool:
    return status in _BUSY and not any(text in message for text in _LASTING)


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float:
    value = answer.headers.get("Retry-After", "")
    return min(float(value), max(_DELAYS)) if value.isdigit() else 0.0


def _plain_reason(error: urllib3.exceptions.HTTPError) -> str:
    match error:
        case urllib3.exceptions.NewConnectionError():
            return "connection refused"
        case urllib3.exceptions.TimeoutError():
            return "no answer in time"
        case _:
            return f"{type(error).__name__}: connection lost"
