"""Calls that hand out bytes: links and what they lead to, and files under review."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from portal.service.views import FileView, LinkView
from portal.web.api.answers import BYTES
from portal.web.context import SIGNED_IN, Caller, Service, described, said
from portal.web.errors import documented
from portal.web.headers import DOWNLOAD_POLICY
from portal.web.models import FileId, RequestId, Token

router = APIRouter(tags=["picking up"], dependencies=SIGNED_IN)


@router.post(
    "/requests/{request_id}/files/{file_id}/links",
    summary="Make a link to a released file",
    **described(LinkView, 201, 409),
)
def link(request_id: RequestId, file_id: FileId, person: Caller, airlock: Service) -> Response:
    """Make a link: short-lived, for this person alone, fetched once."""
    return said(airlock.link(person, request_id, file_id), 201)


@router.get(
    "/links/{token}",
    summary="Fetch a released file",
    response_model=None,
    response_class=Response,
    responses={200: BYTES, **documented(409)},
)
async def fetch(token: Token, person: Caller, airlock: Service) -> Response:
    """Spend a link. The receipt is written when the last byte was handed over."""
    return download(*await airlock.fetch(person, token))


def download(file: FileView, stream: AsyncIterator[bytes]) -> Response:
    """Return a file to be saved: whatever it is, no browser runs or shows it."""
    headers = {
        "Content-Length": str(file.size),
        "Content-Disposition": disposition(file.path),
        "Content-Security-Policy": DOWNLOAD_POLICY,
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(file.sha256)).decode()}:",
    }
    return StreamingResponse(_closed(stream), headers=headers, media_type="application/octet-stream")


def disposition(path: str) -> str:
    """Return the header that names a download by its last part, in any script (RFC 6266, RFC 8187)."""
    name = path.rpartition("/")[2]
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def _closed(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield a stream's pieces, and close it at once where the caller hangs up: a receipt depends on it."""
    async with contextlib.aclosing(cast("AsyncGenerator[bytes, Any]", stream)):
        async for piece in stream:
            yield piece
