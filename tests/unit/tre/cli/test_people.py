"""`tre people`: who belongs to a site, and a private file of first sign-ins."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.unit.tre.verify.fake import FakeLive
from tre import audit, cli, paths
from tre.verify import collect

DEMO = paths.checkout() / "stacks"


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the state of these tests to themselves."""
    monkeypatch.setenv("TRE_STATE", str(tmp_path / "state"))


def test_everybody_is_listed_with_roles_and_last_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(["people", "demo", "--folder", str(DEMO), "--json"]) == 0
    people = json.loads(capsys.readouterr().out)["people"]
    assert {(each["scope"], each["name"]) for each in people} >= {("site", "olive"), ("breast", "ada")}
    assert all(each["expires"] == "2035-12-31" for each in people)
    assert [each["roles"] for each in people if each["name"] == "august"] == [["auditor"]]


def test_first_sign_ins_are_private_and_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    live = FakeLive()
    monkeypatch.setattr(collect, "live_of", lambda _target: live)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    file = tmp_path / "sign-ins.json"
    assert cli.execute(["people", "demo", "--folder", str(DEMO), "--first-sign-ins", str(file)]) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = json.loads(file.read_text())
    assert told["portal"] == "https://portal.example.org"
    assert told["people"]["ada"] == {"password": "first", "code_secret": "CODE"}
    assert "first" not in capsys.readouterr().out.replace("first sign", "")
    last = audit.entries("demo")[-1]
    assert last["action"] == "break-glass"
    assert "ada" in last["detail"]["first sign-ins of"]
