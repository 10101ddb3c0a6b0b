"""Files that hold secrets: written for their owner alone, and refused where others could read them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from portal.domain.errors import Unavailable

OWNER_ALONE: Final = 0o077
"""Rights that nobody but the owner may have on a laptop's file."""
NOT_EVERYBODY: Final = 0o007
"""Rights that nobody outside the owning group may have: files that a cluster mounts belong to a group."""
_LARGEST: Final = 4 << 20


def read_secret(path: Path, forbidden: int = NOT_EVERYBODY) -> bytes:
    """Return a secret file's bytes, without white space around them.

    Raises:
        Unavailable: it cannot be read, is empty or too large, or its mode gives others a `forbidden` right.
    """
    try:
        with path.open("rb") as file:
            # Asked of the open file, so that nothing can be put in its place in between.
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LARGEST + 1).strip()
    except OSError as error:
        raise Unavailable(f"a secret cannot be read: {error.strerror}", "", path.name) from None
    if mode & forbidden:
        raise Unavailable(
            "others can read or change a secret", "chmod 600 the file, then change it.", path.name
        )
    if not content or len(content) > _LARGEST:
        raise Unavailable("a secret is empty or too large", "", path.name)
    return content


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read: whole or not at all, and never for a moment open to others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
