"""The kinds of text that site and project files hold, each with a sentence that says how to write it."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

SENTENCES: Final[dict[str, str]] = {}
"""How to write what each pattern asks for, for error messages and the reference."""

PROBLEM: Final = "tre"
"""The pydantic error type of our own checks; its context holds `what` and `remedy`."""


def _pattern(pattern: str, sentence: str) -> str:
    SENTENCES[pattern] = sentence
    return pattern


NAME_PATTERN: Final = _pattern(
    # No double hyphen: backends join site and project with one, so that no two pairs share a physical name.
    r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
    'small letters, digits and single hyphens, a letter first and no hyphen last, such as "heart-study"',
)
PERSON_PATTERN: Final = _pattern(
    r"^[a-z][a-z0-9._-]{0,62}[a-z0-9]$",
    'a sign-in name of small letters, digits, dots, hyphens and underscores, such as "ada.lovelace"',
)
EMAIL_PATTERN: Final = _pattern(
    r"^[^@\s<>,;\"]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,188}[A-Za-z0-9])?\.[A-Za-z]{2,63}$",
    'an e-mail address, such as "ada@example.org"',
)
IMAGE_PATTERN: Final = _pattern(
    r"^(embedded|[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64})$",
    "an image by its digest (registry.example.org/name@sha256:<64 hexadecimal digits>), "
    'or "embedded" for the local cluster\'s own image',
)
ISSUER_PATTERN: Final = _pattern(
    r"^(embedded|https://[^\s/?#@]+(/[^\s?#]*)?)$",
    '"embedded" for the TRE\'s own sign-in service, or the https address of an existing OpenID Connect issuer',
)
WEB_PATTERN: Final = _pattern(
    r"^https://[^\s/?#@]+(/[^\s#]*)?$", 'an https address, such as "https://hooks.example.org/tre"'
)
CERTIFICATE_PATTERN: Final = _pattern(
    r"^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----(\n[\s\S]*)?$",
    'certificates in PEM, from "-----BEGIN CERTIFICATE-----" on, as a block of text',
)
CLAIM_PATTERN: Final = _pattern(
    r"^[^\s.]+(\.[^\s.]+)*$", 'keys of a token, joined by dots, such as "realm_access.roles"'
)
SHA256_PATTERN: Final = _pattern(r"^([0-9a-f]{64})?$", "64 hexadecimal digits in small letters")
HOST_PATTERN: Final = _pattern(
    r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$",
    'a host\'s full name without scheme or path, such as "tools.example.org"',
)
CURRENCY_PATTERN: Final = _pattern(r"^[A-Z]{3}$", 'a currency\'s three letters (ISO 4217), such as "GBP"')
PATH_PATTERN: Final = _pattern(r"^/[^\x00-\x1f]+$", "a file's absolute path inside the loader's image")
LINE_PATTERN: Final = _pattern(
    r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$", "one line of text that is not blank"
)
PROMISE_PATTERN: Final = _pattern(
    r"^[a-z_]+/[a-z-]+$", 'a promise by its full name, such as "workspace/no-route-to-internet"'
)


def problem(what: str, remedy: str = "") -> PydanticCustomError:
    """Return an error for a validator to raise, in our words."""
    return PydanticCustomError(PROBLEM, "{what}", {"what": what, "remedy": remedy})


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise problem(f'"{text[:60]}" is not a network', 'Write one such as "192.0.2.0/24".') from None
    if "/" not in text or str(network.network_address) != text.partition("/")[0].lower():
        raise problem(f'"{text}" is one address in a network', f'Write the network: "{network}".')
    if network.prefixlen == 0:
        raise problem(f"{text} is the whole internet, which names no network", "Write your own networks.")
    return text


SiteName = Annotated[str, Field(pattern=NAME_PATTERN, min_length=2, max_length=16)]
ProjectName = Annotated[str, Field(pattern=NAME_PATTERN, min_length=2, max_length=20)]
Name = Annotated[str, Field(pattern=NAME_PATTERN, min_length=2, max_length=40)]
PersonName = Annotated[str, Field(pattern=PERSON_PATTERN)]
Email = Annotated[str, Field(pattern=EMAIL_PATTERN)]
Image = Annotated[str, Field(pattern=IMAGE_PATTERN, max_length=400)]
Issuer = Annotated[str, Field(pattern=ISSUER_PATTERN, max_length=400)]
WebAddress = Annotated[str, Field(pattern=WEB_PATTERN, max_length=400)]
Certificate = Annotated[str, Field(pattern=CERTIFICATE_PATTERN, max_length=64_000)]
Claim = Annotated[str, Field(pattern=CLAIM_PATTERN, max_length=200)]
Port = Annotated[int, Field(ge=1, le=65535)]
Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN)]
Host = Annotated[str, Field(pattern=HOST_PATTERN, max_length=253)]
Currency = Annotated[str, Field(pattern=CURRENCY_PATTERN)]
FilePath = Annotated[str, Field(pattern=PATH_PATTERN, max_length=400)]
Line = Annotated[str, Field(pattern=LINE_PATTERN, max_length=200)]
PromiseName = Annotated[str, Field(pattern=PROMISE_PATTERN)]
Network = Annotated[str, AfterValidator(_network)]
Level = Annotated[int, Field(ge=0, le=4)]
"""A tier."""
