"""Starts the parts of the cluster, restarts what dies, reaps orphans, keeps logs short.

It runs as the first process of the cluster's pid namespace, so every orphan becomes its child and the kernel ends
everything when it ends. One thread, no callbacks: a loop that sleeps until a child dies or a quarter second passes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

BACK_OFF: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0)
"""Seconds before each restart in a row; the last one repeats."""
RESTARTS_IN_A_ROW: Final = 100
"""A part that dies this often without running a minute is left dead; `tre cluster status` says so."""
_SETTLED: Final = 60.0
_PATIENCE: Final = 3.0
_LOG_LIMIT: Final = 10 * 2**20
_LOG_CHECK: Final = 30.0
_WAKE: Final = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


@dataclass(frozen=True)
class Part:
    """One process of the cluster.

    Attributes:
        needs: files that must exist before it starts.
        once: it ends by itself when its work is done; only a failure restarts it.
    """

    name: str
    command: Sequence[str]
    needs: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    once: bool = False


@dataclass
class _Runner:
    part: Part
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    due: float = 0.0
    in_a_row: int = 0
    restarts: int = 0
    last_exit: int | None = None
    finished: bool = False

    def state(self) -> str:
        if self.process is not None:
            return "running"
        if self.finished:
            return "done" if self.part.once and self.last_exit == 0 else "given up"
        return "waiting" if self.last_exit is None else "restarting"

    def document(self) -> dict[str, Any]:
        pid = self.process.pid if self.process else None
        return {"state": self.state(), "pid": pid, "restarts": self.restarts, "last_exit": self.last_exit}

    def died(self, code: int, now: float) -> None:
        self.process, self.last_exit = None, code
        self.finished = self.part.once and code == 0
        self.in_a_row = 1 if now - self.began > _SETTLED else self.in_a_row + 1
        self.due = now + BACK_OFF[min(self.in_a_row, len(BACK_OFF)) - 1]
        self.finished = self.finished or self.in_a_row >= RESTARTS_IN_A_ROW

    def ready(self, now: float) -> bool:
        waits = self.process is not None or self.finished or now < self.due
        return not waits and all(path.exists() for path in self.part.needs)


class Supervisor:
    """Runs parts until it is asked to stop (SIGTERM, SIGINT)."""

    def __init__(self, parts: Sequence[Part], logs: Path, status: Path) -> None:
        self._runners = [_Runner(part) for part in parts]
        self._logs, self._status = logs, status
        self._written = ""

    def run(self) -> None:
        """Supervise until a signal asks to stop, then end the parts, killing those that ignore the request."""
        self._logs.mkdir(parents=True, exist_ok=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, _WAKE)
        logs_due = time.monotonic()
        while not self._asked_to_stop():
            now = time.monotonic()
            self._reap(now)
            self._start_due(now)
            self._write_status()
            if now >= logs_due:
                self._shorten_logs()
                logs_due = now + _LOG_CHECK
        self._stop()

    def _asked_to_stop(self) -> bool:
        woken = signal.sigtimedwait(_WAKE, 0.25)
        return woken is not None and woken.si_signo != signal.SIGCHLD

    def _reap(self, now: float) -> None:
        while (ended := _next_dead()) is not None:
            pid, code = ended
            for runner in self._runners:
                if runner.process is not None and runner.process.pid == pid:
                    runner.process.returncode = code  # reaped here, so Popen must not wait for it
                    runner.died(code, now)

    def _start_due(self, now: float) -> None:
        for runner in self._runners:
            if runner.ready(now):
                runner.restarts += runner.last_exit is not None
                runner.process = self._start(runner.part)
                runner.began = now

    def _start(self, part: Part) -> subprocess.Popen[bytes]:
        with (self._logs / f"{part.name}.log").open("ab") as log:
            return subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **part.environment},
                start_new_session=True,
                # The parts must not inherit the signals that this process keeps blocked. (There is one thread.)
                preexec_fn=_unblock_signals,
            )

    def _write_status(self) -> None:
        text = json.dumps({runner.part.name: runner.document() for runner in self._runners}, indent=1)
        if text != self._written:
            partial = self._status.with_suffix(".partial")
            partial.write_text(text)
            partial.replace(self._status)
            self._written = text

    def _shorten_logs(self) -> None:
        for log in self._logs.glob("*.log"):
            if log.stat().st_size > _LOG_LIMIT:
                # Writers append, so the file can be emptied under them; a few lines may be lost between the two.
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)

    def _stop(self) -> None:
        for runner in reversed(self._runners):
            if runner.process is not None:
                runner.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while any(runner.process for runner in self._runners) and time.monotonic() < deadline:
            signal.sigtimedwait(_WAKE, 0.1)
            self._reap(time.monotonic())


def _next_dead() -> tuple[int, int] | None:
    """Reap one dead child, known or orphaned, and return its pid and exit code (negative: the signal)."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _unblock_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
