"""What the web and the pages ask of sign-in: one protocol for each way of knowing who asks.

A request that carries `Authorization` is judged by that header alone, never by a cookie beside it. Who guards against
forged forms (CSRF) may therefore let requests with that header pass: a foreign page cannot set it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection
from starlette.responses import Response

from portal.domain.people import Person

SIGN_IN_PATH = "/sign-in"
"""Where the outside door begins a sign-in: `GET` goes to the issuer or shows the form, `POST` takes the form."""
RETURN_PATH = "/sign-in/return"
"""Where an issuer sends the browser back to; registered with the issuer below the door's public address."""
WORKLOAD_HEADER = "Tre-Workload"
"""Carries the workload token on every request at the inside door."""

Result = TypeVar("Result")


class Transactions(Protocol):
    """What sign-in needs of `portal.database`."""

    def reading(self) -> AbstractContextManager[Session]:
        """Return a session that only reads."""
        ...

    def write(self, change: Callable[[Session], Result], /) -> Result:
        """Make a change in one transaction, again where another was in the way."""
        ...


@dataclass(frozen=True)
class Cookie:
    """A cookie to set, or with `seconds` 0 to remove. Always HttpOnly, SameSite=Lax and for the whole host."""

    name: str
    value: str = field(repr=False)
    seconds: int
    secure: bool

    def put(self, response: Response) -> None:
        """Set it on an answer."""
        response.set_cookie(
            self.name,
            self.value,
            max_age=self.seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )


@dataclass(frozen=True)
class Going:
    """Where to send the browser (303), and which cookies to set with it."""

    location: str
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True)
class SignedIn:
    """A sign-in that succeeded. Browsers get `going`; command lines and workspaces get `token`, once."""

    person: Person
    token: str = field(repr=False)
    expires_at: datetime.datetime
    going: Going


class SignIn(Protocol):
    """What every door asks on every request."""

    async def person(self, request: HTTPConnection) -> Person:
        """Return who asks.

        Raises:
            NotSignedIn: nobody known.
            Unavailable: what would tell does not answer; nobody is let in meanwhile.
        """
        ...

    async def sign_out(self, request: HTTPConnection) -> Going:
        """End the session that the request carries; nothing happens where there is none."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class OutsideSignIn(SignIn, Protocol):
    """What both ways of signing in outside share."""

    def form_token(self, request: HTTPConnection) -> str:
        """Return what forms of this session carry against forgery; empty without a session cookie."""
        ...

    def form_token_fits(self, request: HTTPConnection, token: str) -> bool:
        """Tell whether a form's token is this session's, in constant time; never without a session cookie."""
        ...

    async def make_pass(self, person: Person, project: str) -> str:
        """Return a workspace pass to show once (`portal.sign_in.passes`).

        Raises:
            Refused: the person has no role in the project.
            TooMany: too many passes within ten minutes.
        """
        ...


class IssuerSignIn(OutsideSignIn, Protocol):
    """Sign-in by an OpenID Connect issuer."""

    @property
    def kind(self) -> Literal["issuer"]:
        """Tell that `GET /sign-in` leaves for the issuer at once."""
        ...

    async def begin(self, back: str) -> Going:
        """Send the browser to the issuer; afterwards it comes back to `back`, a path of our own (else `/`).

        Raises:
            Unavailable: the issuer does not answer.
        """
        ...

    async def finish(self, request: HTTPConnection) -> SignedIn:
        """Take the browser back from the issuer (`RETURN_PATH`).

        Raises:
            NotSignedIn: anything does not fit; begin again.
            Unavailable: the issuer does not answer.
        """
        ...


class AccountSignIn(OutsideSignIn, Protocol):
    """Sign-in by local accounts."""

    @property
    def kind(self) -> Literal["accounts"]:
        """Tell that `GET /sign-in` shows a form of name, password and code."""
        ...

    async def with_password(
        self, request: HTTPConnection, name: str, password: str, code: str, back: str
    ) -> SignedIn:
        """Sign in with name, password and one-time code; `back` is a path of our own (else `/`).

        Raises:
            NotSignedIn: they do not fit; nothing says which.
            TooMany: too many failures; the remedy says for how long.
            Unavailable: the accounts cannot be read, or others could read them.
        """
        ...


class InsideSignIn(SignIn, Protocol):
    """Sign-in of workspaces: `Authorization: Bearer <token>` and `Tre-Workload: <token>` on every request."""

    async def spend(self, request: HTTPConnection, workspace_pass: str) -> SignedIn:
        """Turn a workspace pass into a session for the workspace's own project; the request carries `Tre-Workload`.

        Raises:
            NotSignedIn: the pass is unknown, spent, expired or another project's; or the workload is not known.
            TooMany: too many tries from this project.
            Unavailable: what would tell does not answer.
        """
        ...


Outside = IssuerSignIn | AccountSignIn
"""How a site signs people in; told apart by `kind`."""
