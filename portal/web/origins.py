"""Who may call from where: known host names, and no unsafe call that another site's page has made.

A browser sends its cookies with whatever page asks it to; so a call that changes something and carries cookies must
come from the portal's own pages (Fetch metadata, or else the `Origin` header). Calls with a bearer token carry
nothing that a browser adds by itself, and need no such proof.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from portal.domain.errors import AirlockError, Refused
from portal.settings import DoorPlace
from portal.web.errors import own, told

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PROBES: Final = frozenset({"/healthz", "/readyz"})


class Origins:
    """Refuses unknown hosts, and unsafe calls of other sites' pages."""

    def __init__(self, app: ASGIApp, place: DoorPlace) -> None:
        self.app = app
        self._hosts = frozenset(name.encode() for name in place.names())
        self._scheme = b"https://" if place.secure else b"http://"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (error := self._problem(scope)):
            await told(scope, error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _problem(self, scope: Scope) -> AirlockError | None:
        # Probes ask by the machine's address; they learn nothing and change nothing.
        if scope["path"] in _PROBES:
            return None
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").lower()
        if host not in self._hosts:
            return own(421)
        carried = b"cookie" in headers and b"authorization" not in headers
        if scope["method"] in _SAFE or not carried:
            return None
        if self._own_page(headers, host):
            return None
        return Refused("this call comes from another site's page", "Use the portal's own pages.")

    def _own_page(self, headers: dict[bytes, bytes], host: bytes) -> bool:
        if (site := headers.get(b"sec-fetch-site")) is not None:
            return site == b"same-origin"
        return headers.get(b"origin", b"").lower() == self._scheme + host
