"""Settings that could let anybody in are refused when they are read; no secret shows itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from portal.database.opening import Database
from portal.domain.errors import Unavailable
from portal.sign_in.accounts import Account
from portal.sign_in.flow import Flow
from portal.sign_in.interface import Cookie
from portal.sign_in.opening import outside
from portal.sign_in.settings import (
    ALGORITHMS,
    InsideSettings,
    LocalSettings,
    OidcSettings,
    OutsideSettings,
    SessionSettings,
    WorkloadSettings,
    claim,
)
from tests.portal.conftest import MovableClock

OUTSIDE: TypeAdapter[OutsideSettings] = TypeAdapter(OutsideSettings)
INSIDE: TypeAdapter[InsideSettings] = TypeAdapter(InsideSettings)
ISSUER: dict[str, Any] = {
    "kind": "issuer",
    "issuer": "https://issuer.example.org/realm",
    "client_id": "airlock",
    "cookie_key_file": "key",
    "audience": "airlock-api",
}
CLUSTER: dict[str, Any] = {
    "kind": "issuer",
    "issuer": "https://cluster.example.org",
    "audience": "airlock-inside",
    "jwks_file": "keys.json",
    "namespace_claim": ["cluster.example", "namespace"],
    "namespace_pattern": "demo-(?P<project>.+)",
}


def test_settings_tell_themselves_apart() -> None:
    assert isinstance(OUTSIDE.validate_python(ISSUER), OidcSettings)
    assert isinstance(OUTSIDE.validate_python({"kind": "accounts", "accounts_file": "a"}), LocalSettings)
    assert isinstance(INSIDE.validate_python(CLUSTER), WorkloadSettings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://issuer.example.org"},
        {"issuer": "https://"},
        {"issuer": "https://name:word@issuer.example.org"},
        {"issuer": "ftp://127.0.0.1"},
        {"issuer": "http://127.0.0.1.example.org"},
        {"discovery": "http://issuer.example.org"},
        {"audience": "airlock"},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"leeway": 301},
        {"second_factor": {"amr": [], "acr": []}},
        {"client_secret": "written here"},
    ],
    ids=str,
)
def test_settings_of_an_issuer_that_could_let_anybody_in_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OUTSIDE.validate_python({**ISSUER, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"jwks_url": "https://cluster.example.org/keys"},
        {"jwks_file": None},
        {"jwks_file": None, "jwks_url": "http://cluster.example.org/keys"},
        {"namespace_pattern": "demo-.+"},
        {"namespace_pattern": "(?P<project>"},
        {"namespace_claim": []},
        {"audience": ""},
        {"algorithms": ["HS256"]},
    ],
    ids=str,
)
def test_settings_of_a_cluster_that_could_let_anybody_in_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        INSIDE.validate_python({**CLUSTER, **wrong})


def test_no_algorithm_with_a_shared_secret_can_be_named() -> None:
    assert [name for name in ALGORITHMS if name.startswith("HS") or name == "none"] == []


def test_cookies_have_the_prefix_that_browsers_hold_to_this_host_unless_on_plain_http() -> None:
    assert SessionSettings().cookie_name == "__Host-tre"
    assert SessionSettings(secure=False).cookie_name == "tre"


@pytest.mark.parametrize(
    ("path", "found"),
    [(("a", "b.c"), 1), (("a",), {"b.c": 1}), (("x",), None), (("a", "b.c", "d"), None), (("a", "x"), None)],
    ids=str,
)
def test_a_claim_is_found_by_its_path(path: tuple[str, ...], found: Any) -> None:
    assert claim({"a": {"b.c": 1}}, path) == found


def _open(settings: OidcSettings, public: str, database: Database, clock: MovableClock) -> object:
    return outside(settings, SessionSettings(), database, clock, site="demo", public=public)


@pytest.mark.parametrize(
    ("key", "mode", "public", "error"),
    [
        (b"k" * 31, 0o600, "https://airlock.example.org", ValueError),
        (b"k" * 32, 0o604, "https://airlock.example.org", Unavailable),
        (b"", 0o600, "https://airlock.example.org", Unavailable),
        (b"k" * 32, 0o600, "http://airlock.example.org", ValueError),
    ],
    ids=["short", "open", "empty", "plain-http"],
)
def test_a_door_does_not_open_with_a_bad_key_or_address(
    small_database: Database,
    clock: MovableClock,
    tmp_path: Path,
    key: bytes,
    mode: int,
    public: str,
    error: type[Exception],
) -> None:
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "key").chmod(mode)
    settings = OidcSettings.model_validate({**ISSUER, "cookie_key_file": tmp_path / "key"})
    with pytest.raises(error):
        _open(settings, public, small_database, clock)
    (tmp_path / "key").write_bytes(b"k" * 32)
    (tmp_path / "key").chmod(0o640)  # as a cluster mounts it
    assert _open(settings, "https://airlock.example.org/", small_database, clock)


def test_nothing_shows_a_secret_by_being_printed(clock: MovableClock) -> None:
    flow = Flow.new("/", clock())
    account = Account(
        subject="s",
        name="n",
        password=f"scrypt-1${'A' * 24}${'B' * 44}",
        totp="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    )
    shown = repr((flow, account, Cookie("tre", "the token", 60, True)))
    for secret in (flow.state, flow.nonce, flow.verifier, "AAAA", "BBBB", "JBSWY3DP", "the token"):
        assert secret not in shown
