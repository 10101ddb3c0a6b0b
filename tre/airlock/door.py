"""One door, as its callers see it: JSON in and out, streams of bytes, and errors that a person can act on."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

from tre.errors import ExitCode, InvalidInput, Problem, TreError, failure

PREFIX: Final = "/api/v1"
_PATIENCE: Final = 60
"""Seconds without a byte, after which a door is given up."""
_TRIES: Final = 5
_LONGEST_WAIT: Final = 30.0
_AGAIN: Final = frozenset({429, 503})
_SAFE_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_ENDS: Final[Mapping[str, ExitCode]] = {
    "refused": ExitCode.REFUSED,
    "not-signed-in": ExitCode.REFUSED,
    "invalid": ExitCode.INVALID,
    "too-large": ExitCode.INVALID,
}
Body = bytes | Iterable[bytes]


class DoorError(TreError):
    """What the door said no to. `told` is its whole answer; uploads read the right `offset` from it."""

    def __init__(self, where: str, status: int, told: Mapping[str, Any]) -> None:
        self.status = status
        self.told = told
        self.kind = str(told.get("code", ""))
        what = clean(str(told.get("what", f"answered {status}")))
        place = clean(str(told.get("where") or where))
        problem = Problem(place, what, clean(str(told.get("remedy", ""))))
        super().__init__(problem, code=_ENDS.get(self.kind, ExitCode.FAILED))


def clean(text: str) -> str:
    """Return text that came from elsewhere, without anything that a terminal would obey."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def origin(address: str) -> str:
    """Return a door's address in its one form.

    Raises:
        InvalidInput: it is no origin, or secrets would travel without TLS beyond this machine.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise InvalidInput(
            Problem(address, "this is no address of a door", "Such as https://airlock.example.org")
        )
    if parts.username or (parts.scheme == "http" and parts.hostname not in _SAFE_HOSTS):
        raise InvalidInput(Problem(address, "a door beyond this machine is reached by https alone"))
    return f"{parts.scheme}://{parts.netloc.lower()}"


@dataclass(frozen=True)
class Answer:
    """An answer whose body is still to be read."""

    status: int
    headers: http.client.HTTPMessage
    read: Callable[[int], bytes]


@dataclass
class Door:
    """A door at an origin. `headers` are called for each request, since tokens are renewed while a command runs."""

    address: str
    headers: Callable[[], Mapping[str, str]] = field(default=dict[str, str])

    @property
    def here(self) -> bool:
        """Tell whether the door is on this machine."""
        return urlsplit(self.address).hostname in _SAFE_HOSTS

    def get(self, path: str, **query: object) -> Any:
        """Return what a path answers."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str = "") -> Any:
        """Send a document; `key` makes it safe to send again (`Idempotency-Key`)."""
        return self.call("POST", path, body, key=key)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, object] | None = None,
        key: str = "",
    ) -> Any:
        """Make one call and return its JSON, waiting where the door asks for patience.

        Raises:
            DoorError: the door says no.
            TreError: the door cannot be reached.
        """
        again = method != "POST" or bool(key)
        extra = {"Idempotency-Key": key} if key else {}
        encoded = None if body is None else json.dumps(body).encode()
        for attempt in range(_TRIES):
            try:
                with self.open(method, path, encoded, query=query, extra=extra) as answer:
                    return _parsed(answer.read(-1))
            except DoorError as error:
                if error.status not in _AGAIN or attempt == _TRIES - 1:
                    raise
            except Unreachable:
                if not again or attempt == _TRIES - 1:
                    raise
            time.sleep(min(_LONGEST_WAIT, 0.5 * 2**attempt))
        raise AssertionError("the last try either returns or raises")

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Mapping[str, object] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Generator[Answer]:
        """Make one call and give its answer to be read, once. Redirects are never followed.

        Raises:
            DoorError: the door says no.
            Unreachable: it does not answer.
        """
        target = f"{PREFIX}{path}{_query(query or {})}"
        kind = {"Content-Type": "application/json"} if isinstance(body, bytes) else {}
        with _told(self.address), _connected(self.address) as connection:
            # A door may refuse a long body before it has come; what it said is then still to be read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body, {**kind, **self.headers(), **(extra or {})})
            answer = connection.getresponse()
            if answer.status >= http.client.MULTIPLE_CHOICES:
                raise DoorError(self.address, answer.status, _problem(answer))
            yield Answer(answer.status, answer.headers, lambda size: answer.read(None if size < 0 else size))


class Unreachable(TreError):
    """The door does not answer."""


@contextlib.contextmanager
def _told(address: str) -> Generator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise failure(
            address, f"cannot prove who it is: {error.verify_message}", "Name its authority in SSL_CERT_FILE."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # A file of this machine, not the door.
        remedy = "Look at the address (--door or TRE_AIRLOCK), then run the same command again."
        problem = Problem(address, f"the door does not answer: {error or type(error).__name__}", remedy)
        raise Unreachable(problem) from error


@contextlib.contextmanager
def _connected(address: str) -> Generator[http.client.HTTPConnection]:
    parts = urlsplit(address)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.netloc, timeout=_PATIENCE, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=_PATIENCE)
    connection.blocksize = 1 << 20
    with contextlib.closing(connection):
        yield connection


def _query(query: Mapping[str, object]) -> str:
    given = {name: _text(value) for name, value in query.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parsed(body: bytes) -> Any:
    return json.loads(body) if body else None


def _problem(answer: http.client.HTTPResponse) -> Mapping[str, Any]:
    try:
        found: Any = json.loads(answer.read(1 << 20))
    except ValueError:
        return {}
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}
