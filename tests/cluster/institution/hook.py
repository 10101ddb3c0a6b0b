"""A web hook over TLS on this machine, which keeps what it is told by whoever knows the secret."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.certified import Certified


@dataclass
class Hook:
    """What was told, and how often without a right signature."""

    told: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    forged: int = 0


@contextlib.contextmanager
def open_hook(certified: Certified, address: str, port: int, secret: str) -> Generator[Hook]:
    """Take notices until the block ends."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            right = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            if hmac.compare_digest(right, self.headers["Tre-Signature"]):
                hook.told.append(json.loads(body))
            else:
                hook.forged += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((address, port), Handler)
    server.socket = certified.serving().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
