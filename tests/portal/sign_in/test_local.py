"""Local accounts: what fits lets in, codes are taken once, guessing waits, and names cannot be told apart."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from portal.database.opening import Database
from portal.domain.errors import NotFound, NotSignedIn, TooMany, Unavailable
from portal.domain.people import Grant, Role
from portal.sign_in import accounts
from portal.sign_in.accounts import Account, AccountsFile, code_now, password_fits, password_hash, spent_path
from portal.sign_in.attempts import origin
from portal.sign_in.browser import Browser
from portal.sign_in.demo import current_code, make_demo_accounts
from portal.sign_in.files import write_secret
from portal.sign_in.interface import SignedIn
from portal.sign_in.local import LocalSignIn
from portal.sign_in.settings import LocalSettings, SessionSettings
from tests.portal.conftest import MovableClock
from tests.portal.sign_in.asks import ask, jar

run = asyncio.run
PASSWORD = "a made-up pässword"
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ROBIN = Account(
    subject="local:1",
    name="robin",
    full_name="Robin Researcher",
    password=f"scrypt-1${'A' * 24}${'B' * 44}",
    totp=TOTP,
    groups=frozenset({"tre:demo:heart:data-analyst"}),
)


class Laptop:
    """The outside door's sign-in by a file of accounts."""

    def __init__(self, path: Path, database: Database, clock: MovableClock) -> None:
        self.path, self.database, self.clock = path, database, clock
        self.settings = LocalSettings(accounts_file=path)
        self.keep(ROBIN.model_copy(update={"password": password_hash(PASSWORD)}))
        self.open()

    def keep(self, *kept: Account) -> None:
        """Write the file of accounts."""
        write_secret(self.path, AccountsFile(accounts=kept).model_dump_json().encode())

    def open(self) -> None:
        """Start anew."""
        parts = Browser.Parts(self.database, self.clock, "demo")
        self.door = LocalSignIn(self.settings, SessionSettings(), parts)

    def try_in(
        self, name: str = "robin", password: str = PASSWORD, code: str = "", address: str = "192.0.2.1"
    ) -> SignedIn:
        """Sign in, with the present code unless another is given."""
        given = code or code_now(ROBIN, self.clock)
        return run(self.door.with_password(ask(address=address), name, password, given, "/requests"))


