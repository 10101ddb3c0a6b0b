"""The key that records are signed with: Ed25519, in one file that its owner alone can read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy.orm import Session

from portal.database.tables import KeyRow
from portal.domain.clock import Clock
from portal.record import chain, forms, lines

_OTHERS: Final = stat.S_IRWXO


class Signer:
    """Signs records. `public` is the raw public key in hexadecimal, `key_id` the SHA-256 of its bytes."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = raw.hex()
        self.key_id = hashlib.sha256(raw).hexdigest()

    @classmethod
    def open(cls, path: Path) -> Signer:
        """Return the signer of a key file (PEM, PKCS #8), made whole and 0600 where there is none.

        Raises:
            PermissionError: everybody on the machine may use the file.
            ValueError: the file holds no Ed25519 key.
            OSError: the file can be neither read nor made.
        """
        if not path.exists():
            _make(path)
        if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
            raise PermissionError(f"{path} is open to others: its mode must be 0600")
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{path} holds no Ed25519 key")
        return cls(key)

    def sign(self, body: str) -> str:
        """Return the signature of a record's body, in hexadecimal."""
        return self._key.sign(body.encode()).hex()


def publish(session: Session, clock: Clock, signer: Signer) -> KeyRow:
    """Write the signer's public key down, with its event, unless it is there."""
    found = session.get(KeyRow, signer.key_id)
    if found is not None:
        return found
    row = KeyRow(key_id=signer.key_id, public=signer.public, at=clock())
    session.add(row)
    detail = {"key_id": row.key_id, forms.SEALS: forms.digest(lines.key(row))}
    chain.append(session, clock, actor="airlock", action="signing_key", detail=detail)
    return row


def _make(path: Path) -> None:
    """Make a key file that appears whole or not at all; where two make one at once, the first one's stays."""
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _keep(path.parent)


def _keep(folder: Path) -> None:
    """Make a folder's entries last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
