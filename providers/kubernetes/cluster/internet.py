"""The made-up internet host: a web server and a name server that a pod without policy reaches, a workspace must not.

It answers every request with one line, also where clouds serve their metadata, and every name with its own
address: what a name server is asked for can carry data out, too. It runs in a network namespace of
its own, so nothing it does can leave the machine.
"""

from __future__ import annotations

import http.server
import socketserver
import threading
from typing import Final

PORT: Final = 80
NAMES_PORT: Final = 53
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


class _Names(socketserver.BaseRequestHandler):
    """Answers every question with one address record (RFC 1035, section 4.1)."""

    def handle(self) -> None:
        question, sender = self.request
        flags_and_counts = bytes.fromhex("8580 0001 0001 0000 0000")
        pointer_to_name = bytes.fromhex("c00c 0001 0001 0000003c 0004")
        address = bytes([203, 0, 113, 10])
        sender.sendto(
            question[:2] + flags_and_counts + question[12:] + pointer_to_name + address, self.client_address
        )


def main() -> None:
    """Serve until the process is ended."""
    names = socketserver.ThreadingUDPServer(("", NAMES_PORT), _Names)
    threading.Thread(target=names.serve_forever, daemon=True).start()
    with http.server.ThreadingHTTPServer(("", PORT), _Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
