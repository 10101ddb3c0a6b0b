"""Calls that hand out bytes: links and what they lead to, and files under review."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

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
    return Download(stream, headers)


class Download(Response):
    """A file's bytes. The stream is followed to its end, where its receipt is written, once every byte was handed over.

    A caller who hangs up before that ends the stream at once. One who hangs up after it has the file: what is left to
    do then is done all the same (Starlette's own streaming answer would be cancelled there, and the receipt lost).
    """

    def __init__(self, stream: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(None, headers=headers, media_type="application/octet-stream")
        self._stream = cast("AsyncGenerator[bytes, Any]", stream)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        gone = asyncio.create_task(_gone(receive))
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            async with contextlib.aclosing(self._stream):
                async for piece in self._stream:
                    if gone.done():
                        raise ClientDisconnect
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def disposition(path: str) -> str:
    """Return the header that names a download by its last part, in any script (RFC 6266, RFC 8187)."""
    name = path.rpartition("/")[2]
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
