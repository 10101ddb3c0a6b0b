"""The moments at which a process may die: each touch of the disk, each commit, and the middle of each stream."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

_TOUCHES: Final = ("rename", "unlink", "write", "link", "mkdir", "copy_file_range")
"""Calls of `os` by which the folder store changes the disk. Each is followed by a moment."""
_DECIDING: Final = frozenset({"rename", "unlink"})
"""These make bytes count or vanish: there is a moment before them as well."""


class Moments:
    """Counts moments, and kills the process at one of them (0: at none)."""

    def __init__(self, fatal: int = 0) -> None:
        self.fatal, self.count, self.kinds = fatal, 0, Counter[str]()
        self._lock = threading.Lock()

    def pass_by(self, kind: str) -> None:
        """Live through a moment, or die in it, as if the power had gone."""
        with self._lock:
            self.count += 1
            self.kinds[kind] += 1
            if self.count == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch_the_disk(self) -> None:
        """Count from here on what this process does to the disk."""
        for name in _TOUCHES:
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            if name in _DECIDING:
                self.pass_by(f"before {name}")
            result = call(*arguments, **named)
            self.pass_by(f"after {name}")
            return result

        return watched
