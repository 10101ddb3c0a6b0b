"""Requests as a browser, a command line or a workspace sends them, and the browser's way through an issuer."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request

from portal.sign_in.interface import Cookie, Going


def ask(
    query: str = "",
    *,
    cookies: Mapping[str, str] | None = None,
    bearer: str = "",
    workload: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    address: str = "192.0.2.1",
) -> Request:
    """Return a request with these parts."""
    sent = list(headers)
    if cookies:
        sent.append(("cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())))
    if bearer:
        sent.append(("authorization", f"Bearer {bearer}"))
    if workload:
        sent.append(("tre-workload", workload))
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent],
            "client": (address, 4000),
            "server": ("testserver", 80),
            "scheme": "https",
        }
    )


def jar(*cookies: Cookie) -> dict[str, str]:
    """Return the cookies that a browser sends after these were set."""
    return {cookie.name: cookie.value for cookie in cookies if cookie.seconds > 0}


def through_issuer(going: Going) -> Request:
    """Follow the browser to the issuer, and return the request with which it comes back."""
    answer = httpx.get(going.location, follow_redirects=False, trust_env=False)
    assert answer.status_code == 302
    return ask(urlsplit(answer.headers["location"]).query, cookies=jar(*going.cookies))
