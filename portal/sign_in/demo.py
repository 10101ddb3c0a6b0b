"""Made-up people for a laptop, each with a random password and one-time code of their own."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pyotp import random_base32
from pyotp.totp import TOTP

from portal.domain.clock import Clock
from portal.domain.errors import NotFound
from portal.domain.people import SITE, Role
from portal.sign_in.accounts import Account, AccountsFile, code_now, folded, password_hash
from portal.sign_in.files import OWNER_ALONE, read_secret, write_secret

SHEET: Final = "how-to-sign-in.txt"
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that look alike: passwords are typed by hand. Twenty of them hold 98 bits."""


@dataclass(frozen=True)
class _Part:
    name: str
    full_name: str
    roles: tuple[Role, ...]
    does: str
    for_site: bool = False


_PARTS: Final[tuple[_Part, ...]] = (
    _Part("robin", "Robin Researcher", (Role.DATA_ANALYST,), "asks for outputs"),
    _Part("casey", "Casey Checker", (Role.OUTPUT_CHECKER,), "checks and decides"),
    _Part("charlie", "Charlie Checker", (Role.OUTPUT_CHECKER,), "checks and decides as the second person"),
    _Part(
        "sasha",
        "Sasha Steward",
        (Role.DATA_STEWARD, Role.INFORMATION_ASSET_OWNER),
        "owns the data: brings data in, decides on outputs",
    ),
    _Part("avery", "Avery Auditor", (Role.AUDITOR,), "reads the record", for_site=True),
    _Part("ollie", "Ollie Operator", (Role.OPERATOR,), "runs the service", for_site=True),
)


@dataclass(frozen=True)
class _Made:
    account: Account
    password: str
    does: str


def make_demo_accounts(path: Path, projects: Sequence[str], site: str) -> Path:
    """Write made-up people for these projects, and beside them a sheet that says how to sign in; return the sheet.

    Both files are their owner's alone (0600). Where the accounts are there already, nothing is changed.
    """
    sheet = path.with_name(SHEET)
    if path.exists():
        return sheet
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(partial(_make, projects=projects, site=site), _PARTS))
    # The sheet first: accounts without it would be kept for ever, and nobody could use them.
    write_secret(sheet, _sheet(made).encode())
    accounts = AccountsFile(accounts=tuple(each.account for each in made))
    write_secret(path, accounts.model_dump_json(indent=1).encode())
    return sheet


def current_code(path: Path, name: str, clock: Clock) -> str:
    """Return the code that a person's phone would show now, for who tries the airlock without a phone.

    Raises:
        NotFound: nobody in the file has this name.
        Unavailable: the file cannot be read, or others could read it.
    """
    accounts = AccountsFile.model_validate_json(read_secret(path, OWNER_ALONE)).accounts
    for account in accounts:
        if account.name == folded(name):
            return code_now(account, clock)
    raise NotFound(f"there is no account {name}", f"Look into {SHEET} for the names.")


def _make(part: _Part, projects: Sequence[str], site: str) -> _Made:
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))
    scopes = (SITE,) if part.for_site else tuple(projects)
    account = Account(
        subject=f"local:{secrets.token_hex(8)}",
        name=part.name,
        full_name=part.full_name,
        email=f"{part.name}@{site}.example",
        password=password_hash(password),
        totp=random_base32(),
        groups=frozenset(f"tre:{site}:{scope}:{role.value}" for scope in scopes for role in part.roles),
    )
    return _Made(account, password, part.does)


def _sheet(made: Sequence[_Made]) -> str:
    head = (
        "How to sign in: name, password and a one-time code.\n"
        "Put each code secret into an authenticator app (or open the otpauth address with it).\n"
        "These people are made up, for this machine alone. Keep this file to yourself.\n"
    )
    return "\n".join([head, *(_entry(each) for each in made)])


def _entry(made: _Made) -> str:
    account = made.account
    address = TOTP(account.totp).provisioning_uri(name=account.name, issuer_name="TRE airlock")
    return (
        f"{account.full_name}, who {made.does}\n"
        f"  name         {account.name}\n"
        f"  password     {made.password}\n"
        f"  code secret  {account.totp}\n"
        f"  otpauth      {address}\n"
    )
