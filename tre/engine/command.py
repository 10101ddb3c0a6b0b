"""Runs the Pulumi command line, each run in a process group of its own, and stops them all together.

A terminal sends Ctrl-C to a whole process group, and Pulumi ends at once when it is told twice. In groups of
their own the engines are told once, by us, and finish what they have begun.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from tre.console import say

OnOutput = Callable[[str], object]
_OPERATIONS: Final = frozenset({"up", "preview", "refresh", "destroy"})
_LAZY: Final = "--skip-plugin-pre-install"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Running:
    """The engine processes that run now, and whether somebody has asked them to stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[str]] = set()
        self.interrupts = 0

    @contextmanager
    def each(self, process: subprocess.Popen[str]) -> Generator[None]:
        """Count a process as running for as long as the context lasts."""
        with self._lock:
            self._processes.add(process)
            stop = self.interrupts > 0
        if stop:
            process.send_signal(signal.SIGINT)
        try:
            yield
        finally:
            with self._lock:
                self._processes.discard(process)

    def interrupt(self) -> int:
        """Ask every engine to finish what it has begun; asked again, to end; a third time, end it. Return how many
        there were."""
        with self._lock:
            self.interrupts += 1
            processes = list(self._processes)
        for process in processes:
            process.send_signal(signal.SIGINT if self.interrupts <= 2 else signal.SIGKILL)
        return len(processes)


class Pulumi(PulumiCommand):
    """The Pulumi command line at a known place and version, so that asking it costs no process."""

    def __init__(self, path: str, version: str, running: Running) -> None:  # pyright: ignore[reportMissingSuperCall]
        self.command = path
        self.version = VersionInfo.parse(version.removeprefix("v"))
        self.running = running
        self.runs = 0

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run one command without a terminal and return what it printed.

        Raises:
            CommandError: the command failed.
        """
        self.runs += 1
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        process = subprocess.Popen(
            [self.command, "--non-interactive", *_plugins_as_needed(args)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        with self.running.each(process), process:
            printed, complaints = process.communicate()
        for listener, text in ((on_output, printed), (on_error, complaints)):
            for line in text.splitlines():
                if listener:
                    listener(line)
        result = CommandResult(stdout=printed, stderr=complaints, code=process.returncode)
        if process.returncode:
            raise create_command_error(result)
        return result


def _plugins_as_needed(args: list[str]) -> list[str]:
    """Return the arguments of a command that fetches no plugin before it is asked for.

    Without, the engine first tries to download every plugin of the state, even one that already runs beside it: at
    an air-gapped site seconds pass until each of those requests has failed.
    """
    return [args[0], _LAZY, *args[1:]] if args[0] in _OPERATIONS else args


@contextmanager
def interruptible(running: Running) -> Generator[None]:
    """Hand Ctrl-C and SIGTERM to the engines for as long as the context lasts.

    Raises:
        KeyboardInterrupt: at the end, when somebody has asked to stop.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread install handlers.
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if not running.interrupt():
            raise KeyboardInterrupt  # No engine runs: somebody is at a question, or reading.
        if running.interrupts == 1:
            say("Stopping: the engine finishes what it has begun. Press Ctrl-C again to end at once.")

    before = {each: signal.signal(each, handle) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if running.interrupts:
        raise KeyboardInterrupt
