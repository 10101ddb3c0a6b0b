"""Pages of auditors: the events and whether their chain holds, the signed record of a release, the export."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from portal.database.opening import Database
from portal.database.tables import EventRow
from portal.domain import rights
from portal.domain.errors import Refused
from portal.domain.people import SITE, Person, Role
from portal.domain.rights import Action, Whose
from portal.domain.states import Direction
from portal.pages import forms, looking, words
from portal.pages.visits import Book, Visit
from portal.record import chain
from portal.record import forms as canonical
from portal.record.exporting import export

_EVENTS: Final = 100
_PROVED_FOR: Final = 30.0
"""Seconds for which a proof of the chain is shown."""


def add(book: Book) -> None:
    """Add the pages; the outside door alone has them."""
    book.get("/audit", _Audit())
    book.get("/audit/export", _export)
    book.get("/requests/{request_id}/events", _events_of)
    book.get("/requests/{request_id}/record", _record)
    book.get("/requests/{request_id}/record.json", _record_file)


@dataclass(frozen=True)
class Chain:
    """What proving the chain gave: how many events fit, and where it broke first."""

    holds: bool
    count: int
    where: str = ""


def prove(session: Session) -> Chain:
    """Hash every event again, in order, up to the chain's end, in bounded memory."""
    end = chain.head(session)
    columns = (EventRow.seq, EventRow.body, EventRow.previous, EventRow.hash)
    query = select(*columns).where(EventRow.seq <= end.seq).order_by(EventRow.seq)
    rows = session.execute(query.execution_options(yield_per=_EVENTS))
    return proved(((seq, body, before, link) for seq, body, before, link in rows), end.seq, end.hash)


def proved(rows: Iterable[tuple[int, str, str, str]], seq: int, head: str) -> Chain:
    """Return whether events (number, body, hash before, hash) follow one another up to a known end."""
    count, before = 0, canonical.START
    for number, body, previous, link in rows:
        if number != count + 1 or previous != before or link != canonical.linked(before, body):
            return Chain(False, count, str(count + 1))
        count, before = number, link
    return Chain(True, count) if (count, before) == (seq, head) else Chain(False, count, str(count + 1))


class _Prover:
    """Proves the chain at most twice a minute: hashing a long one takes a second of a processor."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._found = Chain(True, 0)

    def chain(self, database: Database) -> Chain:
        """Return what the last proof gave; a broken chain stays broken until it is proved again."""
        with self._lock:
            if time.monotonic() - self._at > _PROVED_FOR:
                with database.reading() as session:
                    self._found = prove(session)
                self._at = time.monotonic()
            return self._found


class _Audit:
    """The page of events. Each door has one, so that its proof is kept between two visits."""

    def __init__(self) -> None:
        self._prover = _Prover()

    def __call__(self, visit: Visit) -> Response:
        """Return the page."""
        return _audit(visit, self._prover)


def _audit(visit: Visit, prover: _Prover) -> Response:
    wanted = {"project": visit.asked("project"), "request": visit.asked("request").strip()}
    events = visit.airlock.events(
        visit.someone,
        wanted["project"] or None,
        wanted["request"] or None,
        forms.number(visit.asked("after") or "0"),
        _EVENTS,
    )
    full = len(events) == _EVENTS
    following = urlencode({**{k: v for k, v in wanted.items() if v}, "after": events[-1].seq if full else 0})
    return visit.show(
        "audit.html",
        words.say("audit.title"),
        events=events,
        wanted=wanted,
        next=f"/audit?{following}" if full else "",
        chain=prover.chain(visit.airlock.parts.database),
        projects=visit.airlock.projects(visit.someone),
        may_export=bool(_exportable(visit.someone, wanted["project"])),
    )


def _events_of(visit: Visit) -> Response:
    return RedirectResponse(f"/audit?{urlencode({'request': visit.named('request_id')})}", 303)


def _exportable(person: Person, project: str) -> bool:
    """Tell whether the person may read the whole record of a project, or of the site where none is named."""
    if not project:
        return Role.AUDITOR in person.site_wide
    return all(rights.whose(person, project, way, Action.READ_RECORD) is Whose.ANY for way in Direction)


def _export(visit: Visit) -> Response:
    project = visit.asked("project")
    if project == SITE or not _exportable(visit.someone, project):
        raise Refused(words.say("error.not_offered"), words.say("error.not_reviewed_remedy"))
    headers = {"Content-Disposition": f'attachment; filename="airlock-{project or "record"}.jsonl"'}
    lines = _lines(visit, project or None)
    return StreamingResponse(lines, media_type="application/jsonl", headers=headers)


def _lines(visit: Visit, project: str | None) -> Iterator[bytes]:
    with visit.airlock.parts.database.reading() as session:
        yield from export(session, project)


def _record(visit: Visit) -> Response:
    request_id = visit.named("request_id")
    detail = visit.airlock.request(visit.someone, request_id)
    found = visit.airlock.record(visit.someone, request_id)
    return visit.show(
        "record.html",
        words.say("record.title"),
        heading=detail.request.title,
        request_id=request_id,
        body=json.dumps(json.loads(found["body"]), indent=2, ensure_ascii=False),
        signature=found["signature"],
        key_id=found["key_id"],
        signed_at=found["at"],
        crumbs=looking.crumbs(detail),
    )


def _record_file(visit: Visit) -> Response:
    request_id = visit.named("request_id")
    found = visit.airlock.record(visit.someone, request_id)
    headers = {"Content-Disposition": f'attachment; filename="disclosure-{request_id}.json"'}
    return JSONResponse(found, headers=headers)
