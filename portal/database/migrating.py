"""Brings a database to the newest version of its tables, whoever else does so at the same time.

Alembic is imported only where there is something to do: a service that starts on a current database asks one question.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from portal.database.opening import Database, address, sqlite_path, told
from portal.domain.errors import Conflict

HEAD: Final = "0002"
"""The newest version in `portal/database/versions`."""
_VERSIONS: Final = "alembic_version"
_LOCK: Final = 0x7472652D61726C6B
"""The number under which Postgres lets one migration in at a time."""


def upgrade(url: str) -> None:
    """Bring the database at `url` to `HEAD`, making an SQLite file (0600) where there is none.

    Raises:
        Unavailable: the database does not answer.
        Conflict: a newer release of the airlock has been at work on it.
    """
    parsed = address(url)
    if parsed.get_backend_name() == "sqlite":
        _upgrade_sqlite(parsed)
    else:
        _upgrade_postgres(parsed)


def version(database: Database) -> str | None:
    """Return the version that a database has, or nothing where it has no tables yet. Raises: `Unavailable`."""
    with database.reading() as session:
        return _version(session.connection())


def _upgrade_sqlite(url: URL) -> None:
    path = sqlite_path(url)
    if _sqlite_version(path) == HEAD:
        return
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    with _alone(path):
        database = Database.open(url.render_as_string(hide_password=False))
        try:
            with database.writing() as session:
                _apply(session.connection())
        finally:
            database.close()


def _upgrade_postgres(url: URL) -> None:
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"application_name": "tre-airlock-migration"},
    )
    with told(), _locked(engine) as connection:
        _apply(connection)


@contextlib.contextmanager
def _locked(engine: Engine) -> Generator[Connection]:
    """Give a transaction on Postgres that no other migration runs beside."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection


@contextlib.contextmanager
def _alone(path: Path) -> Generator[None]:
    """Hold a lock beside an SQLite file: its own lock does not cover the first change of its journal."""
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sqlite_version(path: Path) -> str | None:
    """Return an SQLite file's version without the weight of SQLAlchemy; nothing where it is not plain to see."""
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
            row = connection.execute(f"SELECT version_num FROM {_VERSIONS}").fetchone()  # noqa: S608 - our own name
    except sqlite3.Error:
        return None
    return str(row[0]) if row else None


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSIONS):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608 - our own name


def _apply(connection: Connection) -> None:
    found = _version(connection)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise Conflict(f"the database has version {found}, newer than {HEAD}", "Run the newer release.")
    from alembic import command  # a second that only a migration should cost
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
