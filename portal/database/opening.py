"""Opens the database: Postgres for a site, SQLite for a laptop, with one set of rules for both.

Reading is one snapshot in which nothing can be written; writing is one transaction, whole or not at all. On SQLite a
writer takes the write lock at its beginning, so that none finds out at its end that it came too late.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.orm.exc import StaleDataError

from portal.database.faults import Busy, translated
from portal.domain.errors import Conflict, Unavailable

Role = Literal["inside", "outside", "worker", "registrar", "auditor", "backup", "both"]
"""For whom a database is opened. Its rights come from the credentials alone; this names its connections."""

Result = TypeVar("Result")

ATTEMPTS: Final = 6
"""How often `Database.write` begins anew where others were in the way."""
_FIRST_PAUSE: Final = 0.01
"""Seconds; doubled after each attempt and scattered, so that those who collided do not meet again."""
_WAIT: Final = 10
"""Seconds that anybody waits for a lock or for a free connection."""
_POSTGRES_SETTINGS: Final = {
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "120s",
    "timezone": "UTC",
}
_SQLITE_SETTINGS: Final = (
    f"PRAGMA busy_timeout = {_WAIT * 1000}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a decision that was answered must survive a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",  # else INSERT OR REPLACE would slip past the triggers that refuse a DELETE
    "PRAGMA trusted_schema = OFF",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",
    "PRAGMA journal_size_limit = 67108864",
)


class Database:
    """One database, with its pool of connections. Safe to share between threads; nothing connects before it is used.

    Every method raises `Unavailable` where the database does not answer or has no room.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._turn = threading.Lock() if self.is_sqlite else None
        reading, writing = _two_ways(engine)
        self._reading = sessionmaker(reading, expire_on_commit=False, autoflush=False)
        self._writing = sessionmaker(writing, expire_on_commit=False)

    @classmethod
    def open(cls, url: str, role: Role = "both", connections: int = 20) -> Database:
        """Return the database at `sqlite:///path` or `postgresql+psycopg://...`, with at most so many connections."""
        parsed = address(url)
        options = _sqlite_options() if parsed.get_backend_name() == "sqlite" else _postgres_options(role)
        engine = create_engine(
            parsed,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=_WAIT,
            pool_use_lifo=True,
            hide_parameters=True,
            **options,
        )
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _tune)
            event.listen(engine, "begin", _begin)
        return cls(engine)

    def close(self) -> None:
        """Close every connection that nobody is using."""
        self.engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Generator[Session]:
        """Give a session that sees one snapshot and can change nothing."""
        with told(), self._reading() as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Generator[Session]:
        """Give a session that is committed at the end of the block, or undone where the block raises.

        Raises:
            Unavailable: also where others held what it needs for too long; `write` tries again by itself.
            Conflict: somebody else changed the same row since it was read.
        """
        with told(), self._in_turn(), self._writing() as session, session.begin():
            yield session

    def write(self, function: Callable[[Session], Result]) -> Result:
        """Run a function in one transaction and return its result, anew where others were in the way.

        The function may run several times; each time nothing of the time before has happened. It must do nothing
        but what it does in its session.
        """
        for attempt in range(ATTEMPTS - 1):
            try:
                with self.writing() as session:
                    return function(session)
            except (Busy, Overtaken):
                time.sleep(_FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        with self.writing() as session:
            return function(session)

    def probe(self) -> None:
        """Return where the database answers a question, else raise `Unavailable`."""
        with self.reading() as session:
            session.execute(text("SELECT 1"))

    @contextlib.contextmanager
    def _in_turn(self) -> Generator[None]:
        """On SQLite, let this process's writers in one after another: its own lock is polled, which starves some."""
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=_WAIT):
            raise Busy("others are writing to the database", "Try again.")
        try:
            yield
        finally:
            self._turn.release()


class Overtaken(Conflict):
    """Somebody else changed a row between its reading and its writing."""


def address(url: str) -> URL:
    """Return a database's parsed address, with the driver that we bring."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("an SQLite database needs a file: sqlite:///path")
        return parsed
    if parsed.get_backend_name() != "postgresql":
        raise ValueError("a database is sqlite:///path or postgresql+psycopg://...")
    return parsed.set(drivername="postgresql+psycopg")


def sqlite_path(url: URL) -> Path:
    """Return the file of an SQLite database."""
    return Path(url.database or "")


def _postgres_options(role: Role) -> dict[str, Any]:
    settings = " ".join(f"-c {name}={value}" for name, value in _POSTGRES_SETTINGS.items())
    return {
        "pool_pre_ping": True,
        "pool_recycle": 1800,
        "connect_args": {
            "application_name": f"tre-airlock-{role}",
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "options": settings,
        },
    }


def _sqlite_options() -> dict[str, Any]:
    return {"connect_args": {"timeout": _WAIT, "check_same_thread": False}}


def _two_ways(engine: Engine) -> tuple[Engine, Engine]:
    """Return one engine for reading and one for writing, over the same pool."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(tre_writes=False), engine.execution_options(tre_writes=True)
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return reading, engine.execution_options(isolation_level="READ COMMITTED")


def _tune(connection: Any, _record: Any) -> None:
    """Set a new SQLite connection up, and leave transactions to `_begin` (the driver would begin them too late)."""
    connection.isolation_level = None
    for setting in _SQLITE_SETTINGS:
        connection.execute(setting)


def _begin(connection: Connection) -> None:
    writes = bool(connection.get_execution_options().get("tre_writes", True))
    if connection.info.get("tre_writes") is not writes:
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.info["tre_writes"] = writes
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def told() -> Generator[None]:
    """Tell of the database's own faults in the airlock's words; mistakes in statements stay what they are."""
    try:
        yield
    except StaleDataError as error:
        raise Overtaken("somebody else changed this at the same time", "Look at it again.") from error
    except NoneFree as error:
        raise Unavailable("every connection to the database is in use", "Try again in a moment.") from error
    except DBAPIError as error:
        fault = translated(error)
        if fault is None:
            raise
        raise fault from error
