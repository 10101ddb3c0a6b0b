"""Closing a project: what is archived, what is certified, and when it is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.backend import Scope
from tests.unit.tre.verify.fake import HOLDINGS, NOTHING, FakeLive
from tre import audit
from tre.errors import Refused, TreError, failure
from tre.model.load import LoadedSite
from tre.verify import closing, memory
from tre.verify.certificate import LIMITS, NO_KEYS, NO_MANIFEST, Certificate
from tre.verify.closing import Closed

SCOPE = Scope("demo", "breast", 2, ("diabetes",))


def nothing() -> None:
    """Stand for the engine's part, which tests/engine proves."""


def quiet(_: str) -> None: ...


def close(loaded: LoadedSite, live: FakeLive, destroy: Callable[[], None] = nothing) -> Closed:
    return closing.close(closing.prepare(loaded, "breast", SCOPE, live), destroy, quiet)


def log() -> list[dict[str, Any]]:
    return [each["detail"] for each in audit.entries("demo")]


def test_a_certificate_names_what_was_there_and_what_was_seen_to_be_gone(
    loaded: LoadedSite, live: FakeLive
) -> None:
    made = close(loaded, live).certificate
    assert made.method == "crypto-erasure"
    assert made.approval.reference == "DEMO-2026-001"
    assert [each.sha256 for each in made.held.data_sets] == ["d" * 64]
    assert [each.area for each in made.held.volumes] == ["inputs", "working", "outbox"]
    assert made.seen.remains == ()
    assert made.seen.gone[0] == "key " + "f" * 32
    assert made.removed == ("namespace",)
    assert made.limits == LIMITS
    assert made.who


def test_computing_ends_first_then_the_stack_goes_and_what_is_left_is_looked_for_last(
    loaded: LoadedSite, live: FakeLive
) -> None:
    close(loaded, live, lambda: live.calls.append(("engine",)))
    assert [call[0] for call in live.calls] == ["holdings", "stop", "engine", "erase", "remains"]


def test_the_file_is_private_and_its_hash_is_on_the_audit_log(loaded: LoadedSite, live: FakeLive) -> None:
    closed = close(loaded, live)
    content = closed.file.read_bytes()
    assert closed.sha256 == hashlib.sha256(content).hexdigest() == log()[-1]["certificate"]
    assert Certificate.model_validate_json(content) == closed.certificate
    assert closed.certificate.audit == audit.entries("demo")[-1]["previous"]
    assert audit.verify("demo").problem == ""
    assert closed.file.stat().st_mode & 0o777 == 0o600


def test_the_record_is_archived(loaded: LoadedSite, live: FakeLive, folder: Path) -> None:
    audit.append("demo", "run", {"project": "breast", "result": "succeeded"})
    audit.append("demo", "run", {"project": "diabetes", "result": "succeeded"})
    audit.append("demo", "deploy", {"stacks": ["demo", "demo-breast"], "result": "done"})
    memory.remember("demo", "breast", {})
    archive = close(loaded, live).file.parent
    lines = [json.loads(line)["detail"] for line in (archive / "audit.jsonl").read_text().splitlines()]
    assert [each["result"] for each in lines] == ["succeeded", "done"]
    assert (archive / "project.yaml").read_bytes() == (folder / "Pulumi.demo-breast.yaml").read_bytes()
    assert json.loads((archive / "held.json").read_text())["manifest"] == "m" * 64


def test_it_is_refused_while_anything_is_left(loaded: LoadedSite, live: FakeLive) -> None:
    live.sticks = ("/api/v1/persistentvolumes/pv-working",)
    prepared = closing.prepare(loaded, "breast", SCOPE, live)
    with pytest.raises(Refused, match="pv-working is still there"):
        closing.close(prepared, nothing, quiet)
    assert [each["result"] for each in log()] == ["begun", "incomplete"]
    assert not (prepared.archive / "certificate.json").exists()


def test_what_was_held_survives_a_closing_that_was_cut_short(loaded: LoadedSite, live: FakeLive) -> None:
    def half() -> None:
        live.held, live.there = NOTHING, ()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        close(loaded, live, half)
    made = close(loaded, live).certificate
    assert [each.area for each in made.held.volumes] == ["inputs", "working", "outbox"]
    assert [each["result"] for each in log()] == ["begun", "failed", "begun", "done"]


def test_an_engine_that_fails_leaves_no_certificate(loaded: LoadedSite, live: FakeLive) -> None:
    def broken() -> None:
        raise failure("stack demo-breast", "could not be destroyed")

    with pytest.raises(TreError, match="could not be destroyed"):
        close(loaded, live, broken)
    assert ("erase", "breast") not in live.calls
    assert log()[-1]["result"] == "failed"


def test_nothing_to_close_is_refused(loaded: LoadedSite, live: FakeLive) -> None:
    live.held, live.there = NOTHING, ()
    with pytest.raises(Refused, match="nothing to close"):
        closing.prepare(loaded, "breast", SCOPE, live)
    assert log() == []


def test_a_name_used_again_gets_a_certificate_of_its_own(loaded: LoadedSite, live: FakeLive) -> None:
    first = close(loaded, live)
    live.held, live.there = HOLDINGS, ("namespace",)
    second = close(loaded, live)
    assert first.file != second.file
    assert first.file.exists()


@pytest.mark.parametrize(
    ("held", "limit"),
    [
        ({**HOLDINGS, "manifest": "", "data_sets": []}, NO_MANIFEST),
        ({**HOLDINGS, "volumes": [{**HOLDINGS["volumes"][0], "key": ""}]}, NO_KEYS),
    ],
)
def test_what_it_does_not_prove_stands_in_it(
    loaded: LoadedSite, live: FakeLive, held: dict[str, Any], limit: str
) -> None:
    live.held = held
    made = close(loaded, live).certificate
    assert limit in made.limits
    assert (made.method == "deletion") == (limit == NO_KEYS)
    assert made.data_sets_named == ("breast-cancer",)


def test_holdings_that_make_no_sense_stop_it_before_anything_is_destroyed(
    loaded: LoadedSite, live: FakeLive
) -> None:
    live.held = {"volumes": "three"}
    with pytest.raises(ValueError, match="volumes"):
        closing.prepare(loaded, "breast", SCOPE, live)
    assert log() == []
