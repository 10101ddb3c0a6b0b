"""Sign-in of a browser at the inside door.

The door wants two proofs on every request, in headers: the person's session and the workspace's token. A browser sends
neither header by itself; so the page of sign-in puts both into cookies that no script can read and no other site's
page can use, and every page takes them from there.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from portal.pages import forms
from portal.sign_in.interface import WORKLOAD_HEADER, Cookie, SignedIn

_SESSION: Final = "tre-workspace"
_WORKLOAD: Final = "tre-workload"
_HOURS: Final = 8 * 3600


def _name(plain: str, secure: bool) -> str:
    # `__Host-` makes browsers hold the cookie to this host and to https.
    return f"__Host-{plain}" if secure else plain


def with_headers(request: Request, secure: bool, workload: str = "") -> Request:
    """Return the request as a program would have sent it: the cookies' proofs as headers, where it has none."""
    known = request.headers
    session = request.cookies.get(_name(_SESSION, secure), "")
    workload = workload or request.cookies.get(_name(_WORKLOAD, secure), "")
    added: list[tuple[bytes, bytes]] = []
    if session and "authorization" not in known:
        added.append((b"authorization", f"Bearer {session}".encode("latin-1", "replace")))
    if workload and WORKLOAD_HEADER not in known:
        added.append((WORKLOAD_HEADER.lower().encode(), workload.encode("latin-1", "replace")))
    if not added:
        return request
    scope: dict[str, Any] = {**request.scope, "headers": [*request.scope["headers"], *added]}
    return Request(scope, request.receive)


def signed_in_before(request: Request, secure: bool) -> bool:
    """Tell whether the browser holds a session, which may well outlive the workspace's token."""
    return bool(request.cookies.get(_name(_SESSION, secure)))


def form_token(request: Request, secure: bool) -> str:
    """Return what forms of this session carry; empty without a session."""
    return forms.token_of(request.cookies.get(_name(_SESSION, secure), ""))


def form_token_fits(request: Request, secure: bool, token: str) -> bool:
    """Tell whether a form's token is this session's, in constant time; never without a session."""
    wanted = form_token(request, secure)
    return bool(wanted) and hmac.compare_digest(wanted.encode(), token.encode())


def keep(response: Response, signed: SignedIn | None, workload: str, secure: bool) -> None:
    """Keep both proofs in the browser; without a new session, the workspace's new token alone."""
    if signed:
        Cookie(_name(_SESSION, secure), signed.token, _HOURS, secure).put(response)
    if workload:
        Cookie(_name(_WORKLOAD, secure), workload, _HOURS, secure).put(response)


def forget(response: Response, secure: bool) -> None:
    """Take both proofs from the browser."""
    for name in (_SESSION, _WORKLOAD):
        Cookie(_name(name, secure), "", 0, secure).put(response)
