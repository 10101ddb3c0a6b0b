"""What people and programs send: identifiers and texts, taken only where every part of the airlock can hold them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from portal.domain.errors import Invalid, NotFound

_IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PROJECT: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,80}")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
LONGEST_TITLE: Final = 300
LONGEST_TEXT: Final = 4000
"""Characters of a purpose or a reason."""


def request_id(text: str) -> str:
    """Return an identifier as it was made; anything else names nothing.

    Raises:
        NotFound: it is none of ours.
    """
    if not _IDENTIFIER.fullmatch(text):
        raise NotFound("there is no such request", "Check the number, and the project you are in.")
    return text


def file_id(text: str) -> str:
    """Return a file's identifier.

    Raises:
        NotFound: it is none of ours.
    """
    if not _IDENTIFIER.fullmatch(text):
        raise no_file()
    return text


def no_file() -> NotFound:
    """Return the refusal of a file that is not in the request."""
    return NotFound("the request has no such file", "Look at the request again.")


def project(text: str) -> str:
    """Return a project's name.

    Raises:
        NotFound: no project can have it.
    """
    if not _PROJECT.fullmatch(text):
        raise NotFound("there is no such project", "Check its name.")
    return text


def title(text: str) -> str:
    """Return a request's title: one line of 1 to 300 characters."""
    return _held(text, "title", 1, LONGEST_TITLE, lines=False)


def purpose(text: str) -> str:
    """Return what a request is for: up to 4,000 characters."""
    return _held(text, "purpose", 0, LONGEST_TEXT, lines=True)


def reason(text: str, *, wanted: bool) -> str:
    """Return a reason, of at least one character where one is wanted."""
    return _held(text, "reason", int(wanted), LONGEST_TEXT, lines=True)


def _held(text: str, what: str, least: int, most: int, *, lines: bool) -> str:
    text = unicodedata.normalize("NFC", text).strip()
    if not least <= len(text) <= most:
        raise Invalid(f"a {what} has {least} to {most} characters", "", what)
    allowed = "\n\r\t" if lines else ""
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in allowed for c in text):
        raise Invalid(f"a {what} holds no control characters", "Remove them and try again.", what)
    return text


def idempotency_key(text: str | None) -> str | None:
    """Return the key under which a person repeats a call: 1 to 80 visible ASCII characters."""
    if text is not None and not _KEY.fullmatch(text):
        raise Invalid("an idempotency key has 1 to 80 visible ASCII characters", "", "idempotency_key")
    return text


def sha256(text: str) -> str:
    """Return a SHA-256 in hexadecimal, in small letters."""
    if not _SHA256.fullmatch(text.lower()):
        raise Invalid("a SHA-256 is 64 hexadecimal digits", "", "sha256")
    return text.lower()


def media_type(text: str) -> str:
    """Return a media type (RFC 6838) in small letters, without parameters."""
    bare = text.split(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(bare):
        raise Invalid("a media type looks like text/csv", "Leave it out if you do not know it.", "media_type")
    return bare
