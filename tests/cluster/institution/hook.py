"""A server over TLS on this machine that takes notices from whoever knows the secret, and traces and metrics."""

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
    """What was told, how often without a right signature, and what a collector was sent, by path."""

    told: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    forged: int = 0
    collected: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def take(self, path: str, body: bytes, signature: str, secret: str) -> None:
        """Keep what came."""
        right = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        if path.startswith("/v1/"):
            self.collected[path] = self.collected.get(path, b"") + body
        elif hmac.compare_digest(right, signature):
            self.told.append(json.loads(body))
        else:
            self.forged += 1


@contextlib.contextmanager
def open_hook(certified: Certified, address: str, port: int, secret: str) -> Generator[Hook]:
    """Take notices until the block ends."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.take(self.path, body, self.headers.get("Tre-Signature", ""), secret)
            self.send_response(200)
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
