"""What only one run on a machine may do at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Generator
from pathlib import Path

from tre import console


@contextlib.contextmanager
def alone(file: Path, what: str) -> Generator[None]:
    """Hold the lock of a file, which ends with the run. Whoever holds it already is waited for, aloud as `what`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.say(f"  {what}; waiting for that one")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
