"""What tests of the airlock share: a clock that they move, and a database of each kind."""

from __future__ import annotations

import datetime
from collections.abc import Generator
from pathlib import Path

import pytest

from portal.database.migrating import upgrade
from portal.database.opening import Database
from tests.portal.postgres import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]


class MovableClock:
    """A clock that stands still until a test moves it. Calling it returns the present moment, in UTC."""

    def __init__(self) -> None:
        self.moment = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        """Return the present moment."""
        return self.moment

    def move(self, **by: float) -> datetime.datetime:
        """Move on by what `datetime.timedelta` takes (`days=1`, or back with a negative number); return the moment."""
        self.moment += datetime.timedelta(**by)
        return self.moment


@pytest.fixture
def clock() -> MovableClock:
    """Give a clock that stands at nine o'clock on 2 March 2026, UTC."""
    return MovableClock()


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sqlite") / "airlock.db"
    upgrade(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture
def sqlite_url(tmp_path: Path, _migrated_sqlite: bytes) -> str:
    """Give the address of a migrated SQLite database of this test's own."""
    path = tmp_path / "airlock.db"
    path.write_bytes(_migrated_sqlite)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the address of a migrated database: the test runs on each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Generator[Database]:
    """Give an open, migrated database: the test runs on each kind."""
    opened = Database.open(database_url)
    yield opened
    opened.close()
