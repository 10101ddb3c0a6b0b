"""`tre validate`: one sentence when the files are sound, every problem and exit code 2 when they are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.tre.model.samples import PROJECT, SITE, changed, lay_out
from tre.cli import execute as run


def test_a_sound_site_is_told_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "demo", "--folder", str(lay_out(tmp_path))]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "Site demo (tier 3) with one project is valid. Next: tre plan demo\n"


def test_every_problem_is_told_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay_out(tmp_path, changed(SITE, ("tier: 3", "tier: 9")), changed(PROJECT, ("version: 1", "version: 2")))
    (tmp_path / "Pulumi.demo-heart.yaml").write_text(
        changed(PROJECT, ("budget:", "bugdet:"), ("title", "titel"))
    )
    assert run(["validate", "demo", "--folder", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    lines = [line.split("yaml:")[1].split(":")[0] for line in told.err.splitlines() if "yaml:" in line]
    assert lines == ["2", "2", "6", "21", "6"]
    assert told.err.splitlines()[-1] == "5 problems in 2 files. Nothing was deployed."
    assert "Traceback" not in told.err


def test_json_holds_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(lay_out(tmp_path))
    assert run(["validate", "--folder", folder, "--json"]) == 0
    sound = json.loads(capsys.readouterr().out)
    assert sound == {
        "version": 1,
        "kind": "validation",
        "valid": True,
        "sites": {"demo": {"tier": 3, "projects": ["heart"]}},
        "problems": [],
        "warnings": [],
    }
    lay_out(tmp_path, changed(SITE, ("tier: 3", "tier: 9")))
    assert run(["validate", "--folder", folder, "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["valid"]) == ("validation", False)
    assert [each["remedy"] for each in told["problems"]] == ["Write a number of at most 4."]


def test_warnings_do_not_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay_out(tmp_path, SITE, changed(PROJECT, ("roles: [data-analyst]", "roles: [data-steward]")))
    assert run(["validate", "demo", "--folder", str(tmp_path)]) == 0
    assert "warning: " in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["none", "n" * 5000])
def test_a_folder_that_is_not_there(folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--folder", str(tmp_path / folder)]) == 2
    assert "Name the folder" in capsys.readouterr().err


def test_it_needs_neither_the_engine_nor_a_backends_sdk(tmp_path: Path) -> None:
    program = (
        "import sys; from tre.cli import execute; code = execute(['validate', '--folder', sys.argv[1]]);"
        "loaded = [name for name in sys.modules if name.partition('.')[0].startswith('pulumi')];"
        "sys.exit(code or len(loaded))"
    )
    subprocess.run([sys.executable, "-c", program, str(lay_out(tmp_path))], check=True)
