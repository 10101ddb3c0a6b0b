"""HTTP as the doors speak it: uvicorn's parser in C, with a limit on what comes before and after a body.

The parser by itself keeps headers and trailers for as long as somebody sends them, signed in or not.
"""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD: Final = 64 << 10
"""Bytes of a request's line and headers, or of its trailers; the last piece read may go over it."""


class BoundedHttp(HttpToolsProtocol):
    """One connection. What is neither a body nor ends the headers is counted; over the limit it is refused."""

    _moved = False
    _counted = 0

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        self._moved = False
        super().data_received(data)
        self._counted = 0 if self._moved else self._counted + len(data)
        if self._counted > MOST_HEAD and not self.transport.is_closing():
            self.send_400_response("The headers are too large.")

    def on_headers_complete(self) -> None:
        """Note that the headers have ended."""
        self._moved = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Note that a body has come: it has limits of its own."""
        self._moved = True
        super().on_body(body)
