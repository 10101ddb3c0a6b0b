"""Has pictures and documents parsed by a process of their own, which may use little and write nothing.

A parser that is broken into, runs wild or eats memory takes that process down and nothing else. It starts when first
asked and ends with the request whose files it parsed, so that no request meets what another left behind.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Literal, cast

from portal.checks.window import Unreadable

Task = Literal["picture", "thumbnail", "pdf", "pdf_text"]
_PROGRAM: Final = Path(__file__).with_name("parsing.py")
_LONGEST_HEADER: Final = 1 << 20
_LARGEST_ANSWER: Final = 64 << 20


class Confined:
    """The parsing process. `within` is how many seconds one file may take it."""

    def __init__(self, within: float = 30) -> None:
        self._within = within
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._left = False

    def __enter__(self) -> Confined:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, where: TracebackType | None
    ) -> None:
        self._left = True
        self.close()

    def close(self) -> None:
        """End the process, if it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()

    def ask(self, task: Task, body: bytes) -> tuple[dict[str, Any], bytes]:
        """Return what the process says of some bytes: facts, and bytes where the task makes some.

        Raises:
            Unreadable: they cannot be parsed, within the limits.
        """
        with self._lock:
            if self._left:
                raise Unreadable("nobody waits for it any more")
            process = self._process = self._process or _started()
            alarm = threading.Timer(self._within, process.kill)
            alarm.start()
            try:
                facts, made = _asked(process, task, body)
            except (OSError, ValueError) as problem:
                self.close()
                raise Unreadable("it cannot be parsed within the limits of time and memory") from problem
            finally:
                alarm.cancel()
        if "problem" in facts:
            raise Unreadable(str(facts["problem"]))
        return facts, made


def _started() -> subprocess.Popen[bytes]:
    # -I keeps the environment and this folder out of it; no variables, so no secrets either.
    return subprocess.Popen(
        [sys.executable, "-I", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
    )


def _asked(process: subprocess.Popen[bytes], task: Task, body: bytes) -> tuple[dict[str, Any], bytes]:
    to, back = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    to.write(json.dumps({"task": task, "size": len(body)}).encode() + b"\n" + body)
    to.flush()
    facts: dict[str, Any] = json.loads(back.readline(_LONGEST_HEADER))
    size = int(facts.pop("size"))
    if not 0 <= size <= _LARGEST_ANSWER:
        raise ValueError("an answer of no possible size")
    made = back.read(size)
    if len(made) != size:
        raise ValueError("an answer cut short")
    return facts, made
