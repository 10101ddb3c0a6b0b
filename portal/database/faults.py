"""What a driver's error means: others were in the way, the database is not there, or a statement is wrong."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from portal.domain.errors import Unavailable


class Busy(Unavailable):
    """Others held what a transaction needed; nothing was changed, and it may begin anew at once."""


_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_GONE: Final = {
    sqlite3.SQLITE_FULL: "the database's disk is full",
    sqlite3.SQLITE_IOERR: "the database's disk fails",
    sqlite3.SQLITE_CANTOPEN: "the database's file cannot be opened",
    sqlite3.SQLITE_PROTOCOL: "the database's file cannot be locked",
    sqlite3.SQLITE_NOTADB: "the database's file is not one",
    sqlite3.SQLITE_CORRUPT: "the database's file is damaged",
    sqlite3.SQLITE_NOMEM: "the database has no memory left",
}
_POSTGRES_BUSY: Final = frozenset({"40001", "40P01", "55P03"})
"""Serialisation failure, deadlock, lock not available."""
_POSTGRES_FULL: Final = "53100"
_POSTGRES_GONE: Final = frozenset({"08", "28", "53", "57", "58"})
"""Classes: connection, authorisation to connect, resources, operator (shutdown, time-out), system."""
_REMEDY: Final = "Nothing is lost; try again in a moment."


def translated(error: DBAPIError) -> Unavailable | None:
    """Return what is told instead of a driver's error, or nothing where a statement is at fault."""
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite(error.orig)
    return _postgres(error)


def _sqlite(error: sqlite3.Error) -> Unavailable | None:
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    primary = code & 0xFF  # the upper bytes say in more detail what happened
    if primary in _SQLITE_BUSY:
        return Busy("others are writing to the database", _REMEDY)
    what = _SQLITE_GONE.get(primary)
    return Unavailable(what, _REMEDY) if what else None


def _postgres(error: DBAPIError) -> Unavailable | None:
    state = getattr(error.orig, "sqlstate", None)
    if state in _POSTGRES_BUSY:
        return Busy("others are writing to the database", _REMEDY)
    if state == _POSTGRES_FULL:
        return Unavailable("the database's disk is full", _REMEDY)
    if isinstance(state, str):
        return Unavailable("the database does not answer", _REMEDY) if state[:2] in _POSTGRES_GONE else None
    lost = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    return Unavailable("the database does not answer", _REMEDY) if lost else None
