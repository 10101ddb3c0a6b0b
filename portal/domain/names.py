"""Paths of files inside a request: kept as the person wrote them, and never able to leave their folder.

Any Unicode is welcome that says one thing to every reader: names are brought to one form (NFC), and what hides or
reverses text, ends a line or is read as a path elsewhere is refused with the reason.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from portal.domain.errors import Invalid

LONGEST_PATH: Final = 1024
"""Bytes of UTF-8, the least that the object stores we write to allow."""
LONGEST_PART: Final = 255
"""Bytes of UTF-8 in one part of a path, the limit of Linux's file systems."""
DEEPEST: Final = 32
_REMEDY: Final = "Rename the file, then add it again."
_FORBIDDEN: Final = {"Cc": "control characters", "Cf": "invisible characters", "Cs": "half characters"}
_SEPARATING: Final = {"Zl": "line separators", "Zp": "paragraph separators", "Co": "private characters"}
_JOINERS: Final = {"\u200c", "\u200d"}
"""The joiners that Persian, Indic scripts and emoji need; harmless, unlike the rest of their category."""


def safe_path(text: str) -> str:
    """Return the path in its one form, with `/` between its parts.

    Raises:
        Invalid: it is empty, too long or too deep, absolute, climbs (`..`), or holds what hides or breaks text.
    """
    path = unicodedata.normalize("NFC", text)
    _no_hidden(path)
    if not path or len(path.encode()) > LONGEST_PATH:
        raise Invalid(f"a file's path has 1 to {LONGEST_PATH} bytes", _REMEDY, path[:80])
    if "\\" in path:
        raise Invalid("a file's path holds no backslash", _REMEDY, path[:80])
    parts = path.split("/")
    if len(parts) > DEEPEST:
        raise Invalid(f"a file lies at most {DEEPEST} folders deep", _REMEDY, path[:80])
    for part in parts:
        _part(part, path)
    return path


def _no_hidden(path: str) -> None:
    for character in path:
        if character in _JOINERS:
            continue
        kind = unicodedata.category(character)
        named = _FORBIDDEN.get(kind) or _SEPARATING.get(kind)
        if named:
            raise Invalid(f"a file's path holds {named} (U+{ord(character):04X})", _REMEDY)


def _part(part: str, path: str) -> None:
    if part in {"", ".", ".."}:
        raise Invalid("a file's path is relative, without empty parts, '.' or '..'", _REMEDY, path[:80])
    if len(part.encode()) > LONGEST_PART:
        raise Invalid(f"each part of a path has at most {LONGEST_PART} bytes", _REMEDY, path[:80])
    if part != part.strip() or part.endswith("."):
        raise Invalid("no part of a path begins or ends with a space, or ends with a dot", _REMEDY, path[:80])


def folded(path: str) -> str:
    """Return what two paths share that some file system would take for one: they may not stand in one request."""
    return unicodedata.normalize("NFKC", path).casefold()
