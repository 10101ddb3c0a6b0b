"""`tre project list` and `tre schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.tre.model.samples import PROJECT, SITE, changed, lay_out
from tre.cli import execute as run
from tre.model import schema


def test_projects_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["project", "list", "demo", "--folder", str(lay_out(tmp_path))]) == 0
    assert capsys.readouterr().err == "heart  tier 2, 2 people, on local, until 2028-06-30  Hearts\n"


def test_projects_are_listed_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["project", "list", "demo", "--json", "--folder", str(lay_out(tmp_path))]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["kind"] == "projects"
    assert listed["projects"] == [
        {
            "name": "heart",
            "title": "Hearts",
            "tier": 2,
            "target": "local",
            "people": 2,
            "data_sets": ["patients"],
            "approval": "REC-1",
            "expires": "2028-06-30",
            "ended": False,
        }
    ]


def test_a_project_that_has_ended_is_listed_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_out(tmp_path, SITE, changed(PROJECT, ("2028-06-30", "2020-06-30")))
    assert run(["project", "list", "demo", "--folder", str(tmp_path)]) == 0
    assert "ENDED" in capsys.readouterr().err


def test_a_site_without_projects_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["project", "list", "demo", "--folder", str(lay_out(tmp_path, project=None))]) == 0
    assert "tre project add demo NAME" in capsys.readouterr().err


@pytest.mark.parametrize("kind", schema.KINDS)
def test_the_schema_is_printed(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", kind]) == 0
    assert json.loads(capsys.readouterr().out) == schema.schema(kind)
