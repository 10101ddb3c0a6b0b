"""`tre verify`, `tre run` and `tre project close` as typed, with a target in memory."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from components.backend import SCRIPT, JobState
from components.contract import Verdict
from tests.unit.tre.verify.fake import SECRET, FakeLive
from tre import audit, cli
from tre.cli import close as close_command
from tre.errors import ExitCode

pytestmark = pytest.mark.usefixtures("folder")
ISOLATION = "workspace/no-route-to-internet"


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def log() -> list[tuple[str, Any]]:
    return [(each["action"], each["detail"]) for each in audit.entries("demo")]


class TestVerify:
    def test_gaps_are_no_failure(self, live: FakeLive, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.execute(["verify", "demo", "--depth", "declared"]) == ExitCode.DONE
        out, err = capsys.readouterr()
        assert out == ""
        assert "gap" in err and "promises kept" in err

    def test_a_broken_promise_is(self, live: FakeLive, capsys: pytest.CaptureFixture[str]) -> None:
        live.tried = {"breast": {ISOLATION: Verdict(False, "it got through")}}
        assert cli.execute(["verify", "demo", "--project", "breast"]) == ExitCode.FAILED
        assert "it got through" in capsys.readouterr().err

    def test_json_is_one_document_that_is_also_kept(
        self, live: FakeLive, state: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cli.execute(["verify", "demo", "--depth", "declared", "--json"])
        document = told(capsys)
        assert (document["version"], document["kind"], document["site"]) == (1, "verify", "demo")
        assert [each["project"] for each in document["projects"]] == ["breast", "diabetes"]
        (kept,) = (state / "sites" / "demo" / "reports").iterdir()
        assert json.loads(kept.read_text()) == document

    @pytest.mark.parametrize("words", [["--project", "brest"], ["--project", "../x"], ["--depth", "deep"]])
    def test_wrong_input_is_told(
        self, words: list[str], live: FakeLive, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.execute(["verify", "demo", *words]) == ExitCode.INVALID
        assert words[1] in capsys.readouterr().err

    def test_a_near_miss_is_named(self, live: FakeLive, capsys: pytest.CaptureFixture[str]) -> None:
        cli.execute(["verify", "demo", "--project", "brest"])
        assert 'Did you mean "breast"?' in capsys.readouterr().err


class TestRun:
    def test_a_command_runs_on_record_and_only_its_state_is_shown(
        self, live: FakeLive, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.execute(["run", "demo", "breast", "--", "python3", "-c", "print(1)"]) == ExitCode.DONE
        out, err = capsys.readouterr()
        assert live.calls == [("run", "breast", ("python3", "-c", "print(1)"), "", True, "")]
        assert [(action, detail["result"]) for action, detail in log()] == [
            ("run", "begun"),
            ("run", "succeeded"),
        ]
        assert log()[0][1]["command"] == ["python3", "-c", "print(1)"]
        assert out == "" and "Job run-1 succeeded after 2 s" in err and SECRET not in err

    @pytest.mark.parametrize(
        ("name", "words", "command"),
        [
            ("fit.py", [], ("python3", SCRIPT)),
            ("fit.R", [], ("Rscript", SCRIPT)),
            ("fit.jl", ["--", "julia", "-t2"], ("julia", "-t2", SCRIPT)),
        ],
    )
    def test_a_script_goes_along_and_its_hash_is_on_record(
        self, live: FakeLive, tmp_path: Path, name: str, words: list[str], command: tuple[str, ...]
    ) -> None:
        script = tmp_path / name
        script.write_text("print('é')\n")
        assert cli.execute(["run", "demo", "breast", "--script", str(script), *words]) == ExitCode.DONE
        assert live.calls == [("run", "breast", command, "print('é')\n", True, "")]
        assert log()[0][1]["script_sha256"] == hashlib.sha256(script.read_bytes()).hexdigest()

    def test_a_job_that_failed_is_a_failure(self, live: FakeLive, capsys: pytest.CaptureFixture[str]) -> None:
        live.job = JobState("run-2", "failed", 3.0, "BackoffLimitExceeded, exit code 7")
        assert cli.execute(["run", "demo", "breast", "--", "false"]) == ExitCode.FAILED
        assert "exit code 7" in capsys.readouterr().err

    def test_a_detached_job_says_how_to_ask_for_it(
        self, live: FakeLive, capsys: pytest.CaptureFixture[str]
    ) -> None:
        live.job = JobState("run-3", "queued", 0.0)
        assert cli.execute(["run", "demo", "breast", "--detach", "--", "sleep", "9"]) == ExitCode.DONE
        assert "tre run demo breast --job run-3" in capsys.readouterr().err
        assert live.calls[0][4] is False

    def test_a_named_job_that_succeeded_is_not_run_again(self, live: FakeLive) -> None:
        words = ["run", "demo", "breast", "--name", "fit", "--", "python3", "fit.py"]
        assert cli.execute(words) == ExitCode.DONE
        (asked,) = live.calls
        assert asked[0] == "state" and asked[1].startswith("fit-")
        assert log() == []

    def test_a_named_job_with_another_command_is_another_job(self, live: FakeLive) -> None:
        for file in ("one.py", "two.py"):
            cli.execute(["run", "demo", "breast", "--name", "fit", "--", "python3", file])
        assert len({call[1] for call in live.calls}) == 2

    def test_a_named_job_that_failed_is_run_again_under_its_name(self, live: FakeLive) -> None:
        live.job = JobState("fit-1", "failed", 0.0)
        cli.execute(["run", "demo", "breast", "--name", "fit", "--", "false"])
        assert [call[0] for call in live.calls] == ["state", "run"]
        assert live.calls[1][5] == live.calls[0][1]

    def test_an_earlier_job_is_shown_without_running_anything(self, live: FakeLive) -> None:
        assert cli.execute(["run", "demo", "breast", "--job", "run-1"]) == ExitCode.DONE
        assert live.calls == [("state", "run-1")]

    def test_broken_glass_is_on_record_before_anything_is_shown(
        self, live: FakeLive, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before: list[str] = []

        def output(scope: object, job: str) -> str:
            before.extend(action for action, _ in log())
            return SECRET

        monkeypatch.setattr(live, "output", output)
        words = ["run", "demo", "breast", "--job", "run-1", "--break-glass", "It hangs", "--yes"]
        assert cli.execute(words) == ExitCode.DONE
        assert before == ["break-glass"]
        assert log()[0][1] == {"project": "breast", "job": "run-1", "reason": "It hangs"}
        assert capsys.readouterr().out == SECRET + "\n"

    def test_broken_glass_without_consent_shows_nothing(
        self, live: FakeLive, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["run", "demo", "breast", "--job", "run-1", "--break-glass", "It hangs"]
        assert cli.execute(words) == ExitCode.REFUSED
        assert live.calls == [] and log() == []
        assert SECRET not in "".join(capsys.readouterr())

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["--script", "no-such-file.py"],
            ["--script", "."],
            ["--job", "run-1", "--", "ls"],
            ["--name", "No/Such", "--", "ls"],
            ["--break-glass", " ", "--yes", "--", "ls"],
            ["--break-glass", "why", "--yes", "--detach", "--", "ls"],
        ],
    )
    def test_wrong_input_runs_nothing(self, live: FakeLive, words: list[str]) -> None:
        assert cli.execute(["run", "demo", "breast", *words]) == ExitCode.INVALID
        assert live.calls == [] and log() == []

    def test_binary_and_nameless_scripts_are_refused(self, live: FakeLive, tmp_path: Path) -> None:
        (tmp_path / "fit.py").write_bytes(b"\xff\xfe\x00")
        (tmp_path / "fit").write_text("x")
        for name in ("fit.py", "fit"):
            words = ["run", "demo", "breast", "--script", str(tmp_path / name)]
            assert cli.execute(words) == ExitCode.INVALID
        assert live.calls == []

    def test_a_run_that_was_cut_short_shows_on_record(
        self, live: FakeLive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stopped(*_: Any, **__: Any) -> JobState:
            raise KeyboardInterrupt

        monkeypatch.setattr(live, "run", stopped)
        assert cli.execute(["run", "demo", "breast", "--", "ls"]) == cli.INTERRUPTED
        assert [detail["result"] for _, detail in log()] == ["begun", "interrupted"]

    def test_json(self, live: FakeLive, capsys: pytest.CaptureFixture[str]) -> None:
        cli.execute(["run", "demo", "breast", "--json", "--", "ls"])
        document = told(capsys)
        assert document["job"] == {"name": "run-1", "state": "succeeded", "seconds": 2.0, "reason": ""}
        assert "printed" not in document


class TestClose:
    @pytest.fixture(autouse=True)
    def engine(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The engine's part, which tests/engine proves."""
        destroyed: list[str] = []

        def destroy(loaded: object, folder: Path, project: str) -> None:
            destroyed.append(project)

        monkeypatch.setattr(close_command, "destroy", destroy)
        return destroyed

    def run(self, *words: str) -> int:
        return cli.execute(["project", "close", "demo", "breast", *words])

    def test_the_name_closes_it(
        self, live: FakeLive, engine: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run("--confirm", "breast") == ExitCode.DONE
        err = capsys.readouterr().err
        assert engine == ["breast"]
        assert "closed by crypto-erasure" in err and "Pulumi.demo-breast.yaml" in err

    @pytest.mark.parametrize("words", [(), ("--confirm", "diabetes")])
    def test_without_the_name_nothing_happens(
        self, live: FakeLive, engine: list[str], words: tuple[str, ...]
    ) -> None:
        assert self.run(*words) == ExitCode.REFUSED
        assert engine == [] and log() == []

    def test_json(self, live: FakeLive, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run("--yes", "--json") == ExitCode.DONE
        document = told(capsys)
        assert (document["version"], document["kind"], document["project"]) == (1, "closing", "breast")
        assert document["sha256"] == log()[-1][1]["certificate"]

    def test_something_left_is_refused(self, live: FakeLive) -> None:
        live.sticks = ("pv-inputs",)
        assert self.run("--yes") == ExitCode.REFUSED
