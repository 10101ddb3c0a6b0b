"""Runs commands as a user would, and tells their wall time and the peak memory of their whole process tree."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TRE: Final = str(Path(sys.executable).with_name("tre"))
_SAMPLE_SECONDS: Final = 0.25
"""Asking for a process's memory costs the kernel a millisecond or more: what is timed should not wait for that."""


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds on the wall, and the most memory held at once (MB, proportional set size)."""

    seconds: float
    peak_mb: float
    output: str


def tre(*arguments: str, check: bool = True) -> Run:
    """Run `tre` with some arguments.

    Raises:
        RuntimeError: it failed; its last words are in the message.
    """
    began = time.monotonic()
    process = subprocess.Popen([TRE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = _Peak(process.pid)
    output, _ = process.communicate()
    seconds = time.monotonic() - began
    if check and process.returncode:
        raise RuntimeError(f"tre {' '.join(arguments)} ended with {process.returncode}:\n{output[-2000:]}")
    return Run(seconds, peak.stop(), output)


class _Peak:
    """Samples the memory of a process and all below it."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._ended = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self._most = max(self._most, sum(map(_pss_mb, _tree(self._pid))))

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._most


def _tree(pid: int) -> Sequence[int]:
    found, todo = [pid], [pid]
    while todo:
        parent = todo.pop()
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                below = [int(each) for each in (task / "children").read_text().split()]
                found, todo = [*found, *below], [*todo, *below]
    return found


def _pss_mb(pid: int) -> float:
    """Return a process's proportional set size: memory that processes share is split among them."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
