"""How fast the airlock's store writes, hashes, moves and releases a file, beside `sha256sum` and `cp` on the same disk.

The bytes come from memory, block by block as a web server hands them over, so that the figures are the store's own.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Final, TypeVar

import psutil

from portal.store.areas import Areas
from portal.store.places import Area, Place

_CHUNK: Final = 64 << 10
_KEY: Final = "request/file/0001-000000"
_HASHLIB: Final = "import hashlib, sys; hashlib.file_digest(open(sys.argv[1], 'rb'), 'sha256')"
"""Some builds of `sha256sum` leave the processor's own instructions unused: this is the harder figure."""
_Result = TypeVar("_Result")


def measure(size: int, folder: Path | None = None, *, fsync: bool = True) -> dict[str, float]:
    """Return seconds of each step for a file of `size` bytes, and the memory by which this process grew (MiB).

    `folder` is where the files are made (they are removed again); by default the system's folder for such files.
    `sole` steps are those of a laptop, where one process writes everything; `apart` those of doors that are apart.

    Raises:
        AssertionError: a hash is not the one of the bytes that were written.
    """
    work = Path(tempfile.mkdtemp(dir=folder))
    try:
        return {**_plain(work, size), **asyncio.run(_ours(work, size, fsync=fsync))}
    finally:
        shutil.rmtree(work)


def _plain(work: Path, size: int) -> dict[str, float]:
    source = work / "source"
    with source.open("wb") as file:
        for chunk in _chunks(size):
            file.write(chunk)
    subprocess.run(["sync", str(source)], check=True)
    hashed = _command("sha256sum", str(source))
    faster = _command(sys.executable, "-c", _HASHLIB, str(source))
    copied = _command("cp", str(source), str(work / "copy"))
    flushed = _command("sync", str(work / "copy"))
    for file in (source, work / "copy"):
        file.unlink()
    return {"sha256sum": hashed, "hashlib": faster, "cp": copied, "sync after cp": flushed}


def _command(*command: str) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


async def _ours(work: Path, size: int, *, fsync: bool) -> dict[str, float]:
    found: dict[str, float] = {}
    memory = _Memory()

    async def timed(name: str, step: Awaitable[_Result]) -> _Result:
        began = time.monotonic()
        result = await step
        found[name] = time.monotonic() - began
        return result

    for name, sole in (("sole", True), ("apart", False)):
        areas = Areas.open(
            {area: Place((work / name / area).as_uri(), sole=sole) for area in Area}, fsync=fsync
        )
        sent = await timed(f"{name}: write", areas.write(Area.OUTPUT_UPLOADS, _KEY, _stream(size), size))
        await timed(f"{name}: move", areas.move(Area.OUTPUT_UPLOADS, Area.HELD, _KEY))
        held = await timed(f"{name}: digest", areas.digest(Area.HELD, [_KEY]))
        joining = areas.copy_joined(Area.HELD, [_KEY], Area.RELEASED_OUTPUTS, "request/file")
        released = await timed(f"{name}: copy_joined", joining)
        assert sent == held == released and sent.size == size
        shutil.rmtree(work / name)
    return {**found, "memory grown (MiB)": memory.stop()}


def _chunks(size: int) -> list[bytes]:
    random_bytes = random.Random(1).randbytes(_CHUNK)
    whole, rest = divmod(size, _CHUNK)
    return [random_bytes] * whole + [random_bytes[:rest]]


async def _stream(size: int) -> AsyncIterator[bytes]:
    for chunk in _chunks(size):
        yield chunk


class _Memory:
    """Samples the most memory that this process held beyond what it held at first. MiB."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._first = self._most = self._process.memory_info().rss
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._ended.wait(0.02):
            self._most = max(self._most, self._process.memory_info().rss)

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return (self._most - self._first) / (1 << 20)


if __name__ == "__main__":
    for what, figure in measure(int(sys.argv[1]) << 20).items():
        print(f"{what:24} {figure:8.2f}")  # noqa: T201
