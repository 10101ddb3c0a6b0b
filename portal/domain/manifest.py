"""What exactly a request holds: the list of files that every decision names by one hash.

The canonical form is JSON with sorted keys, no white space and UTF-8 text, so that anybody can compute the same
SHA-256 years later from the disclosure record alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

FORM: Final = "tre-manifest-1"


@dataclass(frozen=True, order=True)
class Entry:
    """One file: its path in the request, SHA-256 in hexadecimal, bytes, and media type (RFC 6838)."""

    path: str
    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True)
class Manifest:
    """The files of one request, sorted by path."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Manifest:
        """Return the manifest of some files, in whatever order they are given."""
        return cls(tuple(sorted(entries)))

    def canonical(self) -> bytes:
        """Return the bytes that are hashed."""
        files = [
            {"path": e.path, "sha256": e.sha256, "size": e.size, "media_type": e.media_type}
            for e in self.entries
        ]
        return json.dumps(
            {"form": FORM, "files": files}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()

    @property
    def sha256(self) -> str:
        """Return the manifest's own hash, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @property
    def size(self) -> int:
        """Return the bytes of all files together."""
        return sum(entry.size for entry in self.entries)
