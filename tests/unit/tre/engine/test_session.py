"""Work side by side: bounded, in order, and stopped on request."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tre.engine.command import Running, interruptible
from tre.engine.session import Session
from tre.engine.settings import Settings


def _session(parallel: int, running: Running | None = None) -> Session:
    here = Path()
    return Session(
        Settings("demo", here, "tre", "s3://x", here, here, {}), running or Running(), parallel, ExitStack()
    )


@pytest.mark.parametrize("parallel", [1, 3])
def test_no_more_than_asked_for_run_at_once_and_results_keep_their_order(parallel: int) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def work(number: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return number * 2

    assert list(_session(parallel).side_by_side(work, range(9), lambda number: -1)) == [
        n * 2 for n in range(9)
    ]
    assert most == parallel


def test_after_a_stop_nothing_new_is_begun() -> None:
    running = Running()

    def work(number: int) -> str:
        running.interrupt()
        return "done"

    assert list(_session(1, running).side_by_side(work, range(3), lambda number: "left")) == [
        "done",
        "left",
        "left",
    ]


def test_an_interrupt_is_counted_and_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    running = Running()
    with (
        pytest.raises(KeyboardInterrupt),
        interruptible(running),
        subprocess.Popen(["sleep", "60"], text=True) as process,
        running.each(process),
    ):
        os.kill(os.getpid(), signal.SIGINT)
        process.wait()
        os.kill(os.getpid(), signal.SIGTERM)
    assert process.returncode == -signal.SIGINT
    assert running.interrupts == 2
    assert capsys.readouterr().err.count("Stopping") == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_at_a_question_ends_it_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible(Running()):
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the question went on")


def test_an_error_is_not_hidden_by_the_handlers() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="x"), interruptible(Running()):
        raise ValueError("x")
    assert signal.getsignal(signal.SIGINT) is before
