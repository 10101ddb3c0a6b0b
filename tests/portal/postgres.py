"""A real Postgres for the tests: one server for a session, on a socket in a private folder; a database for each test.

The server listens on no network. It keeps nothing on disk for sure (`fsync=off`), since nothing outlives the session.
It starts only when the first test asks for it, and every database is a copy of one that was migrated once.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from portal.database.migrating import upgrade

_BINARIES: Final = Path("/usr/lib/postgresql/15/bin")
_OWNER: Final = "owner"
_TEMPLATE: Final = "migrated"
_SETTINGS: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "jit": "off",
}
_START: Final = 60
"""Seconds that the server may take to answer."""


@dataclass
class Postgres:
    """A running server. `url(name)` is the address of one of its databases, with the rights of its owner."""

    folder: Path
    process: subprocess.Popen[Any]
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def url(self, name: str, user: str = _OWNER, password: str = "") -> str:
        """Return the address of a database for SQLAlchemy."""
        secret = f":{password}" if password else ""
        return f"postgresql+psycopg://{user}{secret}@/{name}?host={self.folder}"

    def execute(self, statement: str, *names: str, database: str = "postgres") -> None:
        """Run one statement outside a transaction, with names in place of its `{}`."""
        with psycopg.connect(
            host=str(self.folder), user=_OWNER, dbname=database, autocommit=True
        ) as connection:
            connection.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))  # pyright: ignore[reportArgumentType]

    def tool(self, name: str, *arguments: str) -> None:
        """Run one of Postgres's own programs against this server."""
        subprocess.run([_BINARIES / name, "-h", self.folder, *arguments], check=True)

    def copy(self) -> str:
        """Return the name of a new database: a copy of the migrated one."""
        name = f"copy_{next(self._numbers)}"
        self.execute("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, _TEMPLATE)
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def stop(self) -> None:
        """End the server at once."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(_START)


def start(folder: Path) -> Postgres:
    """Make a server's files in an empty folder, start it and return it once it answers."""
    who = _unprivileged(folder)
    data = folder / "data"
    subprocess.run(
        [
            *(_BINARIES / "initdb", "-D", data, "-U", _OWNER, "--auth=trust", "--no-sync"),
            *("--encoding=UTF8", "--locale=C.UTF-8"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **who,
    )
    options = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [_BINARIES / "postgres", "-D", data, "-k", folder, *options],
            stdout=log,
            stderr=log,
            cwd=folder,
            **who,
        )
    server = Postgres(folder, process)
    _await(server)
    return server


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Return whom the server runs as: Postgres refuses to be root."""
    if os.geteuid() != 0:
        return {}
    person = pwd.getpwnam("postgres")
    os.chown(folder, person.pw_uid, person.pw_gid)
    return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}


def _await(server: Postgres) -> None:
    end = time.monotonic() + _START
    while True:
        try:
            psycopg.connect(host=str(server.folder), user=_OWNER, dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if server.process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres() -> Generator[Postgres]:
    """Give a running server with one migrated database to copy."""
    folder = Path(tempfile.mkdtemp(prefix="tre-postgres-"))  # a socket's path may have 107 bytes at most
    server = start(folder)
    try:
        server.execute("CREATE DATABASE {}", _TEMPLATE)
        upgrade(server.url(_TEMPLATE))
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: Postgres) -> Generator[str]:
    """Give the address of a migrated database of this test's own, with the rights of its owner."""
    name = postgres.copy()
    yield postgres.url(name)
    postgres.drop(name)
