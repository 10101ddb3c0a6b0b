"""What tests of sign-in share: an issuer, the database, and sign-ins built on them."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from pathlib import Path

import pytest

from portal.database.opening import Database
from portal.sign_in.browser import Browser
from portal.sign_in.oidc import OidcSignIn
from portal.sign_in.settings import OidcSettings, SessionSettings
from tests.portal.conftest import MovableClock
from tests.portal.sign_in.issuer import AUDIENCE, CLIENT, SECRET, Issuer

PUBLIC = "https://airlock.example.org"


@pytest.fixture
def issuer(clock: MovableClock) -> Generator[Issuer]:
    """Give a running issuer whose clock is the test's."""
    running = Issuer(clock)
    yield running
    running.stop()


@pytest.fixture
def small_database(sqlite_url: str) -> Generator[Database]:
    """Give an open database of one kind, for tests that are not about the database."""
    opened = Database.open(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(issuer: Issuer, tmp_path: Path) -> OidcSettings:
    """Give the settings of a site with this issuer."""
    files = {"client": SECRET.encode(), "cookies": secrets.token_bytes(48).hex().encode()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    return OidcSettings(
        issuer=issuer.url,
        client_id=CLIENT,
        client_secret_file=tmp_path / "client",
        cookie_key_file=tmp_path / "cookies",
        audience=AUDIENCE,
    )


@pytest.fixture
def oidc(settings: OidcSettings, small_database: Database, clock: MovableClock) -> OidcSignIn:
    """Give the outside door's sign-in by this issuer."""
    return OidcSignIn(settings, SessionSettings(), Browser.Parts(small_database, clock, "demo"), PUBLIC)
