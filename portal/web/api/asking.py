"""Calls of people who ask: outputs at the inside door, inputs at the outside door."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import JSONResponse, Response

from portal.service import asking as announced
from portal.service.views import FileView, RequestView
from portal.web.context import SIGNED_IN, Caller, Service, described, said
from portal.web.errors import documented
from portal.web.models import (
    LARGEST_SIZE,
    FileId,
    NewFile,
    NewFiles,
    NewRequest,
    Reason,
    RequestId,
    Sha256,
    Submission,
)

router = APIRouter(tags=["asking"], dependencies=SIGNED_IN)
_PART: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The part's bytes, of any length that the limits allow.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Key = Annotated[str | None, Header(max_length=80, pattern=r"^[\x21-\x7e]*$")]


@router.post("/requests", summary="Begin a request", **described(RequestView, 201, 400, 409, 413))
def create(body: NewRequest, person: Caller, airlock: Service, idempotency_key: Key = None) -> Response:
    """Begin a request; the same `Idempotency-Key` gives the same one, however often it is sent."""
    made = airlock.create(
        person, body.project, body.direction, body.title, body.purpose, idempotency_key or None
    )
    return said(made, 201)


@router.post(
    "/requests/{request_id}/files",
    summary="Announce a file",
    **described(FileView, 201, 400, 409, 413),
)
def add_file(request_id: RequestId, body: NewFile, person: Caller, airlock: Service) -> Response:
    """Announce a file; the same path and size again give the same one, with the bytes that it has."""
    added = airlock.add_file(person, request_id, body.path, body.expected_size, body.media_type)
    return said(added, 201)


@router.post(
    "/requests/{request_id}/file-lists",
    summary="Announce many files",
    **described(list[FileView], 201, 400, 409, 413),
)
def add_files(request_id: RequestId, body: NewFiles, person: Caller, airlock: Service) -> Response:
    """Announce many files at once, all or none, in the order given; otherwise as one alone."""
    files = [announced.NewFile(each.path, each.expected_size, each.media_type) for each in body.files]
    added = [view.document() for view in airlock.add_files(person, request_id, files)]
    return JSONResponse(added, 201)


@router.put(
    "/requests/{request_id}/files/{file_id}/content",
    summary="Send a part of a file",
    openapi_extra=_PART,
    **described(FileView, 200, 400, 408, 409, 413),
)
async def upload(
    request: Request,
    request_id: RequestId,
    file_id: FileId,
    person: Caller,
    airlock: Service,
    offset: Annotated[int, Query(ge=0, le=LARGEST_SIZE, description="Bytes that came before.")] = 0,
    last: Annotated[bool, Query(description="This part is the file's last.")] = False,
    sha256: Annotated[Sha256 | None, Query(description="Of this part; checked where given.")] = None,
) -> Response:
    """Take one part. 409 where `offset` is not the size so far: the answer's `offset` is."""
    stream = request.stream()
    view = await airlock.upload(person, request_id, file_id, offset, stream, last=last, sha256=sha256)
    return said(view)


@router.delete(
    "/requests/{request_id}/files/{file_id}",
    summary="Take a file out",
    status_code=204,
    response_model=None,
    responses=documented(409),
)
def remove_file(request_id: RequestId, file_id: FileId, person: Caller, airlock: Service) -> Response:
    """Take a file out of a request that is not handed in; gone already is fine."""
    airlock.remove_file(person, request_id, file_id)
    return Response(status_code=204)


@router.post(
    "/requests/{request_id}/submit", summary="Hand a request in", **described(RequestView, 200, 400, 409, 413)
)
def submit(
    request_id: RequestId, person: Caller, airlock: Service, body: Submission | None = None
) -> Response:
    """Hand a request in: from here its bytes are frozen."""
    return said(airlock.submit(person, request_id, body.version if body else None))


@router.post(
    "/requests/{request_id}/withdraw",
    summary="Take a request back",
    **described(RequestView, 200, 400, 409, 413),
)
def withdraw(request_id: RequestId, person: Caller, airlock: Service, body: Reason | None = None) -> Response:
    """Take a request back, before anybody has decided."""
    return said(airlock.withdraw(person, request_id, body.reason if body else ""))
