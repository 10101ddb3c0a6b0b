"""Sessions: who is signed in, by the hash of a random token that their browser, command line or workspace holds.

What a session says is kept in the process for a few seconds, so that a page of requests asks the database once. A
session ended at another replica is therefore known here for at most `KEPT` seconds more.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import hmac
import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from portal.database.tables import SessionRow
from portal.domain.clock import Clock
from portal.domain.errors import NotSignedIn
from portal.domain.people import Door, Person
from portal.sign_in import people
from portal.sign_in.interface import Transactions
from portal.sign_in.settings import SessionSettings

KEPT: Final = datetime.timedelta(seconds=5)
"""How long the process trusts what it read of a session."""
SEEN_EVERY: Final = datetime.timedelta(minutes=1)
"""How often a session's last use is written, at most."""
_MOST_KEPT: Final = 4096
_SWEEP_EVERY: Final = datetime.timedelta(minutes=10)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass
class _Known:
    person: Person
    seen_at: datetime.datetime
    expires_at: datetime.datetime
    read_at: datetime.datetime


class Sessions:
    """The sessions of one door. A token of one door is nothing at the other."""

    def __init__(
        self, database: Transactions, settings: SessionSettings, clock: Clock, door: Door = Door.OUTSIDE
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._door = door
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._ended = 0
        self._lock = threading.Lock()
        self._swept: datetime.datetime | None = None

    @property
    def _longest(self) -> datetime.timedelta:
        inside = self._door is Door.INSIDE
        return datetime.timedelta(
            minutes=self._settings.inside_minutes if inside else self._settings.absolute_minutes
        )

    @property
    def _idle(self) -> datetime.timedelta:
        # Work in a workspace may be silent for hours; there the absolute limit and the workload token hold.
        return self._longest if self._door is Door.INSIDE else self._settings.idle

    async def begin(
        self, person: Person, account_ends: datetime.date | None = None
    ) -> tuple[str, datetime.datetime]:
        """Sign a person in; return the token, which is kept nowhere, and the moment at which the session ends."""
        token = new_token()
        ends = await asyncio.to_thread(
            self._database.write, lambda session: self.open(session, person, token, account_ends)
        )
        return token, ends

    def open(
        self, session: Session, person: Person, token: str, account_ends: datetime.date | None = None
    ) -> datetime.datetime:
        """Sign a person in within a transaction; return the moment at which the session ends."""
        now = self._clock()
        ends = min(now + self._longest, _end_of(account_ends)) if account_ends else now + self._longest
        self._sweep(session, now)
        session.add(
            SessionRow(
                token_sha256=_hash(token),
                door=self._door.value,
                person=people.document(person),
                subject=person.subject,
                bound_to=person.bound_to,
                made_at=now,
                seen_at=now,
                expires_at=ends,
            )
        )
        if self._door is Door.OUTSIDE:
            people.note(session, person, now, account_ends)
        return ends

    async def person(self, token: str) -> Person:
        """Return who holds a token.

        Raises:
            NotSignedIn: nobody, no longer, or at the other door.
        """
        if not _TOKEN.fullmatch(token):
            raise not_signed_in()
        key, now = _hash(token), self._clock()
        known = self._remembered(key, now) or await asyncio.to_thread(self._read, key, now)
        if known is None or not self._valid(known, now):
            raise not_signed_in()
        if now - known.seen_at >= SEEN_EVERY:
            known.seen_at = now
            await asyncio.to_thread(self._database.write, lambda session: _seen(session, key, now))
        return known.person

    async def end(self, token: str) -> None:
        """End a session; nothing happens where there is none."""
        if not _TOKEN.fullmatch(token):
            return
        key = _hash(token)
        statement = delete(SessionRow).where(
            SessionRow.token_sha256 == key, SessionRow.door == self._door.value
        )
        await asyncio.to_thread(self._database.write, lambda session: session.execute(statement))
        with self._lock:
            self._ended += 1
            self._known.pop(key, None)

    async def end_all(self, subject: str) -> None:
        """End every session of a person, at both doors."""
        statement = delete(SessionRow).where(SessionRow.subject == subject)
        await asyncio.to_thread(self._database.write, lambda session: session.execute(statement))
        with self._lock:
            self._ended += 1
            for key in [key for key, known in self._known.items() if known.person.subject == subject]:
                del self._known[key]

    def _remembered(self, key: str, now: datetime.datetime) -> _Known | None:
        with self._lock:
            known = self._known.get(key)
            if known is None or not datetime.timedelta() <= now - known.read_at < KEPT:
                return None
            self._known.move_to_end(key)
            return known

    def _read(self, key: str, now: datetime.datetime) -> _Known | None:
        ended = self._ended
        with self._database.reading() as session:
            row = session.scalars(
                select(SessionRow).where(SessionRow.token_sha256 == key, SessionRow.door == self._door.value)
            ).one_or_none()
            if row is None:
                return None
            person = people.restored(row.person, self._door, row.bound_to, row.made_at)
            known = _Known(person, row.seen_at, row.expires_at, now)
        with self._lock:
            # Nobody's session ended while this one was read: else a session just ended could be remembered.
            if ended == self._ended:
                self._known[key] = known
            while len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)
        return known

    def _valid(self, known: _Known, now: datetime.datetime) -> bool:
        return now < known.expires_at and now - known.seen_at < self._idle

    def _sweep(self, session: Session, now: datetime.datetime) -> None:
        if self._swept is not None and now - self._swept < _SWEEP_EVERY:
            return
        self._swept = now
        session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))


def new_token() -> str:
    """Return a new session's token: 256 random bits."""
    return secrets.token_urlsafe(32)


def not_signed_in() -> NotSignedIn:
    """Return the one refusal that every session's fault has, so that it tells nothing."""
    return NotSignedIn("you are not signed in, or no longer", "Sign in again.")


def form_token(token: str) -> str:
    """Return what forms of a session carry: nothing leads from it back to the session's token."""
    return hmac.digest(token.encode(), b"tre-form", hashlib.sha256).hex()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _end_of(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.max, datetime.UTC)


def _seen(session: Session, key: str, now: datetime.datetime) -> None:
    session.execute(
        update(SessionRow).where(SessionRow.token_sha256 == key, SessionRow.seen_at < now).values(seen_at=now)
    )
