"""The command group: lazy, complete, and never a raw traceback."""

from __future__ import annotations

import errno
import importlib
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tre import cli
from tre.cli.consent import consent, typed
from tre.errors import ExitCode, InvalidInput, Problem, Refused

HERE = Path(cli.__file__).parent


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_there_and_says_what_it_does(name: str) -> None:
    command = importlib.import_module(f"tre.cli.{name}").command
    assert isinstance(command, click.Command)
    assert command.help


def test_help_lists_every_command_and_loads_none() -> None:
    code = (
        "import sys; from tre import cli; cli.execute(['--help']); print(list(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in cli.COMMANDS)
    for heavy in ("pulumi", "pydantic", "grpc", "ruamel", "tre.cli.up"):
        assert f"'{heavy}'" not in done.stderr


def _raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def main(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(cli.tre, "main", main)


def test_a_fault_is_a_paragraph_and_its_trace_is_in_a_private_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRE_STATE", str(tmp_path))
    _raising(monkeypatch, ZeroDivisionError("boom"))
    assert cli.execute(["plan"]) == ExitCode.FAILED
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert "ZeroDivisionError: boom" in told
    (file,) = (tmp_path / "faults").iterdir()
    assert str(file) in told
    assert "Traceback" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_fault_is_told_where_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRE_STATE", str(tmp_path / "file" / "below"))
    _raising(monkeypatch, ZeroDivisionError("boom"))
    assert cli.execute(["plan"]) == ExitCode.FAILED
    assert "ZeroDivisionError: boom" in capsys.readouterr().err


def test_a_full_disk_is_no_fault_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raising(monkeypatch, OSError(errno.ENOSPC, "No space left on device", "/state/x"))
    assert cli.execute(["up"]) == ExitCode.FAILED
    told = capsys.readouterr().err
    assert "/state/x: No space left on device" in told
    assert "Make room" in told


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), click.Abort()])
def test_a_stop_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, stop: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    _raising(monkeypatch, stop)
    assert cli.execute(["up"]) == 130
    assert capsys.readouterr().err.startswith("Stopped.")


def test_problems_are_all_told_and_are_json_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = (Problem("a", "is missing"), Problem("b", "is wrong", "Mend it."))
    _raising(monkeypatch, InvalidInput(*problems, summary="End."))
    assert cli.execute(["validate", "--json"]) == ExitCode.INVALID
    told = capsys.readouterr()
    places = [told.err.index(each) for each in ("a: is missing", "b: is wrong", "Mend it.", "End.")]
    assert places == sorted(places)
    document = json.loads(told.out)
    assert document["kind"] == "error"
    assert document["exit_code"] == 2
    assert len(document["problems"]) == 2


def test_an_unknown_command_or_option_is_invalid_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(["explode"]) == ExitCode.INVALID
    assert cli.execute(["plan", "demo", "--explode"]) == ExitCode.INVALID
    assert "tre plan --help" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(["completion", shell]) == ExitCode.DONE
    assert "_TRE_COMPLETE" in capsys.readouterr().out


def test_nobody_at_a_terminal_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", (HERE / "consent.py").open())
    with pytest.raises(Refused, match="--yes"):
        consent("Go?", yes=False)
    with pytest.raises(Refused, match="--confirm demo"):
        typed("Name?", "demo", None, option="--confirm demo")
    consent("Go?", yes=True)
    typed("Name?", "demo", "demo", option="--confirm demo")
    with pytest.raises(Refused):
        typed("Name?", "demo", "other", option="--confirm demo")
