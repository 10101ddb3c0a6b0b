"""Failures are told with their place, the substrate's own words, a likely cause, and how to go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tre.engine.events import Complaint, Watcher, place
from tre.engine.failures import concise, failures, gathered, likely_cause, save

URN = "urn:pulumi:demo-breast::tre::pulumi:pulumi:Stack$tre:index:Workspace$toy:index:Thing::desk"
RESUME = "Run `tre up demo`."


def _watcher(*complaints: Complaint) -> Watcher:
    return Watcher(complaints=list(complaints))


def test_a_failure_names_stack_component_resource_words_cause_and_resumption() -> None:
    told = Complaint(URN, "error", "pods is forbidden: exceeded quota")
    (found,) = failures("demo-breast", _watcher(told), RuntimeError("x"), RESUME)
    assert (found.stack, found.component, found.resource) == (
        "demo-breast",
        "Workspace",
        "toy:index:Thing desk",
    )
    problem = found.problem()
    assert problem.where == "demo-breast Workspace toy:index:Thing desk"
    assert problem.what == "pods is forbidden: exceeded quota"
    assert problem.remedy == f"Likely cause: the credentials in use may not do this. {RESUME}"


def test_what_the_engine_says_on_top_is_left_out() -> None:
    complaints = [
        Complaint(URN, "error", "no"),
        Complaint("", "error", "update failed"),
        Complaint(URN, "error", "no"),
    ]
    assert len(failures("s", _watcher(*complaints), RuntimeError("x"), RESUME)) == 1


def test_without_a_complaint_the_engines_own_sentence_is_told() -> None:
    error = RuntimeError(
        "\n code: 255\n stdout: \n stderr: error: the stack is currently locked by 1 lock(s)"
    )
    (found,) = failures("s", _watcher(), error, RESUME)
    assert found.words == "the stack is currently locked by 1 lock(s)"
    assert found.cause == "another deployment of this stack is running, or one was killed"
    (found,) = failures("s", _watcher(), RuntimeError("\n code: -9\n stdout: \n stderr: "), RESUME)
    assert found.words == "the engine ended without a word (code: -9)"


def test_a_traceback_becomes_the_sentence_that_ends_it() -> None:
    words = "program failed:\nTraceback (most recent call last):\n  File 'x'\n    y()\nKeyError: 'z'\n"
    assert concise(words) == "program failed: KeyError: 'z'"


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("dial tcp 10.0.0.1:6443: connect: connection refused", "the target cannot be reached from here"),
        ("conflict with field manager kubectl", "something else manages the same field of this object"),
        ("write /x: no space left on device", "a disk is full"),
        (
            "incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE",
            "the stack's secrets were encrypted with",
        ),
        ("no resource plugin 'x' found", "a resource plugin is not installed"),
        ("something nobody has seen", ""),
    ],
)
def test_causes_are_guessed_only_from_known_words(words: str, cause: str) -> None:
    assert likely_cause(words).startswith(cause)
    assert bool(likely_cause(words)) == bool(cause)


def test_the_same_failure_of_many_resources_is_told_once() -> None:
    complaints = [Complaint(URN + str(n), "error", "API server gone") for n in range(5)]
    (problem,) = gathered(failures("s", _watcher(*complaints), RuntimeError("x"), RESUME))
    assert "(and 4 more resources)" in problem.where


def test_a_report_is_private_and_holds_everything_that_was_said(tmp_path: Path) -> None:
    watcher = _watcher(Complaint(URN, "warning", "beware"), Complaint(URN, "error", "no"))
    found = failures("s", watcher, RuntimeError("whole output"), RESUME)
    file = save(tmp_path, found, RuntimeError("whole output"), watcher)
    assert file.stat().st_mode & 0o777 == 0o600
    assert all(text in file.read_text() for text in ("beware", "no", "whole output", RESUME))


def test_a_urn_names_component_type_and_name() -> None:
    at = place(URN)
    assert (at.component, at.type, at.name) == ("Workspace", "toy:index:Thing", "desk")
    assert place("urn:pulumi:s::tre::pulumi:pulumi:Stack::tre-s").component == ""
    assert place("").name == ""
