"""Calls of people who decide, look after things, or audit: at the outside door alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response, StreamingResponse

from portal.domain import rights
from portal.domain.errors import Refused
from portal.domain.people import SITE, Person, Role
from portal.domain.rights import Action, Whose
from portal.domain.states import Direction
from portal.preview import Preview
from portal.record.exporting import export
from portal.service import Airlock
from portal.service.views import EventView, Page, PersonView, RequestDetail, RequestView
from portal.web.api.answers import BYTES, LINES, Record, Shown
from portal.web.api.picking_up import download
from portal.web.context import SIGNED_IN, Caller, Service, described, listed, said
from portal.web.errors import documented
from portal.web.models import (
    LARGEST_NUMBER,
    Cursor,
    Decision,
    FileId,
    Identifier,
    Name,
    NeededReason,
    ProjectName,
    RequestId,
)

router = APIRouter(dependencies=SIGNED_IN)


@router.get("/queue", tags=["deciding"], summary="What waits for me", **described(Page[RequestView]))
def queue(
    person: Caller,
    airlock: Service,
    before: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Return what waits for the person's decision, longest waiting first."""
    return said(airlock.queue(person, before, limit))


@router.post(
    "/requests/{request_id}/decisions",
    tags=["deciding"],
    summary="Decide",
    **described(RequestDetail, 201, 400, 409, 413),
)
def decide(request_id: RequestId, body: Decision, person: Caller, airlock: Service) -> Response:
    """Approve, reject or ask for changes: on exactly the manifest that was looked at, once, never on one's own."""
    files = {number: each.model_dump() for number, each in body.files.items()}
    decided = airlock.decide(
        person,
        request_id,
        outcome=body.outcome,
        manifest_sha256=body.manifest_sha256,
        reason=body.reason,
        files=files,
    )
    return said(decided, 201)


@router.post(
    "/requests/{request_id}/revoke",
    tags=["deciding"],
    summary="Take an approval back",
    **described(RequestView, 200, 400, 409, 413),
)
def revoke(request_id: RequestId, body: NeededReason, person: Caller, airlock: Service) -> Response:
    """Take an approval back: the bytes leave the release area, and links stop working."""
    return said(airlock.revoke(person, request_id, body.reason))


@router.post(
    "/requests/{request_id}/retry",
    tags=["operating"],
    summary="Let a failed request go on",
    **described(RequestView, 200, 409),
)
def retry(request_id: RequestId, person: Caller, airlock: Service) -> Response:
    """Let a failed request go on from where it failed."""
    return said(airlock.retry(person, request_id))


@router.get(
    "/requests/{request_id}/files/{file_id}/preview",
    tags=["deciding"],
    summary="Look at a file",
    **described(Shown, 200, 409),
)
async def preview(request_id: RequestId, file_id: FileId, person: Caller, airlock: Service) -> Response:
    """Return what a reviewer sees of a file without taking it away."""
    return JSONResponse(_shown(await airlock.preview(person, request_id, file_id)))


def _shown(preview: Preview) -> dict[str, object]:
    return {
        "kind": preview.kind,
        "columns": list(preview.columns),
        "rows": [list(row) for row in preview.rows],
        "text": preview.text,
        "picture": base64.b64encode(preview.picture).decode(),
        "notes": list(preview.notes),
        "truncated": preview.truncated,
    }


@router.get(
    "/requests/{request_id}/files/{file_id}/content",
    tags=["deciding"],
    summary="Download a file under review",
    response_model=None,
    response_class=Response,
    responses={200: BYTES, **documented(409)},
)
async def content(request_id: RequestId, file_id: FileId, person: Caller, airlock: Service) -> Response:
    """Return a frozen file to its reviewer, where the project's tier allows it (0 and 1)."""
    return download(*await airlock.download_for_review(person, request_id, file_id))


@router.get(
    "/requests/{request_id}/record",
    tags=["auditing"],
    summary="The signed disclosure record",
    **described(Record, 200, 409),
)
def record(request_id: RequestId, person: Caller, airlock: Service) -> Response:
    """Return the record exactly as signed (SATRE 3.3.09)."""
    return JSONResponse(airlock.record(person, request_id))


@router.get("/events", tags=["auditing"], summary="The log of events", **described(list[EventView]))
def events(
    person: Caller,
    airlock: Service,
    project: Annotated[Name | None, Query()] = None,
    request_id: Annotated[Identifier | None, Query()] = None,
    after: Annotated[int, Query(ge=0, le=LARGEST_NUMBER)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Return events in their order, those after a number."""
    return listed(airlock.events(person, project, request_id, after, limit))


@router.get(
    "/projects/{project}/people",
    tags=["auditing"],
    summary="Who was seen with a role",
    **described(list[PersonView]),
)
def people(project: ProjectName, person: Caller, airlock: Service) -> Response:
    """Return the people of a project, as a door last saw them."""
    return listed(airlock.people(person, project))


@router.get(
    "/export",
    tags=["auditing"],
    summary="The whole record, to be verified offline",
    response_model=None,
    response_class=Response,
    responses={200: LINES, **documented()},
)
def whole(person: Caller, airlock: Service, project: Annotated[Name | None, Query()] = None) -> Response:
    """Return the site's record, or one project's, as JSON lines that `tre audit verify` proves without us."""
    if project == SITE or not _may_export(person, project):
        raise Refused("your roles do not let you read this record", "Ask an auditor.")
    return StreamingResponse(_lines(airlock, project), media_type="application/jsonl")


def _may_export(person: Person, project: str | None) -> bool:
    if project is None:
        return Role.AUDITOR in person.site_wide
    return all(rights.whose(person, project, way, Action.READ_RECORD) is Whose.ANY for way in Direction)


def _lines(airlock: Airlock, project: str | None) -> Iterator[bytes]:
    with airlock.parts.database.reading() as session:
        yield from export(session, project)
