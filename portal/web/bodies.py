"""How much one call may send, counted while it comes: nothing is buffered, and nothing is waited for without end."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.settings import Bodies
from portal.web.errors import Cut, own, told

_PART: Final = re.compile(r"^(?:/api/v1)?/requests/[^/]+/files/[^/]+/content$")
_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class BodyLimits:
    """Refuses bodies that are too large, as announced or as they come, and such as never end."""

    def __init__(self, app: ASGIApp, limits: Bodies) -> None:
        self.app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] in _BODILESS:
            await self.app(scope, receive, send)
            return
        limit = self._limit(scope)
        if _announced(scope) > limit:
            await told(scope, own(413))(scope, receive, send)
            return
        await self.app(scope, _Counted(receive, limit, self._limits), send)

    def _limit(self, scope: Scope) -> int:
        is_part = scope["method"] == "PUT" and _PART.match(scope["path"])
        return self._limits.part if is_part else self._limits.document


def _announced(scope: Scope) -> int:
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(text) if text.isdigit() else 0


class _Counted:
    """A body as it comes. Only time spent waiting for the caller is held against the caller."""

    def __init__(self, receive: Receive, limit: int, limits: Bodies) -> None:
        self._receive = receive
        self._limit = limit
        self._limits = limits
        self._size = 0
        self._waited = 0.0
        self._whole = False

    async def __call__(self) -> Message:
        """Return the next message."""
        if self._whole:  # What is waited for now is the end of the connection, however late.
            return await self._receive()
        began = time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), self._limits.patience)
        except TimeoutError:
            raise Cut(408) from None
        self._waited += time.monotonic() - began
        if message["type"] == "http.request":
            self._count(message)
        return message

    def _count(self, message: Message) -> None:
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > self._limit:
            raise Cut(413)
        overdue = self._waited > self._limits.patience
        if not self._whole and overdue and self._size < self._waited * self._limits.slowest:
            raise Cut(408)
