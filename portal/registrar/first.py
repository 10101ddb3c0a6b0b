"""What a new person signs in with for the first time: derived from one key, so that nothing needs to be kept.

The operator, who can read the key, tells the person; both are replaced at the first sign-in where `Start` says so.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac


class Start(enum.StrEnum):
    """How accounts begin: `changed` makes people choose a password and set up a second factor of their own at the
    first sign-in; `ready` gives both, for a demonstration."""

    CHANGED = "changed"
    READY = "ready"


_PASSWORD_BYTES = 15
_CODE_BYTES = 20


def password(key: str, name: str) -> str:
    """Return a person's first password: 24 letters and digits."""
    return base64.b32encode(_derived(key, f"password {name}")[:_PASSWORD_BYTES]).decode().lower()


def code_secret(key: str, name: str) -> str:
    """Return the secret of a person's first one-time codes, as the text whose bytes are the key (RFC 6238)."""
    return _derived(key, f"code {name}").hex()[: 2 * _CODE_BYTES]


def _derived(key: str, purpose: str) -> bytes:
    return hmac.new(key.encode(), purpose.encode(), hashlib.sha256).digest()
