"""What stands in a folder after its writer was killed: never half a file, and nothing that is lost."""

from __future__ import annotations

import datetime
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portal.store.areas import Areas
from portal.store.files import WRITING
from tests.portal.store.stores import HELD, KEY, folders, listed, put

_COMMAND = [sys.executable, "-m", "tests.portal.store.crashes"]
_NOW = datetime.timedelta(0)


def _run(mode: str, folder: Path) -> Any:
    done = subprocess.run([*_COMMAND, mode, str(folder)], capture_output=True, check=True, timeout=120)
    return json.loads(done.stdout)


def test_a_writer_that_is_killed_at_any_step_leaves_all_or_nothing_and_the_next_one_ends_its_work(
    tmp_path: Path,
) -> None:
    found = _run("steps", tmp_path)
    assert [each for each in found if each["wrong"]] == []
    for name in ("write", "move", "copy_joined"):
        assert len([each for each in found if each["what"].startswith(f"{name}, sole=False")]) > 8


def test_the_systems_own_limit_on_files_is_told_of_as_a_full_disk(tmp_path: Path) -> None:
    assert _run("limited", tmp_path) == {"told": "the store's disk is full", "keys": [], "left": 0}


@pytest.mark.anyio
async def test_a_killed_writer_leaves_no_key_and_the_sweep_takes_the_rest(tmp_path: Path) -> None:
    areas = Areas.open(folders(tmp_path), fsync=False)
    with subprocess.Popen([*_COMMAND, "stall", str(tmp_path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"stalled\n"
        assert await areas.sweep(HELD, _NOW) == 0
        writer.send_signal(signal.SIGKILL)
    assert await listed(areas, HELD) == []
    assert len(list((tmp_path / HELD / WRITING).iterdir())) == 1
    assert await areas.sweep(HELD, datetime.timedelta(hours=1)) == 0
    assert await areas.sweep(HELD, _NOW) == 1
    await put(areas, HELD, KEY, b"another try")
    assert await listed(areas, HELD) == [KEY]
