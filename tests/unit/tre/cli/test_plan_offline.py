"""`tre plan --offline` shows every example of every backend, with no engine, account, plugin or cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tre import cli, paths
from tre.engine.command import Pulumi
from tre.errors import ExitCode

FOLDERS = sorted({file.parent for file in (paths.checkout() / "examples").glob("*/*/Pulumi.*.yaml")})


def _site(folder: Path) -> str:
    return min((file.name.split(".")[1] for file in folder.glob("Pulumi.*.yaml")), key=len)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_every_example_is_planned_offline_with_all_its_promises_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object, **options: object) -> None:
        raise AssertionError("the engine was started")

    monkeypatch.setattr(Pulumi, "run", run)
    assert (
        cli.execute(["plan", _site(folder), "--offline", "--json", "--folder", str(folder)]) == ExitCode.DONE
    )
    plan = json.loads(capsys.readouterr().out)
    projects = [each for each in plan["stacks"] if each["stack"] != plan["site"]]
    assert projects
    for each in projects:
        assert each["promises"]["broken"] == {}
        assert len(each["promises"]["gained"]) + len(each["promises"]["gaps"]) == len(
            {*each["promises"]["gained"], *each["promises"]["gaps"]}
        )
        assert each["promises"]["gained"]
        assert {"DataStore", "Workspace"} <= set(each["resources"])


def test_an_offline_plan_exits_with_3_when_asked_about_changes(capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(paths.checkout() / "stacks")
    code = cli.execute(["plan", "demo", "--offline", "--expect-no-changes", "--folder", folder])
    assert code == ExitCode.PENDING
    told = capsys.readouterr().err
    assert "no engine, account or cluster was asked" in told
