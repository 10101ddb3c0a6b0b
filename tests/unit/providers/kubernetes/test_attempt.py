"""What a probe's attempt does where nobody listens yet."""

from __future__ import annotations

import socket
import threading

import pytest

from providers.kubernetes.live import attempt


@pytest.fixture
def quiet() -> socket.socket:
    """Return a socket at a port of this machine's own, on which nobody listens."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


def _to(quiet: socket.socket, seconds: float) -> dict[str, object]:
    host, port = quiet.getsockname()
    return {"name": "reach", "kind": "tcp", "host": host, "port": port, "expect": False, "seconds": seconds}


def test_a_refusal_before_anybody_listens_is_not_taken_for_a_wall(quiet: socket.socket) -> None:
    with quiet:
        later = threading.Timer(0.5, quiet.listen)
        later.start()
        assert attempt.tried(_to(quiet, 60)) == "ok"
        later.join()


def test_what_nobody_ever_answers_fails_after_its_time(quiet: socket.socket) -> None:
    with quiet:
        assert attempt.tried(_to(quiet, 0.5)).startswith("ConnectionRefusedError")