@pytest.fixture
def laptop(
    tmp_path: Path, small_database: Database, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> Laptop:
    """Give a laptop with one account, whose passwords cost next to nothing to try."""
    monkeypatch.setitem(vars(accounts)["_COST"], "n", 16)
    return Laptop(tmp_path / "accounts.json", small_database, clock)


def test_name_password_and_code_let_in(laptop: Laptop) -> None:
    signed_in = laptop.try_in()
    assert signed_in.person.grants == {Grant("heart", Role.DATA_ANALYST)}
    assert signed_in.going.location == "/requests"
    by_cookie = run(laptop.door.person(ask(cookies=jar(*signed_in.going.cookies))))
    assert by_cookie == run(laptop.door.person(ask(bearer=signed_in.token))) == signed_in.person


def test_sign_out_ends_cookie_and_bearer_token_alike(laptop: Laptop, clock: MovableClock) -> None:
    for carry in ("cookie", "bearer"):
        signed_in = laptop.try_in()
        cookies = jar(*signed_in.going.cookies)
        asked = ask(cookies=cookies) if carry == "cookie" else ask(bearer=signed_in.token)
        run(laptop.door.person(asked))
        run(laptop.door.sign_out(asked))
        with pytest.raises(NotSignedIn):
            run(laptop.door.person(ask(bearer=signed_in.token)))
        clock.move(minutes=1)


def test_names_are_taken_in_any_case_and_codes_with_spaces(laptop: Laptop) -> None:
    code = code_now(ROBIN, laptop.clock)
    assert laptop.try_in(" RoBiN ", code=f"{code[:3]} {code[3:]}").person.name == "robin"


@pytest.mark.parametrize(
    "given",
    [
        {"password": "another"},
        {"password": ""},
        {"password": PASSWORD + "x" * 2000},
        {"password": "\ud800"},
        {"name": "casey"},
        {"name": ""},
        {"name": "nobody"},
        {"name": "robin\x00"},
        {"code": "000000"},
        {"code": "abcdef"},
        {"code": "\u0661\u0662\u0663\u0664\u0665\u0666"},
    ],
    ids=ascii,
)
def test_whatever_does_not_fit_is_refused_in_the_same_words(laptop: Laptop, given: dict[str, str]) -> None:
    with pytest.raises(NotSignedIn) as refusal:
        laptop.try_in(**given)
    assert refusal.value.what == "name, password and code do not fit together"
    assert refusal.value.where == ""


def test_an_unknown_name_costs_what_a_known_one_costs(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: list[dict[str, Any]] = []
    codes: list[int] = []
    scrypt, code_of = hashlib.scrypt, accounts.TOTP.generate_otp

    def counted(password: bytes, **cost: Any) -> bytes:
        spent.append({name: value for name, value in cost.items() if name != "salt"})
        return scrypt(password, **cost)

    def shown(totp: accounts.TOTP, step: int) -> str:
        codes.append(step)
        return code_of(totp, step)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    monkeypatch.setattr(accounts.TOTP, "generate_otp", shown)
    work: list[tuple[list[dict[str, Any]], list[int]]] = []
    for name in ("robin", "casey", "", "nobody"):
        spent.clear()
        codes.clear()
        with pytest.raises(NotSignedIn):
            laptop.try_in(name, "wrong", "000000")
        work.append((list(spent), list(codes)))
    assert len(work[0][0]) == 1
    assert len(work[0][1]) == 3
    assert all(each == work[0] for each in work)


def test_a_code_is_taken_once_even_after_a_restart(laptop: Laptop, clock: MovableClock) -> None:
    code = code_now(ROBIN, clock)
    laptop.try_in(code=code)
    for _ in range(2):
        with pytest.raises(NotSignedIn):
            laptop.try_in(code=code)
        laptop.open()
    clock.move(seconds=30)
    with pytest.raises(NotSignedIn):
        laptop.try_in(code=code)
    laptop.try_in()


def test_an_older_code_is_not_taken_after_a_newer_one(laptop: Laptop, clock: MovableClock) -> None:
    older = code_now(ROBIN, clock)
    clock.move(seconds=30)
    laptop.try_in()
    with pytest.raises(NotSignedIn):
        laptop.try_in(code=older)


def test_a_code_is_not_used_up_by_a_wrong_password(laptop: Laptop) -> None:
    with pytest.raises(NotSignedIn):
        laptop.try_in(password="wrong")
    laptop.try_in()


def test_of_two_with_one_code_at_the_same_time_one_gets_in(laptop: Laptop) -> None:
    async def both() -> list[Any]:
        code = code_now(ROBIN, laptop.clock)
        tries = (laptop.door.with_password(ask(), "robin", PASSWORD, code, "/") for _ in range(2))
        return await asyncio.gather(*tries, return_exceptions=True)

    assert sorted(type(each).__name__ for each in run(both())) == ["NotSignedIn", "SignedIn"]


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_phones_may_be_half_a_minute_off(laptop: Laptop, clock: MovableClock, steps: int, good: bool) -> None:
    clock.move(seconds=30 * steps)
    code = code_now(ROBIN, clock)
    clock.move(seconds=-30 * steps)
    if good:
        laptop.try_in(code=code)
    else:
        with pytest.raises(NotSignedIn):
            laptop.try_in(code=code)


def test_codes_are_those_of_rfc_6238() -> None:
    # Appendix B: the secret "12345678901234567890" at 59 seconds shows 94287082, of which six digits are kept.
    account = ROBIN.model_copy(update={"totp": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"})
    assert code_now(account, lambda: datetime.datetime.fromtimestamp(59, datetime.UTC)) == "287082"


@pytest.mark.parametrize("name", ["robin", "casey"])
def test_guessing_at_a_name_waits_longer_each_time_whether_it_is_known_or_not(
    laptop: Laptop, clock: MovableClock, name: str
) -> None:
    for number in range(5):
        with pytest.raises(NotSignedIn):
            laptop.try_in(name, "wrong", address=f"192.0.2.{number}")
    for wait in (30, 60, 120):
        with pytest.raises(TooMany) as refusal:
            laptop.try_in(name.upper(), address="198.51.100.7")
        assert f"Wait {wait} seconds" in refusal.value.remedy
        clock.move(seconds=wait)
        with pytest.raises(NotSignedIn):
            laptop.try_in(name, "wrong", address="198.51.100.7")


def test_who_knows_the_password_gets_in_after_the_wait(laptop: Laptop, clock: MovableClock) -> None:
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            laptop.try_in(password="wrong")
    with pytest.raises(TooMany):
        laptop.try_in()
    clock.move(seconds=30)
    laptop.try_in()
    clock.move(seconds=30)
    for _ in range(4):
        with pytest.raises(NotSignedIn):
            laptop.try_in(password="wrong")
    laptop.try_in()


def test_waiting_tries_cost_no_work(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            laptop.try_in(password="wrong")
    calls: list[Any] = []
    monkeypatch.setattr(hashlib, "scrypt", calls.append)
    with pytest.raises(TooMany):
        laptop.try_in()
    assert calls == []


def test_guessing_at_many_names_from_one_address_waits(laptop: Laptop, clock: MovableClock) -> None:
    for number in range(20):
        if number % 5 == 0:
            laptop.try_in()  # an account of one's own does not clear the address
            clock.move(seconds=30)
        with pytest.raises(NotSignedIn):
            laptop.try_in(f"name{number}", "wrong")
    with pytest.raises(TooMany):
        laptop.try_in()
    assert laptop.try_in(address="198.51.100.7").person.name == "robin"


def test_signing_in_often_locks_nobody_out(laptop: Laptop, clock: MovableClock) -> None:
    for _ in range(25):
        laptop.try_in()
        clock.move(seconds=30)


def test_many_guesses_at_once_are_counted_before_they_are_tried(laptop: Laptop) -> None:
    async def all_at_once() -> list[Any]:
        tries = (laptop.door.with_password(ask(), "robin", "wrong", "000000", "/") for _ in range(12))
        return await asyncio.gather(*tries, return_exceptions=True)

    kinds = [type(each).__name__ for each in run(all_at_once())]
    assert (kinds.count("NotSignedIn"), kinds.count("TooMany")) == (5, 7)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_is_one_key_even_with_a_network_to_choose_from(address: str, key: str) -> None:
    assert origin(ask(address=address)) == key


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602], ids=oct)
@pytest.mark.parametrize("which", ["accounts", "codes"])
def test_a_file_that_others_can_read_or_change_is_refused(laptop: Laptop, mode: int, which: str) -> None:
    laptop.try_in()
    laptop.clock.move(seconds=30)
    path = laptop.path if which == "accounts" else spent_path(laptop.path)
    path.chmod(mode)
    with pytest.raises(Unavailable):
        laptop.try_in()
    if which == "accounts":
        with pytest.raises(Unavailable):
            laptop.open()
    path.chmod(0o600)
    laptop.try_in()


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"not json", b'{"form": "tre-accounts-2", "accounts": []}'],
    ids=["empty", "no-accounts", "list", "no-json", "form"],
)
def test_a_file_in_no_form_signs_nobody_in_and_is_not_repeated(laptop: Laptop, content: bytes) -> None:
    write_secret(laptop.path, content)
    with pytest.raises(Unavailable) as refusal:
        laptop.try_in()
    assert "not json" not in str(refusal.value.document())


def test_who_is_taken_out_of_the_file_or_has_ended_is_out_at_once(
    laptop: Laptop, clock: MovableClock
) -> None:
    laptop.keep(ROBIN.model_copy(update={"password": password_hash(PASSWORD), "expires": clock().date()}))
    laptop.try_in()
    clock.move(days=1)
    with pytest.raises(NotSignedIn):
        laptop.try_in()
    laptop.keep()
    with pytest.raises(NotSignedIn):
        laptop.try_in()


def test_a_password_costs_32_mib_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[int] = []
    scrypt = hashlib.scrypt

    def counted(password: bytes, **cost: Any) -> bytes:
        costs.append(128 * cost["n"] * cost["r"])
        return scrypt(password, **cost)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    assert password_fits(password_hash("word"), "word")
    assert costs == [32 << 20, 32 << 20]


def test_one_password_has_many_hashes_and_one_form() -> None:
    one, two = password_hash("caf\u00e9"), password_hash("caf\u00e9")
    assert one != two
    assert password_fits(one, "cafe\u0301")
    assert not password_fits(one, "cafe")


def test_demo_accounts_are_for_their_owner_alone_and_sign_in(
    tmp_path: Path, small_database: Database, clock: MovableClock
) -> None:
    path = tmp_path / "state" / "accounts.json"
    sheet = make_demo_accounts(path, ["heart", "lung"], "demo")
    assert {stat.S_IMODE(each.stat().st_mode) for each in (path, sheet)} == {0o600}
    text = sheet.read_text()
    passwords = dict(re.findall(r"name +(\S+)\n +password +(\S+)\n", text))
    parts = Browser.Parts(small_database, clock, "demo")
    door = LocalSignIn(LocalSettings(accounts_file=path), SessionSettings(), parts)
    roles: dict[str, set[tuple[str, str]]] = {}
    for name, password in passwords.items():
        code = current_code(path, name, clock)
        person = run(door.with_password(ask(), name, password, code, "/")).person
        roles[name] = {(grant.project, grant.role.value) for grant in person.grants}
    both = ("heart", "lung")
    assert roles == {
        "robin": {(project, "data-analyst") for project in both},
        "casey": {(project, "output-checker") for project in both},
        "charlie": {(project, "output-checker") for project in both},
        "sasha": {(p, role) for p in both for role in ("data-steward", "information-asset-owner")},
        "avery": {("site", "auditor")},
        "ollie": {("site", "operator")},
    }
    kept = path.read_text()
    assert not any(password in kept for password in passwords.values())
    assert all(secret in text for secret in re.findall(r'"totp": "([A-Z2-7]+)"', kept))


def test_demo_accounts_are_made_once_and_are_different_everywhere(
    tmp_path: Path, clock: MovableClock
) -> None:
    one, two = tmp_path / "one" / "accounts.json", tmp_path / "two" / "accounts.json"
    for path in (one, two, one):
        before = path.read_bytes() if path.exists() else b""
        make_demo_accounts(path, ["heart"], "demo")
        assert not before or path.read_bytes() == before
    secrets = [{a["totp"] for a in json.loads(path.read_bytes())["accounts"]} for path in (one, two)]
    assert len(secrets[0] | secrets[1]) == 12
    with pytest.raises(NotFound):
        current_code(one, "somebody", clock)
