"""The made-up internet host: a web server that a pod without policy reaches, and a workspace must not.

It answers every request with one line, also where clouds serve their metadata. It runs in a network namespace of
its own, so nothing it does can leave the machine.
"""

from __future__ import annotations

import http.server
from typing import Final

PORT: Final = 80
ANSWER: Final = b"the made-up internet\n"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    do_POST = do_GET  # data that leaves would leave by a request like this

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: probes are many and a log of them tells nobody anything."""


def main() -> None:
    """Serve until the process is ended."""
    with http.server.ThreadingHTTPServer(("", PORT), _Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
