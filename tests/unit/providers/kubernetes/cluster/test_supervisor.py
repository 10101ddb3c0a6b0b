"""The supervisor, run as a process of its own (it reaps every child of its process)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import sys
from pathlib import Path
from providers.kubernetes.cluster import supervisor
from providers.kubernetes.cluster.supervisor import Part, Supervisor

folder = Path(sys.argv[1])
supervisor._LOG_CHECK, supervisor._LOG_LIMIT = 0.1, 1000
parts = [
    Part("steady", ["sleep", "1000"]),
    Part("stubborn", ["sh", "-c", "trap '' TERM; echo $STUBBORN; sleep 1000"], environment={"STUBBORN": "no"}),
    Part("waiting", ["sleep", "1000"], needs=[folder / "go"]),
    Part("once", ["true"], once=True),
    Part("failing", ["false"]),
    Part("parent", ["sh", "-c", "sleep 0.1 & exec sleep 1000"]),
    Part("loud", ["sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; sleep 0.002; done"]),
]
supervisor._PATIENCE = 0.5
Supervisor(parts, folder / "logs", folder / "status.json").run()
"""


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A running supervisor and its folder. Its group is killed afterwards, whatever it did."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)])
    eventually(lambda: (tmp_path / "status.json").exists())
    yield process, tmp_path
    children = [part["pid"] for part in status(tmp_path).values() if part["pid"]]
    process.kill()
    process.wait()
    for pid in children:
        subprocess.run(["kill", "-9", str(pid)], check=False, capture_output=True)


def status(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "status.json").read_text())


def eventually(test: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not test():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def state(folder: Path, part: str, word: str) -> Callable[[], bool]:
    return lambda: status(folder)[part]["state"] == word


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_dies_is_started_again(supervised: tuple[subprocess.Popen[bytes], Path]) -> None:
    _, folder = supervised
    eventually(state(folder, "steady", "running"))
    first = status(folder)["steady"]["pid"]
    os.kill(first, signal.SIGKILL)
    eventually(
        lambda: (
            status(folder)["steady"]["restarts"] == 1 and status(folder)["steady"]["pid"] not in (None, first)
        )
    )
    assert status(folder)["steady"]["last_exit"] == -signal.SIGKILL


def test_a_part_that_keeps_failing_is_tried_ever_less_often(
    supervised: tuple[subprocess.Popen[bytes], Path],
) -> None:
    _, folder = supervised
    eventually(lambda: status(folder)["failing"]["restarts"] >= 3)
    assert status(folder)["failing"]["state"] in ("restarting", "running")
    assert status(folder)["failing"]["restarts"] < 10


def test_a_part_waits_for_what_it_needs(supervised: tuple[subprocess.Popen[bytes], Path]) -> None:
    _, folder = supervised
    eventually(state(folder, "steady", "running"))
    assert status(folder)["waiting"]["state"] == "waiting"
    (folder / "go").touch()
    eventually(state(folder, "waiting", "running"))


def test_a_part_that_ends_by_itself_is_done(supervised: tuple[subprocess.Popen[bytes], Path]) -> None:
    _, folder = supervised
    eventually(state(folder, "once", "done"))
    assert status(folder)["once"]["restarts"] == 0


def test_logs_stay_short_and_a_part_has_its_environment(
    supervised: tuple[subprocess.Popen[bytes], Path],
) -> None:
    _, folder = supervised
    logs = folder / "logs"
    eventually(lambda: (logs / "loud.log.1").exists())
    eventually(lambda: (logs / "stubborn.log").exists() and (logs / "stubborn.log").read_text() == "no\n")


def test_it_stops_even_what_does_not_want_to_stop_politely(
    supervised: tuple[subprocess.Popen[bytes], Path],
) -> None:
    process, folder = supervised
    eventually(state(folder, "stubborn", "running"))
    steady = status(folder)["steady"]["pid"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert not alive(steady)
