"""A real clamd with signatures of our own: EICAR's test file and one that only these tests know."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
OURS = b"a string that is malware in these tests and nowhere else"
STREAM_LIMIT = 8 << 20
"""Bytes that this clamd takes at most."""


@dataclass(frozen=True)
class Running:
    """Where a clamd listens, and its process."""

    socket: str
    port: int
    process: subprocess.Popen[bytes]


def _configure(folder: Path, port: int) -> Path:
    signatures = folder / "signatures"
    signatures.mkdir()
    (signatures / "tests.hdb").write_text(
        f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Eicar-Test-Signature\n"
    )
    (signatures / "tests.ndb").write_text(f"Tre.Test.Ours:0:*:{OURS.hex()}\n")
    lines = [
        "Foreground yes",
        f"LocalSocket {folder / 'clamd.sock'}",
        "TCPAddr 127.0.0.1",
        f"TCPSocket {port}",
        f"DatabaseDirectory {signatures}",
        f"TemporaryDirectory {folder}",
        f"StreamMaxLength {STREAM_LIMIT}",
        "MaxThreads 4",
    ]
    if os.geteuid() == 0:
        lines.append("User root")
    configuration = folder / "clamd.conf"
    configuration.write_text("\n".join(lines) + "\n")
    return configuration


def _wait(running: Running) -> None:
    for _ in range(600):
        if running.process.poll() is not None:
            raise RuntimeError(f"clamd ended with {running.process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", running.port), 1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("clamd does not listen")


@pytest.fixture(scope="session")
def clamd() -> Iterator[Running]:
    """Give a clamd that listens on a local socket and on loopback, and end it after the last test."""
    # A short path: the name of a local socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="clamd-") as name:
        folder, port = Path(name), free_port()
        configuration = _configure(folder, port)
        process = subprocess.Popen(
            ["/usr/sbin/clamd", "--config-file", str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running = Running(str(folder / "clamd.sock"), port, process)
        try:
            _wait(running)
            yield running
        finally:
            process.terminate()
            process.wait(30)
