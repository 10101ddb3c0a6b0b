"""Workspace passes: how a person who signed in outside speaks inside, where no browser reaches the issuer.

A pass is typed by hand: twenty characters of Crockford's base 32 (100 bits) in four groups. It lasts minutes, is spent
once, and only in the project for which it was made.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import hashlib
import secrets
from typing import Final

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from portal.database.tables import PassRow
from portal.domain.clock import Clock
from portal.domain.errors import NotSignedIn, Refused
from portal.domain.people import Door, Person
from portal.sign_in import people, sessions
from portal.sign_in.attempts import Attempts
from portal.sign_in.interface import Transactions
from portal.sign_in.settings import SessionSettings

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 20
_GROUP: Final = 5
_ALIKE: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_MOST_MADE: Final = 10
_MOST_TRIES: Final = 20
_KEPT: Final = datetime.timedelta(days=1)


class Passes:
    """Makes passes at the outside door and spends them at the inside one."""

    def __init__(self, database: Transactions, settings: SessionSettings, clock: Clock) -> None:
        self._database = database
        self._lasts = datetime.timedelta(minutes=settings.pass_minutes)
        self._clock = clock
        self._made = Attempts(clock, _MOST_MADE, forgotten=self._lasts.total_seconds())
        self._tried = Attempts(clock, _MOST_TRIES, forgotten=self._lasts.total_seconds())

    async def make(self, person: Person, project: str) -> str:
        """Return a new pass for one person and project; it is kept as a hash alone.

        Raises:
            Refused: the person has no role of their own in the project, or asks from inside.
            TooMany: more than ten within as many minutes.
        """
        grants = frozenset(grant for grant in person.grants if grant.project == project)
        if person.door is not Door.OUTSIDE or not grants:
            raise Refused(f"you have no role in {project}", "Ask the project's manager for one.")
        self._made.take(person.subject)
        text = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        narrowed = dataclasses.replace(person, grants=grants)
        await asyncio.to_thread(
            self._database.write, lambda session: self._keep(session, text, narrowed, project)
        )
        return "-".join(text[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))

    async def spend(
        self, typed: str, project: str, inside: sessions.Sessions
    ) -> tuple[Person, str, datetime.datetime]:
        """Spend a pass: return the person, the token of their new session, and when that ends.

        Raises:
            NotSignedIn: it is unknown, spent, expired, or made for another project.
            TooMany: too many failures from this project.
        """
        self._tried.take(project)
        token = sessions.new_token()
        person, ends = await asyncio.to_thread(
            self._database.write, lambda session: self._spend(session, typed, project, inside, token)
        )
        self._tried.forgive(project)
        return person, token, ends

    def _keep(self, session: Session, text: str, person: Person, project: str) -> None:
        now = self._clock()
        session.execute(delete(PassRow).where(PassRow.expires_at < now - _KEPT))
        session.add(
            PassRow(
                pass_sha256=_hash(text),
                person=people.document(person),
                project=project,
                made_at=now,
                expires_at=now + self._lasts,
                spent_at=None,
            )
        )

    def _spend(
        self, session: Session, typed: str, project: str, inside: sessions.Sessions, token: str
    ) -> tuple[Person, datetime.datetime]:
        now, key = self._clock(), _hash(_read(typed))
        # One statement finds it good and spends it: of two at the same instant one changes the row.
        spent = session.connection().execute(
            update(PassRow)
            .where(
                PassRow.pass_sha256 == key,
                PassRow.project == project,
                PassRow.spent_at.is_(None),
                PassRow.expires_at > now,
            )
            .values(spent_at=now)
        )
        if spent.rowcount != 1:
            raise _unknown()
        row = session.get_one(PassRow, key)
        person = people.restored(row.person, Door.INSIDE, project, now)
        return person, inside.open(session, person, token)


def _read(typed: str) -> str:
    text = typed.strip().upper().translate(_ALIKE) if len(typed) <= 4 * _LENGTH else ""
    if len(text) != _LENGTH or not set(text) <= set(_ALPHABET):
        raise _unknown()
    return text


def _unknown() -> NotSignedIn:
    return NotSignedIn(
        "this pass is not known here, was used, or has expired", "Make a new one at the outside door."
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
