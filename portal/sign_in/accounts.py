"""Local accounts in a file: scrypt for passwords, one-time codes (RFC 6238) that are taken once."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import secrets
import threading
import unicodedata
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError
from pyotp import random_base32
from pyotp.totp import TOTP

from portal.domain.clock import Clock
from portal.domain.errors import Unavailable
from portal.domain.policy import Model
from portal.sign_in.files import OWNER_ALONE, read_secret, write_secret

_COST: Final = {"n": 1 << 15, "r": 8, "p": 1, "maxmem": 64 << 20, "dklen": 32}
"""32 MiB and about a tenth of a second for each try."""
_FORM: Final = "scrypt-1"
_STEP: Final = 30
"""Seconds for which a code is shown."""
_DRIFT: Final = (-1, 0, 1)
"""Steps by which the person's clock may differ from ours."""
LONGEST_PASSWORD: Final = 1024


class Account(Model):
    """One local account. `password` is a hash, `totp` the secret in base 32 that the person's phone has too."""

    subject: str = Field(min_length=1)
    name: str = Field(pattern=r"^[a-z][a-z0-9.-]{0,63}$")
    full_name: str = ""
    email: str = ""
    password: str = Field(repr=False, pattern=r"^scrypt-1\$[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}$")
    totp: str = Field(repr=False, pattern=r"^[A-Z2-7]{32,}$")
    groups: frozenset[str] = frozenset()
    expires: datetime.date | None = None


class AccountsFile(Model):
    """The file's content."""

    form: str = Field(default="tre-accounts-1", pattern=r"^tre-accounts-1$")
    accounts: tuple[Account, ...]


class Accounts:
    """The accounts of a file, which is read at each try: who is taken out of it is out at once.

    Codes that were taken are kept in a file beside it, so that none is taken again after a restart.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._spent_path = spent_path(path)
        self._clock = clock
        self._lock = threading.Lock()
        self._nobody = _nobody()
        self._all()

    def find(self, name: str, password: str, code: str) -> Account | None:
        """Return the account that all three fit, or None. An unknown name costs what a known one costs.

        Raises:
            Unavailable: the file cannot be read, or others could read it.
        """
        account = self._all().get(folded(name))
        tried = account or self._nobody
        fits = password_fits(tried.password, password)
        step = self._step(tried, code)
        if account is None or not fits or step is None or self._ended(account):
            return None
        return account if self._spend(account.name, step) else None

    def _all(self) -> dict[str, Account]:
        try:
            found = AccountsFile.model_validate_json(read_secret(self._path, OWNER_ALONE))
        except ValidationError:
            # Without pydantic's own words, which would repeat what stands in the file.
            raise Unavailable("the file of accounts is not in its form", "", self._path.name) from None
        return {account.name: account for account in found.accounts}

    def _ended(self, account: Account) -> bool:
        return account.expires is not None and self._clock().date() > account.expires

    def _step(self, account: Account, code: str) -> int | None:
        """Return the time step whose code this is; all are compared, whichever fits."""
        now = int(self._clock().timestamp()) // _STEP
        totp = TOTP(account.totp, interval=_STEP)
        given = code.replace(" ", "").encode()
        fitting = [
            now + drift
            for drift in _DRIFT
            if hmac.compare_digest(totp.generate_otp(now + drift).encode(), given)
        ]
        return fitting[0] if fitting else None

    def _spend(self, name: str, step: int) -> bool:
        """Take a code; tell whether neither it nor a later one had been taken."""
        with self._lock:
            spent = self._spent()
            if step <= spent.get(name, -1):
                return False
            write_secret(self._spent_path, json.dumps({**spent, name: step}).encode())
            return True

    def _spent(self) -> dict[str, int]:
        if not self._spent_path.exists():
            return {}
        try:
            found = json.loads(read_secret(self._spent_path, OWNER_ALONE))
            return {str(name): int(step) for name, step in found.items()}
        except (ValueError, TypeError, AttributeError):
            raise Unavailable(
                "the file of codes taken is not in its form", "", self._spent_path.name
            ) from None


def spent_path(path: Path) -> Path:
    """Return the file beside the accounts that says which codes were taken."""
    return path.with_name(f"{path.name}.codes")


def folded(name: str) -> str:
    """Return a sign-in name in the one form in which accounts are kept."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def password_hash(password: str) -> str:
    """Return what is kept of a password: its scrypt hash with a salt of its own."""
    salt = secrets.token_bytes(16)
    return "$".join((_FORM, *(base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt)))))


def password_fits(kept: str, password: str) -> bool:
    """Tell whether a password is the one of a hash, in constant time; one scrypt, whatever is given."""
    _, salt, wanted = kept.split("$")
    found = _scrypt(password[:LONGEST_PASSWORD], base64.b64decode(salt))
    return hmac.compare_digest(found, base64.b64decode(wanted)) and len(password) <= LONGEST_PASSWORD


def code_now(account: Account, clock: Clock) -> str:
    """Return the code that the account's phone would show now."""
    return TOTP(account.totp, interval=_STEP).generate_otp(int(clock().timestamp()) // _STEP)


def _scrypt(password: str, salt: bytes) -> bytes:
    text = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, **_COST)


def _nobody() -> Account:
    """Return an account that nothing fits, tried in place of names that are unknown. It costs no scrypt to make."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode() for size in (16, 32))
    return Account(subject="nobody", name="nobody", password=f"{_FORM}${salt}${digest}", totp=random_base32())
