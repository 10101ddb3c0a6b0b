"""What both ways of signing in outside share: the session in a cookie, forms against forgery, passes, sign-out."""

from __future__ import annotations

import asyncio
import datetime
import hmac
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection

from portal.domain.clock import Clock
from portal.domain.people import Door, Person
from portal.sign_in import people
from portal.sign_in.asking import bearer, session_cookie
from portal.sign_in.interface import Cookie, Going, SignedIn, Transactions
from portal.sign_in.passes import Passes
from portal.sign_in.sessions import Sessions, form_token, not_signed_in
from portal.sign_in.settings import SessionSettings

_NOTED_EVERY: Final = datetime.timedelta(hours=1)
_MOST_NOTED: Final = 4096


class Browser:
    """Sessions of the outside door, held in a cookie that scripts cannot read."""

    @dataclass(frozen=True)
    class Parts:
        """What a door's sign-in is built from."""

        database: Transactions
        clock: Clock
        site: str

    def __init__(self, settings: SessionSettings, parts: Parts) -> None:
        self._cookies = settings
        self._database = parts.database
        self._clock = parts.clock
        self._site = parts.site
        self.sessions = Sessions(parts.database, settings, parts.clock, Door.OUTSIDE)
        self._passes = Passes(parts.database, settings, parts.clock)
        self._lately: OrderedDict[str, datetime.datetime] = OrderedDict()

    async def sign_out(self, request: HTTPConnection) -> Going:
        """End the session that the request carries, in its cookie or as its bearer token."""
        await self.sessions.end(bearer(request) or self._token(request))
        return Going("/", (session_cookie(self._cookies, "", 0),))

    async def close(self) -> None:
        """Let go of connections: none is held between requests."""

    def form_token(self, request: HTTPConnection) -> str:
        """Return what forms of this session carry; empty without a session cookie."""
        token = self._token(request)
        return form_token(token) if token else ""

    def form_token_fits(self, request: HTTPConnection, token: str) -> bool:
        """Tell whether a form's token is this session's, in constant time; never without a session cookie."""
        wanted = self.form_token(request)
        return bool(wanted) and hmac.compare_digest(wanted.encode(), token.encode())

    async def make_pass(self, person: Person, project: str) -> str:
        """Return a workspace pass to show once."""
        return await self._passes.make(person, project)

    def _token(self, request: HTTPConnection) -> str:
        return request.cookies.get(self._cookies.cookie_name, "")

    async def _of_cookie(self, request: HTTPConnection) -> Person:
        token = self._token(request)
        if not token:
            raise not_signed_in()
        return await self.sessions.person(token)

    async def _begin(
        self,
        request: HTTPConnection,
        person: Person,
        back: str,
        cookies: tuple[Cookie, ...] = (),
        account_ends: datetime.date | None = None,
    ) -> SignedIn:
        """Begin a session with a token of its own; the one that the browser had before ends."""
        await self.sessions.end(self._token(request))
        token, ends = await self.sessions.begin(person, account_ends)
        cookie = session_cookie(self._cookies, token, int((ends - self._clock()).total_seconds()))
        return SignedIn(person, token, ends, Going(back, (*cookies, cookie)))

    async def _noted(self, person: Person, account_ends: datetime.date | None) -> None:
        """Note a person who comes without a session, once an hour."""
        now = self._clock()
        last = self._lately.get(person.subject)
        if last is not None and now - last < _NOTED_EVERY:
            return
        self._lately[person.subject] = now
        if len(self._lately) > _MOST_NOTED:
            self._lately.popitem(last=False)

        def change(session: Session) -> None:
            people.note(session, person, now, account_ends)

        await asyncio.to_thread(self._database.write, change)
