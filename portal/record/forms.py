"""How the record is written down, so that anybody computes the same hashes years later. Standard library alone.

Canonical JSON: keys sorted, no white space, text as UTF-8, no number that is not finite.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

EVENT: Final = "tre-event-1"
DISCLOSURE: Final = "tre-disclosure-1"
EXPORT: Final = "tre-record-1"
START: Final = "0" * 64
"""The hash before the first event."""
SEALS: Final = "seals"
"""The key in an event's detail that names, by SHA-256, a line outside the chain: a key, a record or a receipt."""


def canonical(document: Mapping[str, Any]) -> str:
    """Return a document's canonical JSON.

    Raises:
        ValueError: it holds what JSON cannot say: another type, a number that is not finite, half a character.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    text.encode()
    return text


def linked(previous: str, body: str) -> str:
    """Return the hash of an event, from the hash before it and its body, in hexadecimal."""
    return joined(previous, sha256(body))


def joined(previous: str, body_sha256: str) -> str:
    """Return the hash of an event from its body's hash alone: SHA-256 over the two, one after the other.

    So the chain can be followed through an event whose body is withheld.
    """
    return sha256(previous + body_sha256)


def sha256(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a document's canonical form, in hexadecimal."""
    return sha256(canonical(document))
