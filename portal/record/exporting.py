"""Writes the record out as JSON lines, which `portal.record.verifying` proves without the database.

Header, public keys, each signed record followed by its receipts, then the chain, then an end that counts the lines.
An export of one project withholds the events of others and gives their hashes alone, so that the chain still holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal.database.tables import EventRow, KeyRow, ReceiptRow, RecordRow, RequestRow
from portal.record import chain, forms, lines

_EVENTS: Final = 100
"""Rows held at once."""
_RECORDS: Final = 10
"""Records held at once: one may name 10,000 files."""


def export(session: Session, project: str | None = None) -> Iterator[bytes]:
    """Yield the lines of the record, each ended by a line feed, of one project or of the whole site.

    The same record gives the same bytes. The session must be one of `Database.reading`, whose snapshot holds together
    what is read in turn; it is needed until the last line was taken.
    """
    running = hashlib.sha256()
    count = 0
    for document in _documents(session, project):
        line = _line(document)
        running.update(line)
        count += 1
        yield line
    yield _line({"kind": "end", "lines": count, "sha256": running.hexdigest()})


def _line(document: Mapping[str, Any]) -> bytes:
    return forms.canonical(document).encode() + b"\n"


def _documents(session: Session, project: str | None) -> Iterator[dict[str, Any]]:
    end = chain.head(session)
    head = {"seq": end.seq, "hash": end.hash}
    yield {"kind": "header", "form": forms.EXPORT, "project": project, "head": head}
    for key in session.scalars(select(KeyRow).order_by(KeyRow.at, KeyRow.key_id)):
        yield lines.key(key)
    for record in session.scalars(_records(project).execution_options(yield_per=_RECORDS)):
        yield lines.record(record)
        for receipt in session.scalars(_receipts(record).execution_options(yield_per=_EVENTS)):
            yield lines.receipt(receipt)
    yield from _chain(session, project)


def _records(project: str | None) -> Select[RecordRow]:
    question = select(RecordRow).order_by(RecordRow.at, RecordRow.request_id)
    if project is None:
        return question
    return question.join(RequestRow, RequestRow.id == RecordRow.request_id).where(
        RequestRow.project == project
    )


def _receipts(record: RecordRow) -> Select[ReceiptRow]:
    return (
        select(ReceiptRow)
        .where(ReceiptRow.request_id == record.request_id)
        .order_by(ReceiptRow.at, ReceiptRow.id)
    )


def _chain(session: Session, project: str | None) -> Iterator[dict[str, Any]]:
    columns = (EventRow.seq, EventRow.project, EventRow.body, EventRow.previous, EventRow.hash)
    question = select(*columns).order_by(EventRow.seq).execution_options(yield_per=_EVENTS)
    for seq, of, body, previous, link in session.execute(question):
        if project is None or of == project:
            yield {"kind": "event", "seq": seq, "body": body, "previous": previous, "hash": link}
        else:
            yield {
                "kind": "withheld",
                "seq": seq,
                "body_sha256": forms.sha256(body),
                "previous": previous,
                "hash": link,
            }
