"""Signing in as people do, without a browser: the portal's own page, the sign-in service's forms, and back."""

from __future__ import annotations

import html
import re
import ssl
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx
from pyotp.totp import TOTP

from components.backend import Entrance
from providers.kubernetes.doors import realm
from tre.errors import failure

_PATIENCE: Final = 30.0
_TRIES: Final = 5
_ACTION: Final = re.compile(r'<form[^>]*\baction="([^"]+)"')
API: Final = "/api/v1"


@dataclass(frozen=True)
class Answer:
    """What the portal answered: its status, and its document where there is one."""

    status: int
    document: Any

    @property
    def done(self) -> bool:
        """Tell whether it did what was asked."""
        return 200 <= self.status < 300  # RFC 9110


class Visitor:
    """One person at the outside door, with a cookie jar of their own."""

    def __init__(self, entrance: Entrance, name: str) -> None:
        self.name, self._entrance = name, entrance
        trust = ssl.create_default_context(cadata="\n".join(entrance.authorities))
        self._http = httpx.Client(verify=trust, timeout=_PATIENCE, follow_redirects=True, trust_env=False)

    def close(self) -> None:
        """Forget the session."""
        self._http.close()

    def _call(self, method: str, address: str, **more: Any) -> httpx.Response:
        """Make one call, again where nobody took it: a refused connection has done nothing.

        Raises:
            TreError: nobody answers.
        """
        for attempt in range(_TRIES):
            try:
                return self._http.request(method, address, **more)
            except httpx.ConnectError:
                time.sleep(attempt)
            except httpx.HTTPError as error:
                raise failure(_origin(address), f"does not answer: {type(error).__name__}") from error
        raise failure(_origin(address), "takes no connection", "Look whether its pods are ready.")

    def sign_in(self, *, password: str = "", code: str = "") -> bool:
        """Sign in with both factors, and tell whether the portal took the person in.

        `password` and `code` stand for wrong ones; without them the person's own are used.
        """
        own = self._entrance.people[self.name]
        form = self._call("GET", f"{self._entrance.portal}/sign-in/institution")
        form = self._sent(form, {"username": self.name, "password": password or own.password})
        if form is None or "otp" not in form.text:
            return False
        self._sent(form, {"otp": code or TOTP(own.code_secret).now()})
        return self.ask("GET", "/me").done

    def password_grant(self) -> int:
        """Ask the realm for a token with a name and the right password alone; return its status (RFC 6749, 4.3)."""
        own = self._entrance.people[self.name]
        asked = {
            "grant_type": "password",
            "client_id": realm.COMMAND_LINE,
            "username": self.name,
            "password": own.password,
        }
        return self._call("POST", f"{self._realm()}/protocol/openid-connect/token", data=asked).status_code

    def registration(self) -> int:
        """Ask the realm for the form in which people register by themselves; return its status."""
        asked = {"client_id": realm.COMMAND_LINE, "response_type": "code", "scope": "openid"}
        address = f"{self._realm()}/protocol/openid-connect/registrations"
        return self._call("GET", address, params=asked).status_code

    def _realm(self) -> str:
        form = self._call("GET", f"{self._entrance.portal}/sign-in/institution")
        found = re.match(r"(https://[^?]*/realms/[^/?]+)/", str(form.url))
        if found is None:
            raise failure(
                "sign-in service", "is not where the portal sends people", "Look at the door's log."
            )
        return found.group(1)

    def first_factor_alone(self) -> bool:
        """Stop after the password, and tell whether the portal takes the person in all the same."""
        form = self._call("GET", f"{self._entrance.portal}/sign-in/institution")
        own = self._entrance.people[self.name]
        asked = self._sent(form, {"username": self.name, "password": own.password})
        if asked is None or "otp" not in asked.text:
            raise failure(self.name, "was not asked for a second factor", "Look at the realm's flow.")
        return self.ask("GET", "/me").done

    def _sent(self, page: httpx.Response, fields: dict[str, str]) -> httpx.Response | None:
        found = _ACTION.search(page.text)
        return self._call("POST", html.unescape(found.group(1)), data=fields) if found else None

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Make one call at the outside door."""
        # Cookies count for calls of the portal's own pages alone.
        headers = {"Origin": self._entrance.portal, "Sec-Fetch-Site": "same-origin"}
        address = f"{self._entrance.portal}{API}{path}"
        answer = self._call(method, address, json=body, headers=headers)
        try:
            return Answer(answer.status_code, answer.json())
        except ValueError:
            return Answer(answer.status_code, answer.text)


def _origin(address: str) -> str:
    return "/".join(address.split("/", 3)[:3])


def patiently(visitor: Visitor, seconds: float) -> None:
    """Sign somebody in who may be on the list only since a moment ago.

    Raises:
        TreError: it did not work in time.
    """
    end = time.monotonic() + seconds
    while not visitor.sign_in():
        if time.monotonic() > end:
            raise failure(visitor.name, "could not sign in at the portal", "Look at the registrar's log.")
        # A code is taken once, and an account appears a few seconds after it was listed.
        time.sleep(3)
