"""A project's life by the commands alone: computed in, verified, closed with a certificate, and gone."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from components.backend import Scope
from providers.kubernetes.live import KubernetesLive
from tests.cluster.promises.conftest import PROJECT
from tre import audit, cli

pytestmark = pytest.mark.cluster

ROW = "row 17 of the data"
SCRIPT = f"""\
from pathlib import Path
rows = Path("/inputs/wine/wine_data.csv").read_text().splitlines()
Path("/outbox/count.txt").write_text(str(len(rows)))
print("{ROW}")
"""
GAMMA = Scope("proof", "gamma", 2, ("alpha", "beta"))


@pytest.fixture(scope="module")
def folder(site: Path) -> Generator[Path]:
    """Deploy one more project, and take it out of the site again."""
    file = site / "Pulumi.proof-gamma.yaml"
    file.write_text(PROJECT.format(name="gamma"))
    assert cli.execute(["up", "proof", "--yes", "--project", "gamma", "--folder", str(site)]) == 0
    yield site
    cli.execute(["project", "close", "proof", "gamma", "--yes", "--folder", str(site)])
    file.unlink()


def run(folder: Path, *words: str) -> int:
    return cli.execute(["run", "proof", "gamma", "--folder", str(folder), *words])


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_job_reads_its_inputs_and_what_it_prints_stays_inside(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "count.py"
    script.write_text(SCRIPT)
    assert run(folder, "--script", str(script), "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["job"]["state"] == "succeeded"
    assert ROW not in told.out + told.err


def test_a_job_that_fails_tells_its_exit_code_and_a_look_at_it_is_on_record(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--json", "--", "python3", "-c", f"print({ROW!r}); raise SystemExit(7)") == 1
    job = document(capsys)["job"]
    assert "exit code 7" in job["reason"]
    assert run(folder, "--job", job["name"], "--break-glass", "It failed", "--yes") == 1
    assert ROW in capsys.readouterr().out
    last = audit.entries("proof")[-1]
    assert (last["action"], last["detail"]["reason"]) == ("break-glass", "It failed")


def test_a_named_job_runs_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--name", "once", "--json", "--", "python3", "-c", "open('/working/once', 'x')"]
    assert [run(folder, *words), run(folder, *words)] == [0, 0]
    assert "not run again" in capsys.readouterr().err


def test_closing_ends_what_runs_erases_everything_and_certifies_it(
    folder: Path, live: KubernetesLive, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--detach", "--", "sleep", "600") == 0
    capsys.readouterr()
    close = ["project", "close", "proof", "gamma", "--yes", "--json", "--folder", str(folder)]
    assert cli.execute(close) == 0
    made = document(capsys)
    assert made["method"] == "crypto-erasure"
    assert [each["data_set"] for each in made["held"]["data_sets"]] == ["wine"]
    assert {each["area"] for each in made["held"]["volumes"]} == {"inputs", "working", "outbox"}
    assert live.remains(GAMMA) == []
    assert audit.entries("proof")[-1]["detail"]["certificate"] == made["sha256"]
    assert audit.verify("proof").problem == ""


def test_the_neighbours_are_untouched_and_there_is_nothing_left_to_close(
    folder: Path, live: KubernetesLive, alpha: Scope
) -> None:
    assert live.holdings(alpha)["volumes"]
    assert cli.execute(["project", "close", "proof", "gamma", "--yes", "--folder", str(folder)]) == 4
