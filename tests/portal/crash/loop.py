"""Kills a process at every moment of a request's life, and lets another one go on.

A program of its own (`python -m tests.portal.crash.loop SPECIFICATION`), so that it forks while it has no threads:
each child is a fresh process that cost no import. Its last line is JSON: how many moments there were, of what kinds,
and what went wrong at which of them.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal.database import opening
from portal.domain.states import Direction
from tests.portal.crash.journey import Journey, let_go
from tests.portal.crash.moments import Moments

_OVER = 3
"""After so many journeys that nothing killed, every moment has had its turn."""
_ENOUGH = 5
"""Problems that are told."""


class Loop:
    """One loop: a direction, where it happens, and how to make a fresh database there."""

    def __init__(self, direction: Direction, folder: Path, fresh: Callable[[Path], str]) -> None:
        self.direction, self.folder, self.fresh = direction, folder, fresh
        self.survived = 0
        """Journeys that were over before their moment came: threads race for a few, so that not every run has them."""

    def run(self, every: int) -> dict[str, Any]:
        """Kill at every n-th moment, until the journey is over before its moment comes; return what happened."""
        count, kinds = self._undisturbed()
        problems: dict[str, str] = {}
        moment = killed = 0
        while self.survived < _OVER and len(problems) < _ENOUGH:
            moment += 1
            why = self._at(1 + (moment - 1) * every)
            killed = moment - self.survived
            if why:
                problems[str(1 + (moment - 1) * every)] = why
        return {"moments": count, "kinds": kinds, "killed": killed, "problems": problems}

    def _learn(self) -> None:
        """Make the journey once in this process, so that its children know every statement, and have no threads."""
        folder = self._folder()
        journey = Journey.open(self.fresh(folder), folder, self.direction, Moments(), 0)
        journey.go()
        journey.at_the_end()
        del journey
        let_go()
        gc.collect()
        while threading.active_count() > 1:
            time.sleep(0.001)

    def _undisturbed(self) -> tuple[int, dict[str, int]]:
        self._learn()
        folder = self._folder()
        url = self.fresh(folder)
        report = folder / "moments"

        def live() -> None:
            moments = self._live(url, folder, 0)
            Journey.open(url, folder, self.direction, Moments(), 1).at_the_end()
            report.write_text(json.dumps([moments.count, moments.kinds]))

        status, why = _forked(folder, live)
        if status:
            raise RuntimeError(f"the journey fails without any crash: {why}")
        count, kinds = json.loads(report.read_text())
        return count, kinds

    def _at(self, moment: int) -> str:
        """Kill at one moment and go on; return what went wrong, or nothing."""
        folder = self._folder()
        url = self.fresh(folder)
        status, why = _forked(folder, lambda: self._live(url, folder, moment))
        if why:
            return why
        self.survived += not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)

        def go_on() -> None:
            journey = Journey.open(url, folder, self.direction, Moments(), 1)
            journey.after_a_crash()
            journey.go()
            journey.at_the_end()

        return _forked(folder, go_on)[1]

    def _live(self, url: str, folder: Path, fatal: int) -> Moments:
        moments = Moments(fatal)
        journey = Journey.open(url, folder, self.direction, moments, 0)
        moments.count = 0  # the journey begins when the site stands
        moments.kinds.clear()
        moments.watch_the_disk()
        journey.go()
        return moments

    def _folder(self) -> Path:
        """Return an empty folder, always of the same name."""
        folder = self.folder / "now"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def _forked(folder: Path, work: Callable[[], object]) -> tuple[int, str]:
    """Do something in a child; return its status, and its traceback if it failed by itself."""
    why = folder / "why"
    why.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            why.write_text(traceback.format_exc())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status, why.read_text() if why.exists() else ""


def _sqlite(template: str) -> Callable[[Path], str]:
    content = Path(template).read_bytes()

    def fresh(folder: Path) -> str:
        (folder / "airlock.db").write_bytes(content)
        return f"sqlite:///{folder / 'airlock.db'}"

    return fresh


def _postgres(urls: str) -> Callable[[Path], str]:
    """Take the databases of a server one after the other."""
    left = iter(urls.split())
    return lambda folder: next(left)


def main() -> None:
    """Run the loop that the arguments name: direction, folder, every, `sqlite` or `postgres`, and where."""
    direction, folder, every, kind, where = sys.argv[1:]
    # What a killed process wrote is in the system's hands: nothing here needs the disk itself.
    settings = [text.replace("= FULL", "= OFF") for text in opening._SQLITE_SETTINGS]  # pyright: ignore[reportPrivateUsage]
    setattr(opening, "_SQLITE_SETTINGS", settings)  # noqa: B010
    fresh = _sqlite(where) if kind == "sqlite" else _postgres(where)
    report = Loop(Direction(direction), Path(folder), fresh).run(int(every))
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
