"""Whether a cluster runs, and where it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from providers.kubernetes.cluster import lifecycle
from providers.kubernetes.cluster.places import State
from tre.errors import TreError

HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print(flush=True)
time.sleep(60)
"""


def test_who_holds_the_lock_is_the_cluster(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert lifecycle.holder(state) is None
    command = [sys.executable, "-c", HOLD, str(state.lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert lifecycle.holder(state) == process.pid
        process.kill()
        process.wait()
    assert lifecycle.holder(state) is None


def test_who_is_not_root_is_told_so_and_what_else_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle.os, "geteuid", lambda: 1000)
    with pytest.raises(TreError, match=r"needs root(.|\n)*kubeconfig"):
        lifecycle.refuse_unsuitable_machine()


def test_another_system_than_linux_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle.platform, "system", lambda: "Darwin")
    with pytest.raises(TreError, match=r"Darwin(.|\n)*kubeconfig"):
        lifecycle.refuse_unsuitable_machine()


def test_a_root_that_may_not_do_everything_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle.os, "geteuid", lambda: 0)
    monkeypatch.setattr(lifecycle, "_NEEDS", {"it needs the moon": lambda: False})
    with pytest.raises(TreError, match=r"needs the moon(.|\n)*kubeconfig"):
        lifecycle.refuse_unsuitable_machine()
