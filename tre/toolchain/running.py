"""Long commands: output in a log, progress for the person who waits, nothing left running."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tre import console
from tre.errors import failure

_TELL_EVERY = 15.0


def run(
    name: str,
    command: Sequence[str],
    log: Path,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    progress: Callable[[str], str] = lambda printed: "",
) -> None:
    """Run a command whose output goes to `log`, and say every 15 seconds how far it is.

    `progress` turns what was printed so far into a few words. The command and all its children are ended when this
    process is interrupted. Raises `TreError` with the last lines and the log's name where the command fails.
    """
    # Where this process is killed, nobody is left to end the command: the kernel does it (Linux).
    leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    with log.open("wb") as out:
        out.write(f"$ {' '.join(command)}\n".encode())
        out.flush()
        process = subprocess.Popen(
            [*leash, *command],
            cwd=folder,
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(name, process, log, progress)
        finally:
            _end(process)
    if process.returncode:
        raise failure(name, f"`{command[0]}` failed:\n{_tail(log)}", f"everything it printed is in {log}")


def _wait(name: str, process: subprocess.Popen[bytes], log: Path, progress: Callable[[str], str]) -> None:
    began = time.monotonic()
    while process.returncode is None:
        try:
            process.wait(_TELL_EVERY)
        except subprocess.TimeoutExpired:
            minutes, seconds = divmod(int(time.monotonic() - began), 60)
            words = progress(log.read_text(errors="replace"))
            console.say(f"    {name}: {minutes}:{seconds:02d} {words}".rstrip())


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return "\n".join(f"    {line[:300]}" for line in lines[-8:])
