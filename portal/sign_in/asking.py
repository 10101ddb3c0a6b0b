"""What a request carries: a bearer token or a session's cookie, and the paths that it may be sent back to."""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection

from portal.domain.errors import NotSignedIn
from portal.sign_in.interface import Cookie
from portal.sign_in.settings import SessionSettings

LONGEST: Final = 16 << 10
"""Characters of a token; longer ones are refused unread."""
_LONGEST_BACK: Final = 2000


def bearer(request: HTTPConnection) -> str | None:
    """Return the bearer token, or None where the request carries no `Authorization` at all.

    Raises:
        NotSignedIn: the header is there and is not one bearer token: a cookie beside it must not help.
    """
    found = request.headers.getlist("authorization")
    if not found:
        return None
    scheme, _, token = found[0].partition(" ")
    token = token.strip()
    if len(found) > 1 or scheme.lower() != "bearer" or not 0 < len(token) <= LONGEST:
        raise NotSignedIn(
            "the Authorization header is not one bearer token", "Sign in again.", "Authorization"
        )
    return token


def only(request: HTTPConnection, header: str) -> str:
    """Return the one value of a header.

    Raises:
        NotSignedIn: it is missing, empty, too long or there twice.
    """
    found = request.headers.getlist(header)
    if len(found) != 1 or not 0 < len(found[0].strip()) <= LONGEST:
        raise NotSignedIn(
            f"the header {header} is not there, or not once", "Send it with every request.", header
        )
    return found[0].strip()


def session_cookie(settings: SessionSettings, token: str, seconds: int) -> Cookie:
    """Return the cookie that holds a session's token, or with 0 seconds removes it."""
    return Cookie(settings.cookie_name, token, seconds, settings.secure)


def own_path(text: str) -> str:
    """Return a path of our own to send a browser to; `/` for whatever could lead anywhere else."""
    unsafe = not text.startswith("/") or text.startswith("//") or "\\" in text
    # Browsers drop tabs and line ends inside addresses: "/\t/elsewhere" would become "//elsewhere".
    if unsafe or len(text) > _LONGEST_BACK or not (text.isascii() and text.isprintable()) or " " in text:
        return "/"
    return text
