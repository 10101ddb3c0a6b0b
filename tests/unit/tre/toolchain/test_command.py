"""`tre toolchain` as people and programs use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.tre.toolchain.samples import write_program, write_table
from tre.cli.toolchain import command
from tre.errors import TreError

HELLO = '[tools.hello]\nversion = "1"\npath = ">=1,<2"\nask = ["version"]\n'


@pytest.fixture(autouse=True)
def table(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command see a table of our own."""
    table = write_table(bench, HELLO)
    monkeypatch.setattr("tre.toolchain.table.load", lambda: table)
    write_program(bench / "bin/no-such-command")


def test_status_says_what_is_missing_and_the_next_command() -> None:
    result = CliRunner().invoke(command, ["status"])
    assert result.exit_code == 0
    assert "run: tre toolchain install hello" in result.stderr
    assert "1 missing" in result.stderr
    assert result.stdout == ""


def test_status_for_programs_is_one_document(bench: Path) -> None:
    write_program(bench / "bin/hello", "1.4")
    document = json.loads(CliRunner().invoke(command, ["status", "--json"]).stdout)
    assert (document["version"], document["kind"]) == (1, "toolchain")
    [line] = document["tools"]
    assert (line["name"], line["version"], line["origin"], line["present"]) == ("hello", "1.4", "path", True)


def test_install_reports_every_program(bench: Path) -> None:
    write_program(bench / "bin/hello", "1.4")
    result = CliRunner().invoke(command, ["install", "all", "--yes", "--no-downloads", "--json"])
    assert [tool["name"] for tool in json.loads(result.stdout)["tools"]] == ["hello"]


def test_install_of_an_unknown_name_is_refused() -> None:
    result = CliRunner().invoke(command, ["install", "no-such-group"])
    assert isinstance(result.exception, TreError)


def test_path_prints_the_program_alone(bench: Path) -> None:
    place = write_program(bench / "bin/hello", "1.4")
    assert CliRunner().invoke(command, ["path", "hello"]).stdout == f"{place}\n"


def test_path_of_what_is_missing_fails() -> None:
    result = CliRunner().invoke(command, ["path", "hello"])
    assert isinstance(result.exception, TreError)
    assert result.stdout == ""
