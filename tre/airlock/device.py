"""Signing in at an issuer from a terminal: the person approves in a browser, on any device (RFC 8628)."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import urlencode

from tre.airlock.door import clean, origin
from tre.airlock.session import Session
from tre.errors import Problem, Refused, TreError, failure

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_PATIENCE: Final = 30
_SLOWER: Final = 5
"""Seconds that RFC 8628 adds to the interval for each `slow_down`."""


def sign_in(
    door: str,
    issuer: str,
    client_id: str,
    scopes: Sequence[str],
    tell: Callable[[str, str], None],
    wait: Callable[[float], None] = time.sleep,
) -> Session:
    """Return a session once the person has approved it; `tell` is given the address and the code to type there.

    Raises:
        Refused: the person said no, or took too long.
        TreError: the issuer offers no such sign-in, or does not answer.
    """
    places, verifier = _places(issuer), secrets.token_urlsafe(48)
    begun = _asked(
        places["device"], {"client_id": client_id, "scope": " ".join(scopes), **_challenge(verifier)}
    )
    if "device_code" not in begun:
        why = clean(str(begun.get("error_description") or begun.get("error") or "without a reason"))
        raise Refused(Problem(issuer, f"the issuer begins no sign-in: {why}", "Ask the site's operator."))
    tell(
        clean(str(begun.get("verification_uri_complete") or begun["verification_uri"])),
        str(begun["user_code"]),
    )
    asked = {"client_id": client_id, "device_code": str(begun["device_code"]), "code_verifier": verifier}
    given = _approved(places["token"], asked, begun, wait)
    return _session(Session(door, "", "", issuer=issuer, client_id=client_id), given)


def renewed(session: Session) -> Session:
    """Return the session with a new token.

    Raises:
        Refused: the issuer gives none any more.
    """
    asked = {
        "grant_type": "refresh_token",
        "refresh_token": session.refresh_token,
        "client_id": session.client_id,
    }
    given = _asked(_places(session.issuer)["token"], asked)
    if "access_token" not in given:
        raise Refused(
            Problem(session.door, "the sign-in is over", f"tre airlock sign-in --door {session.door}")
        )
    return _session(session, given)


def _challenge(verifier: str) -> dict[str, str]:
    """Bind the sign-in to this process (RFC 7636): issuers that do not know it leave it unread."""
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return {"code_challenge": challenge, "code_challenge_method": "S256"}


def _approved(
    place: str, asked: Mapping[str, str], begun: Mapping[str, Any], wait: Callable[[float], None]
) -> Mapping[str, Any]:
    interval = float(begun.get("interval", _SLOWER))
    left = float(begun.get("expires_in", 600))
    while left > 0:
        wait(interval)
        left -= interval
        given = _asked(place, {"grant_type": _GRANT, **asked})
        if "access_token" in given:
            return given
        interval += _next_interval(str(given.get("error", "")))
    raise Refused(Problem("sign-in", "nobody approved it in time", "Sign in again."))


def _next_interval(error: str) -> float:
    if error == "authorization_pending":
        return 0.0
    if error == "slow_down":
        return float(_SLOWER)
    raise Refused(
        Problem("sign-in", f"the issuer said no: {clean(error) or 'without a reason'}", "Sign in again.")
    )


def _session(session: Session, given: Mapping[str, Any]) -> Session:
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(
        seconds=float(given.get("expires_in", 60))
    )
    return dataclasses.replace(
        session,
        token=str(given["access_token"]),
        expires_at=ends.isoformat(),
        refresh_token=str(given.get("refresh_token", session.refresh_token)),
    )


def _places(issuer: str) -> dict[str, str]:
    described = _fetched(urllib.request.Request(f"{_checked(issuer)}/.well-known/openid-configuration"))  # noqa: S310
    try:
        found = {
            "device": str(described["device_authorization_endpoint"]),
            "token": str(described["token_endpoint"]),
        }
    except KeyError:
        raise failure(issuer, "the issuer offers no sign-in by device", "Ask the site's operator.") from None
    for place in found.values():
        _checked(place)
    return found


def _checked(address: str) -> str:
    """Return an address, if secrets may go there: https, or http on this machine."""
    scheme, _, rest = address.partition("://")
    origin(f"{scheme}://{rest.partition('/')[0]}")
    return address.rstrip("/")


def _asked(place: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    return _fetched(urllib.request.Request(place, urlencode(form).encode(), {"Accept": "application/json"}))  # noqa: S310


def _fetched(request: urllib.request.Request) -> Mapping[str, Any]:
    opener = urllib.request.build_opener(_NoRedirects())
    try:
        with opener.open(request, timeout=_PATIENCE) as answer:
            return _document(answer.read(1 << 20))
    except urllib.error.HTTPError as error:
        return _document(error.read(1 << 20))
    except OSError as error:
        raise failure(request.host, f"the issuer does not answer: {error}", "Try again later.") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A code or token goes where it was meant to go, and nowhere else."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        """Follow nothing."""


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        found: Any = json.loads(body)
    except ValueError:
        raise TreError(Problem("issuer", "answered with what is no JSON", "Try again later.")) from None
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}
