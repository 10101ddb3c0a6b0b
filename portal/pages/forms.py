"""Reads what a browser's forms send (`application/x-www-form-urlencoded`); the door bounds how much that may be."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from portal.domain.errors import Invalid, Refused
from portal.pages import words

FIELD: Final = "form_token"
HEADER: Final = "Tre-Form-Token"
_MOST_FIELDS: Final = 10_000
_TYPE: Final = "application/x-www-form-urlencoded"

Form = Mapping[str, str]


async def read(request: Request) -> Form:
    """Return a form's fields; of fields with one name the last.

    Raises:
        Invalid: it is no such form.
    """
    if not request.headers.get("content-type", "").lower().startswith(_TYPE):
        raise unread()
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"),
            keep_blank_values=True,
            strict_parsing=False,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise unread() from None
    return dict(pairs)


def unread() -> Invalid:
    """Return the refusal of what is not a form."""
    return Invalid(words.say("error.form_unread"), words.say("error.form_unread_remedy"))


def old() -> Refused:
    """Return the refusal of a form that is not of this session."""
    return Refused(words.say("error.form_old"), words.say("error.form_old_remedy"))


def number(text: str) -> int:
    """Return a number that is not negative.

    Raises:
        Invalid: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(words.say("error.no_number"))
    return int(text)


def token_of(secret: str) -> str:
    """Return a session's form token: it follows from the session's own secret, and does not give it away."""
    return hmac.new(secret.encode(), b"tre-form-1", hashlib.sha256).hexdigest() if secret else ""
