"""What is interrupted, locked, refused or broken, and how the next command goes on."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.conftest import Site
from tests.engine.test_life import THINGS
from tre.engine import recovery, state

pytestmark = pytest.mark.engine


def test_one_failing_project_does_not_stop_the_other_and_is_told_in_full(site: Site) -> None:
    site.world.inputs["breast-desk"] = {"fail": "access denied for the deployer"}
    code, document = site.document("up", "demo", "--yes")
    assert code == 1
    assert {each["stack"]: each["ended"] for each in document["stacks"]} == {
        "demo": "deployed",
        "demo-breast": "failed",
        "demo-diabetes": "deployed",
    }
    (failure,) = document["stacks"][1]["failed"]
    assert failure["component"] == "Workspace"
    assert failure["resource"] == "toy:index:Thing breast-desk"
    assert "access denied for the deployer" in failure["words"]
    assert failure["cause"] == "the credentials in use may not do this"
    assert "tre up demo" in failure["resume"]
    report = Path(document["stacks"][1]["report"])
    assert "access denied" in report.read_text()
    assert report.stat().st_mode & 0o777 == 0o600
    site.world.inputs.clear()
    assert site.ended() == {"demo": "unchanged", "demo-breast": "deployed", "demo-diabetes": "unchanged"}
    assert site.world.made == THINGS


def test_projects_are_left_alone_when_their_site_fails(site: Site) -> None:
    site.world.inputs["site-door"] = {"fail": "no"}
    assert site.ended("--skip-preview", fails=True) == {
        "demo": "failed",
        "demo-breast": "left",
        "demo-diabetes": "left",
    }


def test_a_fault_in_the_program_is_a_sentence(site: Site) -> None:
    site.world.inputs["breast-desk"] = {"value": object()}
    code, told = site.tre("up", "demo", "--yes", "--skip-preview")
    assert code == 1
    assert "Traceback" not in told


def _when(happens: Callable[[], bool], then: Callable[[], object]) -> threading.Thread:
    """Do something as soon as something else happens, for at most a minute."""

    def watch() -> None:
        for _ in range(1200):
            if happens():
                then()
                return
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def _engine_of(site: Site, stack: str) -> int:
    (lock,) = site.state.glob(f"stacks/.pulumi/locks/organization/tre/{stack}/*.json")
    return int(json.loads(lock.read_text())["pid"])


def test_a_killed_engine_is_taken_up_by_the_next_up(site: Site) -> None:
    site.world.inputs["breast-desk"] = {"sleep": 30}
    kill = _when(
        lambda: site.world.begun("breast-desk"),
        lambda: os.kill(_engine_of(site, "demo-breast"), signal.SIGKILL),
    )
    ended = site.ended("--skip-preview", fails=True)
    kill.join()
    assert ended == {"demo": "deployed", "demo-breast": "failed", "demo-diabetes": "deployed"}
    assert list(site.state.glob("stacks/.pulumi/locks/organization/tre/demo-breast/*.json"))
    _, status = site.document("status", "demo")
    assert status["stacks"][1]["state"] == "interrupted"
    site.world.inputs.clear()
    code, told = site.tre("up", "demo", "--yes")
    assert code == 0, told
    assert "which is gone" in told
    assert "creating Workspace: toy:index:Thing breast-desk" in told
    assert site.world.made == THINGS
    assert not list(site.state.glob("stacks/.pulumi/locks/organization/tre/*/*.json"))


def test_recover_finds_explains_and_clears_on_consent(site: Site) -> None:
    site.world.inputs["breast-desk"] = {"sleep": 30}
    kill = _when(
        lambda: site.world.begun("breast-desk"),
        lambda: os.kill(_engine_of(site, "demo-breast"), signal.SIGKILL),
    )
    site.ended("--skip-preview", fails=True)
    kill.join()
    assert site.tre("recover", "demo")[0] == 4
    _, found = site.document("recover", "demo", "--yes")
    assert found.get("cleared") == 1, found
    (left,) = found["found"]
    # Another resource of the project may have been on its way, too.
    assert {each["doing"] for each in left["pending"]} == {"creating"}
    assert [each["doing"] for each in left["pending"] if each["urn"].endswith("::breast-desk")] == [
        "creating"
    ]
    assert "Nothing was left behind" in site.tre("recover", "demo", "--yes")[1]


def test_a_killed_plugin_fails_the_stack_and_the_next_up_finishes(site: Site) -> None:
    site.world.inputs["breast-desk"] = {"sleep": 30}
    kill = _when(
        lambda: site.world.begun("breast-desk"), lambda: site.world.plugin and site.world.plugin.kill()
    )
    assert site.ended("--skip-preview", "--project", "breast", fails=True)["demo-breast"] == "failed"
    kill.join()
    site.world.inputs.clear()
    assert site.ended() == {"demo": "unchanged", "demo-breast": "deployed", "demo-diabetes": "deployed"}
    assert site.world.made == THINGS


def test_an_interrupt_reaches_the_engines_once_and_the_next_up_finishes(site: Site) -> None:
    site.world.inputs["breast-desk"] = {"sleep": 2}
    stop = _when(lambda: site.world.begun("breast-desk"), lambda: os.kill(os.getpid(), signal.SIGINT))
    code, told = site.tre("up", "demo", "--yes", "--skip-preview", "--parallel", "1")
    stop.join()
    assert code == 130
    assert "the engine finishes what it has begun" in told
    assert "breast-desk" in site.world.made
    assert not any(name.startswith("diabetes") for name in site.world.made)
    site.world.inputs.clear()
    assert site.ended()["demo-diabetes"] == "deployed"
    assert site.world.made == THINGS


def _lock(site: Site, process: int, stack: str = "demo-breast") -> Path:
    folder = site.state / "stacks/.pulumi/locks/organization/tre" / stack
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "1.json"
    held = {
        "pid": process,
        "username": "ada",
        "hostname": socket.gethostname(),
        "timestamp": "2026-01-01T00:00:00Z",
    }
    lock.write_text(json.dumps(held))
    return lock


def test_a_lock_of_a_running_engine_is_respected(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "PATIENCE", 0.3)
    site.ended("--project", "breast")
    site.edit("demo-breast", "amount: 100", "amount: 200")
    with subprocess.Popen(["pulumi-engine-of-a-test", "60"], executable="/bin/sleep") as engine:
        lock = _lock(site, engine.pid)
        code, told = site.tre("up", "demo", "--yes")
        engine.kill()
    assert code == 4
    assert f"process {engine.pid} of ada" in told
    assert lock.exists()
    assert site.tre("up", "demo", "--yes")[0] == 0
    assert not lock.exists()


def _locked_late(site: Site, process: int) -> threading.Thread:
    """Lock the second project while the first is being deployed: nobody looks for locks any more."""
    return _when(lambda: site.world.begun("breast-desk"), lambda: _lock(site, process, "demo-diabetes"))


def test_a_lock_that_comes_after_everybody_looked_is_waited_for(site: Site) -> None:
    site.world.inputs["breast-desk"] = {"sleep": 2}
    # The first report is of the refusal: then the other engine may end.
    reports = site.state / "sites/demo/failures"
    with subprocess.Popen(["pulumi-engine-of-a-test", "300"], executable="/bin/sleep") as engine:
        late = _locked_late(site, engine.pid)
        ends = _when(lambda: any(reports.glob("demo-diabetes-*.txt")), engine.kill)
        code, told = site.tre("up", "demo", "--yes", "--skip-preview", "--parallel", "1")
        late.join()
        ends.join()
    assert code == 0, told
    assert f"Waiting for process {engine.pid}, which still works on demo-diabetes" in told
    assert site.world.made == THINGS


def test_a_late_lock_that_stays_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "PATIENCE", 0.3)
    site.world.inputs["breast-desk"] = {"sleep": 2}
    with subprocess.Popen(["pulumi-engine-of-a-test", "60"], executable="/bin/sleep") as engine:
        late = _locked_late(site, engine.pid)
        code, told = site.tre("up", "demo", "--yes", "--skip-preview", "--parallel", "1")
        late.join()
        engine.kill()
    assert code == 1
    assert f"is being deployed by process {engine.pid} of ada" in told


def test_a_lock_of_another_process_with_the_same_number_is_stale(site: Site) -> None:
    site.ended("--project", "breast")
    _lock(site, os.getpid())
    assert not state.engine_runs(os.getpid())
    site.edit("demo-breast", "amount: 100", "amount: 200")
    assert site.tre("up", "demo", "--yes")[0] == 0


def test_a_target_that_keeps_too_little_is_refused_above_tier_1(site: Site) -> None:
    site.world.findings = [
        ("network policies enforced", False, "a pod reached another", "Install one that does.")
    ]
    code, told = site.tre("up", "demo", "--yes")
    assert code == 4
    assert "a pod reached another" in told
    assert "Install one that does." in told
    assert site.world.made == set()


def test_a_damaged_state_says_where_its_copy_is(site: Site) -> None:
    site.ended()
    file = next(site.state.glob("stacks/.pulumi/stacks/tre/demo-breast.json"))
    file.write_text(file.read_text()[:-40] + '"pending_operations"')
    code, told = site.tre("up", "demo", "--yes")
    assert code == 1
    assert "demo-breast.json.bak" in told


def test_a_missing_passphrase_is_told_and_never_made_anew(site: Site) -> None:
    site.ended()
    file = site.state / "passphrase"
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_text()
    site.ended("--refresh")
    assert file.read_text() == before
    file.unlink()
    code, told = site.tre("up", "demo", "--yes")
    assert code == 1
    assert "passphrase" in told
    assert not file.exists()


def test_secrets_are_encrypted_in_the_state_and_never_told(site: Site) -> None:
    site.world.inputs["breast-desk"] = {"value": "kept-very-quiet"}
    _, document = site.document("up", "demo", "--yes")
    text = (site.state / "stacks/.pulumi/stacks/tre/demo-breast.json").read_text()
    assert '"ciphertext"' in text
    _, status = site.document("status", "demo")
    assert status["stacks"][1]["outputs"]["workspace"]["place"] == "[secret]"
    assert "breast-desk" not in json.dumps([document, status["stacks"][1]["outputs"]])


def test_the_deployers_own_files_stay_as_people_wrote_them(site: Site) -> None:
    before = {file.name: file.read_text() for file in site.folder.iterdir()}
    site.ended()
    assert {file.name: file.read_text() for file in site.folder.iterdir()} == before


def test_another_backend_is_used_when_asked_for(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", other.as_uri())
    site.ended()
    assert {file.stem for file in other.glob(".pulumi/stacks/tre/*.json")} == {
        "demo",
        "demo-breast",
        "demo-diabetes",
    }
    assert not (site.state / "stacks").exists()


def test_a_killed_command_leaves_nothing_that_the_next_one_cannot_finish(site: Site) -> None:
    """The command itself is killed; its engine finds nobody to talk to and ends by itself."""
    driver = (
        "import sys; from pathlib import Path; from tests.engine.conftest import on_toys; from tre import cli\n"
        "world = on_toys(Path(sys.argv[1])); world.inputs['breast-desk'] = {'sleep': 30}\n"
        "sys.exit(cli.execute(['up', 'demo', '--yes', '--skip-preview', '--folder', sys.argv[2]]))"
    )
    command = [sys.executable, "-c", driver, str(site.world.folder), str(site.folder)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        _when(lambda: site.world.begun("breast-desk"), process.kill).join()
    assert process.returncode == -signal.SIGKILL
    code, told = site.tre("up", "demo", "--yes")
    assert code == 0, told
    assert site.world.made == THINGS
