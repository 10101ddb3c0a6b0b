"""A table of our own, a release host, and programs made for a test."""

from __future__ import annotations

import http.server
from dataclasses import dataclass, field
from pathlib import Path

from tre.toolchain.table import Machine, Table, read

MACHINE = Machine("linux", "amd64")


@dataclass
class Server:
    """A release host: the `files` it gives, the paths it was `asked` for, how many bytes it falls `short`."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    asked: list[str] = field(default_factory=list[str])
    short: int = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, host: Server, *arguments: object) -> None:
        self.host = host
        super().__init__(*arguments)  # pyright: ignore[reportArgumentType] (the server's own arguments)

    def do_GET(self) -> None:
        self.host.asked.append(self.path)
        body = self.host.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write((body or b"")[: len(body or b"") - self.host.short])

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def write_table(folder: Path, tools: str) -> Table:
    """Write and read a table with the given tools, all in the group `all`, and the tool `go`."""
    text = f"""
[groups]
all = ["hello"]
[packages]
made-up = {{ provides = "no-such-command", groups = ["all"] }}
compiler = {{ provides = "no-such-compiler" }}
[tools.go]
version = "1.26.6"
path = ">=1.26.6,<2"
ask = ["version"]
{tools}
"""
    (folder / "tools.toml").write_text(text)
    return read(folder, MACHINE)


def write_program(place: Path, version: str = "1.2.3", code: int = 0) -> Path:
    """Write a program that tells a version and counts how often it was run, in a file beside it."""
    place.write_text(f"#!/bin/sh\necho run >> {place}.runs\necho 'hello version v{version}'\nexit {code}\n")
    place.chmod(0o755)
    return place
