"""The commands, over a cluster that only says what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from providers.kubernetes.cluster.information import ClusterInfo, gather
from providers.kubernetes.cluster.places import State
from tre import cli, registry


class Recorder:
    """Stands in for the package of the local cluster."""

    def __init__(self, info: ClusterInfo) -> None:
        self.info, self.asked = info, list[str]()

    def up(self, report: Callable[[str], None]) -> ClusterInfo:
        report("a stage")
        self.asked.append("up")
        return self.info

    def status(self) -> ClusterInfo:
        return self.info

    def down(self) -> bool:
        self.asked.append("down")
        return True

    def reset(self) -> None:
        self.asked.append("reset")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    """The stand-in, in place of the real cluster."""
    made = Recorder(gather(State(tmp_path)))
    monkeypatch.setattr(registry, "local_cluster", lambda: made)
    return made


def test_status_without_a_cluster_says_how_to_start_one(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.execute(["cluster", "status"]) == 0
    assert "tre cluster up" in capsys.readouterr().err


def test_status_for_programs_is_one_document(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    recorder.info = replace(recorder.info, running=True, parts={"etcd": {"state": "running", "restarts": 2}})
    assert cli.execute(["cluster", "status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == "cluster"
    assert document["running"] is True
    assert document["ready"] is False
    assert document["limits"]


def test_status_shows_what_was_restarted(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    recorder.info = replace(recorder.info, running=True, parts={"etcd": {"state": "running", "restarts": 2}})
    assert cli.execute(["cluster", "status"]) == 0
    said = capsys.readouterr().err
    assert "running, 2 restarts" in said
    assert "NOT enforced" in said


def test_up_tells_its_stages_and_the_next_command(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.execute(["cluster", "up"]) == 0
    said = capsys.readouterr().err
    assert "a stage" in said
    assert f"export KUBECONFIG={recorder.info.kubeconfig}" in said


def test_reset_asks_before_it_erases(recorder: Recorder) -> None:
    assert cli.execute(["cluster", "reset"]) == 4
    assert recorder.asked == []
    assert cli.execute(["cluster", "reset", "--yes"]) == 0
    assert recorder.asked == ["reset"]
