"""Receipts: that a person fetched a released file, whole. Each is named in the chain, so that none can be invented."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.database.tables import ReceiptRow
from portal.domain.clock import Clock
from portal.record import chain, forms, lines

ACTION = "fetch"
"""The event that names a receipt."""


def receive(session: Session, clock: Clock, project: str, row: ReceiptRow) -> None:
    """Add a receipt and its event. `row.at` must be set, and is what the receipt says."""
    session.add(row)
    detail = {
        "actor_name": row.person_name,
        "file": row.file_id,
        "path": row.path,
        "sha256": row.sha256,
        forms.SEALS: forms.digest(lines.receipt(row)),
    }
    chain.append(
        session,
        clock,
        actor=row.person,
        action=ACTION,
        project=project,
        request_id=row.request_id,
        detail=detail,
    )
