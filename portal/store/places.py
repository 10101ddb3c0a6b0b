"""Where the bytes lie: five areas, what one process may do in each, and the keys under which they lie there."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from portal.domain.errors import Invalid, Unavailable


class Area(enum.StrEnum):
    """A place of the object store. What was sent goes through `HELD`, which no door writes, to a release area."""

    OUTPUT_UPLOADS = "output_uploads"
    INPUT_UPLOADS = "input_uploads"
    HELD = "held"
    RELEASED_OUTPUTS = "released_outputs"
    RELEASED_INPUTS = "released_inputs"


class Mode(enum.StrEnum):
    """What a process may do in an area. Both moving and removing need `BOTH` where bytes vanish."""

    NONE = "none"
    READ = "read"
    WRITE = "write"
    BOTH = "both"

    @property
    def reads(self) -> bool:
        """Tell whether bytes may be read."""
        return self in {Mode.READ, Mode.BOTH}

    @property
    def writes(self) -> bool:
        """Tell whether bytes may be written."""
        return self in {Mode.WRITE, Mode.BOTH}


@dataclass(frozen=True)
class Place:
    """One area's address, and what this process may do there.

    `address` is `file:///folder`, `s3://bucket/prefix`, `az://container/prefix` or `memory:///`.
    `options` are the store's own settings by the names that obstore gives them (`endpoint`, `region`, ...).
    `secrets` names files that hold the rest; what neither names, the store finds in the process's environment.
    `sole` says that no other process writes there, so that a file may change its folder without being copied.
    """

    address: str
    mode: Mode = Mode.BOTH
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, Path] = field(default_factory=dict[str, Path])
    sole: bool = False

    def settings(self, where: str) -> dict[str, str]:
        """Return the store's settings, with the secrets read from their files.

        Raises:
            Unavailable: a file of a secret cannot be read. The message names the secret, not its file.
        """
        found = dict(self.options)
        for name, file in self.secrets.items():
            try:
                found[name] = file.read_text().strip()
            except OSError:
                raise Unavailable(f"the secret '{name}' of a store cannot be read", "", where) from None
        return found


@dataclass(frozen=True)
class Piece:
    """What was written or read: bytes, and their SHA-256 in hexadecimal."""

    size: int
    sha256: str


_B, _R, _W, _N = Mode.BOTH, Mode.READ, Mode.WRITE, Mode.NONE
INSIDE: Final[Mapping[Area, Mode]] = dict(zip(Area, (_W, _N, _N, _N, _R), strict=True))
"""What the inside door may do: it cannot read what it sent."""
OUTSIDE: Final[Mapping[Area, Mode]] = dict(zip(Area, (_N, _W, _R, _R, _N), strict=True))
"""What the outside door may do."""
WORKER: Final[Mapping[Area, Mode]] = dict.fromkeys(Area, _B)
"""What the worker may do: everything."""

_SEGMENT: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
_KEY: Final = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{0,7}}")


def checked_key(key: str) -> str:
    """Return a key, which is made of identifiers of our own: letters, digits, `-` and `_` between slashes.

    Raises:
        Invalid: it is made of anything else, so that no key can ever leave its folder.
    """
    if not _KEY.fullmatch(key):
        raise Invalid("a key of the store holds identifiers alone", "", "")
    return key


def checked_prefix(prefix: str) -> str:
    """Return a prefix: whole segments of a key, with or without a slash at the end; empty means all.

    Raises:
        Invalid: it is not of that form.
    """
    bare = prefix.removesuffix("/")
    return checked_key(bare) if bare else ""
