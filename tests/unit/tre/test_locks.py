"""What only one run may do at a time: the second waits, and says for whom."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tre.locks import alone

HOLDER = """
import sys
from pathlib import Path
from tre.locks import alone
with alone(Path(sys.argv[1]), "nobody"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_waits_aloud_until_the_first_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, went_on = tmp_path / "folder" / "lock", threading.Event()

    def second() -> None:
        with alone(file, "site demo: another verification is at work"):
            went_on.set()

    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        thread = threading.Thread(target=second)
        thread.start()
        assert not went_on.wait(0.3)
        holder.kill()
    thread.join(60)
    assert went_on.is_set()
    assert "another verification is at work; waiting for that one" in capsys.readouterr().err


def test_whoever_is_first_hears_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with alone(tmp_path / "lock", "somebody"):
            pass
    assert capsys.readouterr() == ("", "")
