"""The parsing process: its limits hold, and its end is nobody else's."""

from __future__ import annotations

import resource
import struct
import zlib
from pathlib import Path

import pytest

from portal.checks import confined as module
from portal.checks.confined import Confined
from portal.checks.window import Unreadable
from tests.portal.checks import made


def _with_program(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str) -> None:
    path = folder / "program.py"
    path.write_text(program)
    monkeypatch.setattr(module, "_PROGRAM", path)


def test_one_process_answers_many_questions() -> None:
    with Confined() as confined:
        for _ in range(3):
            assert confined.ask("picture", made.picture())[0]["width"] == 40
        with pytest.raises(Unreadable):
            confined.ask("picture", b"no picture")
        assert confined.ask("pdf", made.document())[0]["pages"] == 1


def test_a_parser_that_never_ends_is_killed_and_another_one_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patched, Confined(within=1) as confined:
        _with_program(patched, tmp_path, "import time\nwhile True: time.sleep(1)\n")
        with pytest.raises(Unreadable, match="limits of time"):
            confined.ask("picture", made.picture())
    with Confined() as confined:
        assert confined.ask("picture", made.picture())[0]["width"] == 40


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(1)",
        "print('not json', flush=True)",
        "print('{\"size\": -1}', flush=True)",
        "print('{\"size\": 99999999999}', flush=True)",
        "print('{\"size\": 10}', flush=True)",
        "print('x' * 5000000, flush=True)",
    ],
    ids=["ends", "no-json", "negative", "huge", "short", "endless-line"],
)
def test_a_parser_that_is_broken_into_gives_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str
) -> None:
    _with_program(monkeypatch, tmp_path, program)
    with Confined(within=5) as confined, pytest.raises(Unreadable):
        confined.ask("picture", made.picture())


def test_a_parser_has_no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRE_SECRET", "x")
    _with_program(
        monkeypatch,
        tmp_path,
        "import json, os, sys\nsys.stdin.buffer.readline()\n"
        "print(json.dumps({'size': 0, 'names': sorted(os.environ)}), flush=True)\nsys.stdin.buffer.read()\n",
    )
    with Confined() as confined:
        names = confined.ask("picture", b"")[0]["names"]
    assert "TRE_SECRET" not in names
    assert set(names) <= {"LC_CTYPE"}


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_pictures_that_promise_too_many_pixels_are_not_decoded() -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")
    with Confined() as confined, pytest.raises(Unreadable, match="pixels"):
        confined.ask("picture", body)


@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE"])
def test_the_parser_bounds_its_own_memory_and_files(limit: str) -> None:
    with Confined() as confined:
        confined.ask("picture", made.picture())
        process = confined._process  # pyright: ignore[reportPrivateUsage]
        assert process is not None
        soft, hard = resource.prlimit(process.pid, getattr(resource, limit))
    assert soft == hard
    assert 0 <= soft <= 2 << 30
