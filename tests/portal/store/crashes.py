"""A process of its own that dies, or meets a limit, in the middle of the store's work; run by `test_crashes.py`.

    python -m tests.portal.store.crashes steps FOLDER    die at every step, look at what is left, and try again
    python -m tests.portal.store.crashes limited FOLDER  write more than the system lets this process write
    python -m tests.portal.store.crashes stall FOLDER    write some of a stream, say so, and wait to be killed

What it found is printed as JSON.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from portal.domain.errors import Unavailable
from portal.store.areas import Areas
from tests.portal.store.stores import HELD, KEY, MIB, RELEASED, UPLOADS, folders, joined, listed, put

CONTENT: Final = [b"a" * MIB, b"b"]
_WHOLE: Final = b"".join(CONTENT)
_STEPS: Final = ("write", "copy_file_range", "fsync", "mkdir", "rename", "link", "unlink", "rmdir")
"""The calls that change what a disk holds: to die before any other is to die after one of these."""
_OPERATIONS: Final[dict[str, Callable[[Areas], Coroutine[Any, Any, object]]]] = {
    "write": lambda areas: put(areas, UPLOADS, KEY, *CONTENT),
    "move": lambda areas: areas.move(UPLOADS, HELD, KEY),
    "copy_joined": lambda areas: areas.copy_joined(UPLOADS, [KEY], RELEASED, KEY),
}


def steps(root: Path) -> list[dict[str, object]]:
    """Die before the n-th call of the system, for every n until the work is done; return what was wrong."""
    found: list[dict[str, object]] = []
    for sole in (True, False):
        for name, operation in _OPERATIONS.items():
            count = 0
            while _dies(folder := root / f"{sole}-{name}-{count}", sole, name, operation, count):
                found.append(
                    {"what": f"{name}, sole={sole}, {count}", "wrong": _wrong(folder, sole, name, operation)}
                )
                count += 1
    return found


def _dies(
    root: Path, sole: bool, name: str, operation: Callable[[Areas], Coroutine[Any, Any, object]], count: int
) -> bool:
    """Tell whether a process died that does the operation and is killed before its n-th step."""
    if process := os.fork():
        status = os.waitpid(process, 0)[1]
        if status and not os.WIFSIGNALED(status):
            raise RuntimeError("the work failed before it could be killed")
        return os.WIFSIGNALED(status)
    try:
        areas = Areas.open(folders(root, sole=sole))
        if name != "write":
            asyncio.run(put(areas, UPLOADS, KEY, *CONTENT))
        _kill_at(count)
        asyncio.run(operation(areas))
        os._exit(0)
    finally:
        os._exit(1)


def _kill_at(count: int) -> None:
    left = [count]

    def deadly(call: Callable[..., object]) -> Callable[..., object]:
        def called(*arguments: object, **named: object) -> object:
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return call(*arguments, **named)

        return called

    for name in _STEPS:
        setattr(os, name, deadly(getattr(os, name)))


def _wrong(
    root: Path, sole: bool, name: str, operation: Callable[[Areas], Coroutine[Any, Any, object]]
) -> list[str]:
    """Return what is not as it must be after a death, and after the same work was done again (in a new process)."""
    read, write = os.pipe()
    if process := os.fork():
        os.close(write)
        with os.fdopen(read) as answer:
            text = answer.read()
        os.waitpid(process, 0)
        return json.loads(text or '["the look at it died"]')
    os.write(write, json.dumps(asyncio.run(_looked(root, sole, name, operation))).encode())
    os._exit(0)


async def _looked(
    root: Path, sole: bool, name: str, operation: Callable[[Areas], Coroutine[Any, Any, object]]
) -> list[str]:
    areas = Areas.open(folders(root, sole=sole))
    wrong: list[str] = []
    stands = {area: await listed(areas, area) for area in (UPLOADS, HELD, RELEASED)}
    for area, keys in stands.items():
        wrong += [
            f"{area}: {key} is not whole" for key in keys if await joined(areas.read(area, key)) != _WHOLE
        ]
    if name != "write" and not stands[UPLOADS] and not stands[HELD]:
        wrong.append("the bytes are lost")
    await operation(areas)
    for area in (UPLOADS, HELD, RELEASED):
        await areas.sweep(area, datetime.timedelta(0))
        wrong += [f"{area}: {file.name} is left" for file in (root / area / ".writing").glob("*")]
    target = {"write": UPLOADS, "move": HELD, "copy_joined": RELEASED}[name]
    if await joined(areas.read(target, KEY)) != _WHOLE:
        wrong.append("the second try did not end the work")
    return wrong


def limited(root: Path) -> dict[str, object]:
    """Write more than this process may, and then less."""
    areas = Areas.open(folders(root))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB // 2, MIB // 2))
    try:
        asyncio.run(put(areas, HELD, KEY, *CONTENT))
    except Unavailable as error:
        keys = asyncio.run(listed(areas, HELD))
        left = len(list((root / HELD / ".writing").iterdir()))
        asyncio.run(put(areas, HELD, KEY, b"less"))
        return {"told": error.what, "keys": keys, "left": left}
    return {"told": ""}


def stall(root: Path) -> None:
    """Write some of a stream and wait."""

    async def stalling() -> AsyncGenerator[bytes, None]:
        yield b"x" * (3 * MIB)
        yield b"y"
        sys.stdout.write("stalled\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    asyncio.run(Areas.open(folders(root)).write(HELD, KEY, stalling(), 1 << 30))


if __name__ == "__main__":
    mode, folder = sys.argv[1:]
    if mode == "stall":
        stall(Path(folder))
    else:
        sys.stdout.write(json.dumps({"steps": steps, "limited": limited}[mode](Path(folder))))
