"""What the state tells without the engine: stacks, locks, operations that never ended."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tre.engine import ledger, state
from tre.engine.command import Pulumi, Running
from tre.engine.ledger import Deployed
from tre.engine.settings import Settings
from tre.errors import TreError

URN = "urn:pulumi:demo::tre::pulumi:pulumi:Stack$tre:index:Airlock$toy:index:Thing::door"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings whose state is in an empty folder."""
    return Settings("demo", tmp_path, "tre", tmp_path.as_uri(), tmp_path, tmp_path, {})


def _stack(settings: Settings, name: str, latest: dict[str, Any]) -> Path:
    assert settings.local_state
    file = settings.local_state / ".pulumi" / "stacks" / "tre" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}))
    return file


def _lock(settings: Settings, held: str) -> None:
    assert settings.local_state
    file = settings.local_state / ".pulumi" / "locks" / "organization" / "tre" / "demo" / "1.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(held)


def test_lifting_protection_changes_nothing_else_and_keeps_what_was_there(settings: Settings) -> None:
    plain = {"urn": "urn:a", "type": "t", "inputs": {"n": 1.5, "s": "\u00e4"}, "protect": True}
    kept = {"urn": "urn:b", "type": "t", "protect": True, "retainOnDelete": True}
    file = _stack(settings, "demo", {"manifest": {"magic": "m"}, "resources": [plain, kept]})
    before = file.read_text()
    assert state.rewrite(settings, "demo", lambda found: state.unprotected(found, {"urn:b": "urn:a"}))
    latest = json.loads(file.read_text())["checkpoint"]["latest"]
    free = {key: value for key, value in plain.items() if key != "protect"}
    assert latest["resources"] == [free, {"urn": "urn:b", "type": "t", "deletedWith": "urn:a"}]
    assert latest["manifest"] == {"magic": "m"}
    assert file.with_name("demo.json.bak").read_text() == before
    assert file.stat().st_mode & 0o777 == 0o600
    assert not state.rewrite(settings, "other", lambda found: found)


def test_a_damaged_state_is_not_rewritten(settings: Settings) -> None:
    file = _stack(settings, "demo", {})
    file.write_text("{")
    with pytest.raises(TreError, match="damaged"):
        state.rewrite(settings, "demo", lambda found: found)
    assert file.read_text() == "{"


def test_marks_change_when_a_stack_does(settings: Settings) -> None:
    nobody = Pulumi("/nowhere", "3.259.0", Running())
    file = _stack(settings, "demo", {})
    before = state.marks(settings, nobody)
    assert set(before) == {"demo"}
    assert state.mark_now(settings, "demo") == before["demo"]
    file.write_text(file.read_text() + " ")
    assert state.marks(settings, nobody) != before
    assert state.mark_now(settings, "other") == ""


def test_pending_operations_are_read_and_said(settings: Settings) -> None:
    _stack(settings, "demo", {"pending_operations": [{"resource": {"urn": URN}, "type": "creating"}]})
    (found,) = state.pending(settings, "demo")
    assert str(found) == "creating Airlock: toy:index:Thing door"
    _stack(settings, "quiet", {"resources": [{"urn": URN}]})
    assert state.pending(settings, "quiet") == []
    assert len(state.resources(settings, "quiet")) == 1
    assert state.resources(settings, "none") == []


def test_a_damaged_state_is_told_with_its_copy(settings: Settings) -> None:
    file = _stack(settings, "demo", {})
    file.write_text('{"pending_operations"')
    with pytest.raises(TreError, match=r"demo\.json\.bak"):
        state.pending(settings, "demo")


@pytest.mark.parametrize(
    ("held", "alive"),
    [
        ({"pid": 2**22 + 1, "hostname": socket.gethostname()}, False),
        ({"pid": os.getpid(), "hostname": socket.gethostname()}, False),
        ({"pid": 1, "hostname": "another-machine"}, True),
        ({}, False),
    ],
)
def test_a_lock_is_alive_while_its_engine_may_run(
    settings: Settings, held: dict[str, Any], alive: bool
) -> None:
    _lock(settings, json.dumps(held))
    (found,) = state.locks(settings, ["demo"])
    assert found.alive is alive


def test_a_torn_lock_is_stale(settings: Settings) -> None:
    _lock(settings, "{")
    assert not state.locks(settings, ["demo"])[0].alive


def test_state_elsewhere_is_not_looked_for_in_files(tmp_path: Path) -> None:
    away = Settings("demo", tmp_path, "tre", "s3://bucket", tmp_path, tmp_path, {})
    assert away.local_state is None
    assert state.locks(away, ["demo"]) == []
    assert state.pending(away, "demo") == []
    assert state.mark_now(away, "demo") == ""


def test_the_ledger_remembers_until_told_to_forget(tmp_path: Path) -> None:
    entry = Deployed("demo", "", "local", "f", "m", "now", 3, {"a": 1}, {"airlock/recorded": True})
    ledger.remember(tmp_path, entry)
    assert ledger.remembered(tmp_path) == {"demo": entry}
    (tmp_path / "deployed" / "demo.json").write_text("{")
    assert ledger.remembered(tmp_path) == {}
    ledger.remember(tmp_path, entry)
    ledger.forget(tmp_path, "demo")
    ledger.forget(tmp_path, "demo")
    assert ledger.remembered(tmp_path) == {}
