"""Sign-in by local accounts, for a laptop: name, password and one-time code."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from starlette.requests import HTTPConnection

from portal.domain.errors import NotSignedIn
from portal.domain.people import Person, grants
from portal.sign_in.accounts import Account, Accounts, folded
from portal.sign_in.asking import bearer, own_path
from portal.sign_in.attempts import Attempts, origin
from portal.sign_in.browser import Browser
from portal.sign_in.interface import SignedIn
from portal.sign_in.settings import LocalSettings, SessionSettings

_FREE_BY_NAME: Final = 5
_FREE_BY_ADDRESS: Final = 20
_AT_ONCE: Final = 2
"""Passwords tried at the same time: each takes 32 MiB and a core."""


class LocalSignIn(Browser):
    """The outside door's sign-in by local accounts (`portal.sign_in.interface.AccountSignIn`).

    Command lines sign in the same way, and send the session's token as their bearer token.
    """

    def __init__(self, settings: LocalSettings, sessions: SessionSettings, browser: Browser.Parts) -> None:
        super().__init__(sessions, browser)
        self._accounts = Accounts(settings.accounts_file, browser.clock)
        self._by_name = Attempts(browser.clock, _FREE_BY_NAME)
        self._by_address = Attempts(browser.clock, _FREE_BY_ADDRESS)
        self._turn = asyncio.Semaphore(_AT_ONCE)

    @property
    def kind(self) -> Literal["accounts"]:
        """Tell that `GET /sign-in` shows a form of name, password and code."""
        return "accounts"

    async def person(self, request: HTTPConnection) -> Person:
        """Return who asks: by a session's token as bearer token where the request carries one, else by cookie."""
        token = bearer(request)
        return await (self._of_cookie(request) if token is None else self.sessions.person(token))

    async def with_password(
        self, request: HTTPConnection, name: str, password: str, code: str, back: str
    ) -> SignedIn:
        """Sign in with name, password and one-time code."""
        key = folded(name)[:128]
        # Both count before anything is tried. Success clears the name; of the address it clears one try alone, so
        # that nobody can use an account of their own to go on guessing at others.
        where = origin(request)
        self._by_address.take(where)
        self._by_name.take(key)
        async with self._turn:
            account = await asyncio.to_thread(self._accounts.find, name, password, code)
        if account is None:
            raise NotSignedIn("name, password and code do not fit together", "Try again with a new code.")
        self._by_name.forgive(key)
        self._by_address.give_back(where)
        return await self._begin(request, self._person(account), own_path(back), account_ends=account.expires)

    def _person(self, account: Account) -> Person:
        return Person(
            subject=account.subject,
            name=account.name,
            full_name=account.full_name,
            email=account.email,
            grants=grants(self._site, account.groups),
            signed_in=self._clock(),
        )
