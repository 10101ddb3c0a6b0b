"""Headers that keep browsers from doing what the portal never needs, on every answer."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_YEAR: Final = 31_536_000
DOWNLOAD_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""For bytes that people have sent: whatever they are, nothing in them runs or loads."""


def content_policy(*form_targets: str) -> str:
    """Return the pages' content security policy: nothing inline, nothing from elsewhere.

    `form_targets` are origins to which a form's answer may lead on: the issuer, when signing in or out.
    """
    targets = " ".join(["'self'", *form_targets])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        f"connect-src 'self'; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
    )


class Headers:
    """Adds the headers; what an endpoint has set itself stays, so that it can be stricter."""

    def __init__(self, app: ASGIApp, policy: str, secure: bool) -> None:
        self.app = app
        self._given = _encoded(policy, secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(each for each in self._given if each[0] not in present),
                ]
            await send(message)

        await self.app(scope, receive, with_headers)


def _encoded(policy: str, secure: bool) -> tuple[tuple[bytes, bytes], ...]:
    wanted = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "cache-control": "no-store",
    }
    if secure:
        wanted["strict-transport-security"] = f"max-age={_YEAR}; includeSubDomains"
    return tuple((name.encode(), value.encode()) for name, value in wanted.items())
