"""The lines that stand beside the chain in an export. An event names each by the hash of its canonical form."""

from __future__ import annotations

from typing import Any

from portal.database.tables import KeyRow, ReceiptRow, RecordRow


def key(row: KeyRow) -> dict[str, Any]:
    """Return the line of a public key."""
    return {"kind": "key", "key_id": row.key_id, "public": row.public, "at": row.at.isoformat()}


def record(row: RecordRow) -> dict[str, Any]:
    """Return the line of a signed record."""
    return {
        "kind": "record",
        "request_id": row.request_id,
        "body": row.body,
        "signature": row.signature,
        "key_id": row.key_id,
        "at": row.at.isoformat(),
    }


def receipt(row: ReceiptRow) -> dict[str, Any]:
    """Return the line of a receipt."""
    return {
        "kind": "receipt",
        "id": row.id,
        "request_id": row.request_id,
        "file_id": row.file_id,
        "path": row.path,
        "sha256": row.sha256,
        "person": row.person,
        "person_name": row.person_name,
        "at": row.at.isoformat(),
    }
