"""A site on each kind of database, and one on SQLite for what does not depend on it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from portal.database.opening import Database
from tests.portal.conftest import MovableClock
from tests.portal.service.site import Site


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path, clock: MovableClock) -> Generator[Site]:
    """Give a site on SQLite."""
    database = Database.open(sqlite_url)
    yield Site.open(database, tmp_path / "areas", clock)
    database.close()


@pytest.fixture
def any_site(database: Database, tmp_path: Path, clock: MovableClock) -> Site:
    """Give a site on each kind of database."""
    return Site.open(database, tmp_path / "areas", clock)
