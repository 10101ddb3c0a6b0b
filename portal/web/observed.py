"""What is kept of every request: a number to find it by, a line in the log, a span; and faults told in one form."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.domain.people import Door
from portal.web.errors import fault, told
from portal.web.logs import log
from portal.web.seen import Seen, begun
from portal.web.telemetry import Telemetry

_PREFIX: Final = "/api/v1"
_NUMBER: Final = re.compile(rb"^[A-Za-z0-9-]{8,64}$")
_GONE: Final = 499
"""What is logged where the caller hung up; nobody is there to be told."""
_QUIET: Final = frozenset({"/healthz", "/readyz"})


class Observed:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, door: Door, telemetry: Telemetry) -> None:
        self.app = app
        self._door = door
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, at = time.perf_counter(), time.time_ns()
        mine = begun(scope, _number(scope))

        async def with_number(message: Message) -> None:
            if message["type"] == "http.response.start":
                mine.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", mine.number.encode())]
            await send(message)

        try:
            await self._answered(scope, receive, with_number, mine)
        finally:
            self._tell(scope, mine, time.perf_counter() - began, at)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, mine: Seen) -> None:
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            mine.status = _GONE
        except Exception as error:
            log("a fault of the portal", logging.ERROR, error, request=mine.number, route=_route(scope))
            if mine.status:
                raise  # The answer has begun: cutting the connection is the only way left to say so.
            await told(scope, fault())(scope, receive, send)

    def _tell(self, scope: Scope, mine: Seen, seconds: float, at: int) -> None:
        if scope["path"] in _QUIET:
            return
        route, method = _route(scope), scope["method"]
        log(
            "answered",
            door=str(self._door),
            method=method,
            route=route,
            status=mine.status,
            ms=round(seconds * 1000, 1),
            request=mine.number,
            person=mine.person,
            airlock_request=str(scope.get("path_params", {}).get("request_id", ""))[:36],
            **({"why": mine.why} if mine.why else {}),
        )
        attributes: dict[str, str | int] = {
            "http.request.method": method if method in _METHODS else "_OTHER",
            "http.route": route,
            "http.response.status_code": mine.status,
            "portal.door": str(self._door),
        }
        self._telemetry.ended(f"{method} {route}", at, seconds, _parent(scope), attributes)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"})


def _number(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _NUMBER.match(given) else secrets.token_hex(16)


def _parent(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")


def _route(scope: Scope) -> str:
    """Return the route's pattern: the path itself may hold a link's token."""
    path = str(getattr(scope.get("route"), "path", ""))
    if not path:
        return "(none)"
    prefixed = str(scope["path"]).startswith(_PREFIX) and not path.startswith(_PREFIX)
    return f"{_PREFIX}{path}" if prefixed else path
