"""Ports of this machine that nobody uses now."""

from __future__ import annotations

import contextlib
import socket


def free_port() -> int:
    """Return a port that is free, as is the one after it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port
