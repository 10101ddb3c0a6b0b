"""Recognises values that point to one person. Each recogniser takes one trimmed cell and is linear in its length."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

_LONGEST: Final = 320
"""Characters of the longest identifier, an e-mail address (RFC 5321)."""
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(?:\.[^@\s.]{1,63}){1,8}")
_POSTCODE: Final = re.compile(r"(?:[A-Z]{1,2}[0-9][A-Z0-9]?|GIR) ?[0-9][A-Z]{2}")
_INSURANCE: Final = re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]")
_PHONE: Final = re.compile(r"(?:\+44 ?|0044 ?|0)[1-37][0-9 ]{8,12}")
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9:.Z+]{1,20})?|[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}"
)
_NHS_LENGTH: Final = 10
_BIRTH: Final = re.compile(r"\bdob\b|birth|\bborn\b|geburt|naissance", re.IGNORECASE)
NAMES: Final = re.compile(
    r"\b(?:nhs|chi|patient|person|subject|participant|pseudo|study|record|hospital|mrn)[ _.-]?"
    r"(?:no|num|number|id|key)\b"
    r"|\b(?:forename|surname|first[ _]?name|last[ _]?name|full[ _]?name|address)\b",
    re.IGNORECASE,
)
"""Headings under which people are named."""


def is_nhs_number(text: str) -> bool:
    """Tell whether a text is an NHS (or CHI) number: ten digits, the last of which checks the others (modulo 11)."""
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) != _NHS_LENGTH or not (digits.isascii() and digits.isdigit()):
        return False
    rest = sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return (11 - rest) % 11 == int(digits[9])


def _ten_digits(text: str) -> bool:
    digits = text.replace(" ", "").replace("-", "")
    return len(digits) == _NHS_LENGTH and digits.isascii() and digits.isdigit()


KINDS: Final[Mapping[str, Callable[[str], bool]]] = {
    "NHS number": is_nhs_number,
    "e-mail address": lambda text: _EMAIL.fullmatch(text) is not None,
    "postcode": lambda text: _POSTCODE.fullmatch(text.upper()) is not None,
    "National Insurance number": lambda text: _INSURANCE.fullmatch(text.upper()) is not None,
    "telephone number": lambda text: _PHONE.fullmatch(text) is not None,
}


def kinds(text: str) -> tuple[str, ...]:
    """Return what kinds of identifier a cell may be; `ten digits` tells of what an NHS number could also be."""
    if not 5 <= len(text) <= _LONGEST:
        return ()
    found = tuple(kind for kind, matches in KINDS.items() if matches(text))
    return (*found, "ten digits") if _ten_digits(text) else found


def is_date(text: str) -> bool:
    """Tell whether a text is a full date."""
    return _DATE.fullmatch(text) is not None


def names_birth(heading: str) -> bool:
    """Tell whether a column's heading speaks of birth."""
    return _BIRTH.search(heading.replace("_", " ")) is not None
