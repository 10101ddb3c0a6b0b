"""A person in a session: written as JSON, read back, and noted for the page of people."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.database.tables import SeenRow
from portal.domain.people import Door, Grant, Person, Role


def document(person: Person) -> dict[str, Any]:
    """Return what a session keeps of a person."""
    return {
        "subject": person.subject,
        "name": person.name,
        "full_name": person.full_name,
        "email": person.email,
        "grants": _written(person.grants),
    }


def restored(kept: Mapping[str, Any], door: Door, bound_to: str, signed_in: datetime.datetime) -> Person:
    """Return the person that a session keeps. A role that is no longer known gives nothing."""
    return Person(
        subject=kept["subject"],
        name=kept["name"],
        full_name=kept["full_name"],
        email=kept["email"],
        grants=frozenset(_read(kept["grants"])),
        door=door,
        bound_to=bound_to,
        signed_in=signed_in,
    )


def note(
    session: Session, person: Person, at: datetime.datetime, expires: datetime.date | None = None
) -> None:
    """Note that a person was let in, and until when their account lasts. Rights never come from here."""
    seen = {
        "name": person.name,
        "full_name": person.full_name,
        "email": person.email,
        "grants": _written(person.grants),
        "expires": expires,
        "last_seen": at,
    }
    if _changed(session, person.subject, seen):
        return
    try:
        with session.begin_nested():
            session.add(SeenRow(subject=person.subject, **seen))
    except IntegrityError:  # another sign-in of the same person was faster
        _changed(session, person.subject, seen)


def _changed(session: Session, subject: str, seen: Mapping[str, Any]) -> bool:
    statement = update(SeenRow).where(SeenRow.subject == subject).values(**seen)
    changed = session.connection().execute(statement)
    return changed.rowcount > 0


def _written(grants: Iterable[Grant]) -> list[list[str]]:
    return sorted([grant.project, grant.role.value] for grant in grants)


def _read(grants: Iterable[tuple[str, str]]) -> Iterable[Grant]:
    known = {role.value for role in Role}
    return (Grant(project, Role(role)) for project, role in grants if role in known)
