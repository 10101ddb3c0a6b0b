"""A report put together from the recording engine, a target in memory, and what earlier runs found."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from components.backend import PROMISES, Backend
from components.contract import Depth, Evidence, Record, Records, Verdict
from tests.unit.tre.verify.conftest import Reload, deployed
from tests.unit.tre.verify.fake import FakeLive
from tre import registry
from tre.errors import failure
from tre.model.load import LoadedSite
from tre.verify import memory
from tre.verify.collect import verify
from tre.verify.report import ProjectReport, PromiseReport, Report, Status, document

ISOLATION = "workspace/no-route-to-internet"
KEPT, LOST = Verdict(True, "it held", ("attempt",)), Verdict(False, "it gave way")


def run(loaded: LoadedSite, depth: Depth | None = None, *projects: str) -> Report:
    return verify(loaded, projects or ("breast",), depth, lambda _: None)


def isolation(project: ProjectReport) -> PromiseReport:
    return next(each for each in project.promises if each.promise == ISOLATION)


def everywhere(monkeypatch: pytest.MonkeyPatch, backend: Backend) -> None:
    """Put a backend in every backend's place."""

    def found(name: str) -> Backend:
        return backend

    monkeypatch.setattr(registry, "backend", found)


def test_declared_alone_asks_no_target(loaded: LoadedSite, live: FakeLive) -> None:
    (project,) = run(loaded, Depth.DECLARED).projects
    assert live.calls == []
    assert [each.promise for each in project.promises] == list(PROMISES)
    assert project.summary.broken == project.summary.unproved == 0
    assert project.summary.kept == project.summary.kept_at[Depth.DECLARED]


def test_gaps_carry_the_backend_s_reason(loaded: LoadedSite, live: FakeLive) -> None:
    (project,) = run(loaded, Depth.DECLARED).projects
    found = {each.promise: each.gap for each in project.promises if each.status is Status.GAP}
    assert found == dict(registry.backend("kubernetes").gaps)


def test_a_deeper_depth_is_reached_where_it_judges(loaded: LoadedSite, live: FakeLive) -> None:
    live.read, live.tried = {ISOLATION: KEPT}, {"breast": {ISOLATION: KEPT}}
    report = run(loaded)
    found = isolation(report.projects[0])
    assert (found.status, found.depth, set(found.judgements)) == (Status.KEPT, Depth.PROBED, set(Depth))
    assert not report.broken and not report.failed


def test_a_probe_that_gets_through_breaks_the_promise_and_no_other(
    loaded: LoadedSite, live: FakeLive
) -> None:
    live.read, live.tried = {ISOLATION: KEPT}, {"breast": {ISOLATION: LOST}}
    (project,) = run(loaded).projects
    broken = [(each.promise, each.depth) for each in project.promises if each.status is Status.BROKEN]
    assert broken == [(ISOLATION, Depth.PROBED)]


def test_a_fault_in_the_registrations_shows_without_a_target(
    loaded: LoadedSite, live: FakeLive, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = registry.backend("kubernetes")
    evidence = backend.evidence[ISOLATION]

    def faulty(records: Records) -> Verdict:
        return evidence.proof(evidence.faults["allow all"](records))

    proofs = {**backend.evidence, ISOLATION: Evidence(faulty)}
    everywhere(monkeypatch, dataclasses.replace(backend, evidence=proofs))
    report = run(loaded, Depth.DECLARED)
    assert report.broken
    assert isolation(report.projects[0]).depth is Depth.DECLARED


def test_what_an_earlier_run_found_is_shown_with_its_age(loaded: LoadedSite, live: FakeLive) -> None:
    deployed("demo", "demo-breast")
    live.tried = {"breast": {ISOLATION: KEPT}}
    first = run(loaded)
    second = run(loaded, Depth.DECLARED)
    found = isolation(second.projects[0])
    assert (found.status, found.depth) == (Status.KEPT, Depth.PROBED)
    assert found.judgements[Depth.PROBED].when == first.when
    assert found.judgements[Depth.PROBED].age_seconds == (second.when - first.when).total_seconds()
    assert found.judgements[Depth.DECLARED].age_seconds == 0


def test_a_break_stays_until_the_same_depth_looks_again(loaded: LoadedSite, live: FakeLive) -> None:
    live.tried = {"breast": {ISOLATION: LOST}}
    run(loaded)
    assert run(loaded, Depth.DECLARED).broken
    live.tried = {"breast": {ISOLATION: KEPT}}
    assert not run(loaded, Depth.PROBED).broken


@pytest.mark.parametrize("stack", ["demo", "demo-breast"])
def test_another_deployment_has_to_be_proved_anew(loaded: LoadedSite, live: FakeLive, stack: str) -> None:
    deployed("demo", "demo-breast")
    live.tried = {"breast": {ISOLATION: KEPT}}
    run(loaded)
    deployed(stack)
    found = isolation(run(loaded, Depth.DECLARED).projects[0])
    assert found.depth is Depth.DECLARED
    assert not found.judgements[Depth.PROBED].current


def test_what_we_did_not_deploy_is_kept_only_while_looked_at(loaded: LoadedSite, live: FakeLive) -> None:
    live.tried = {"breast": {ISOLATION: KEPT}}
    assert isolation(run(loaded).projects[0]).depth is Depth.PROBED
    assert isolation(run(loaded, Depth.DECLARED).projects[0]).depth is Depth.DECLARED


def test_a_changed_configuration_has_to_be_proved_anew(reload: Reload, folder: Path, live: FakeLive) -> None:
    deployed("demo", "demo-breast")
    live.tried = {"breast": {ISOLATION: KEPT}}
    run(reload())
    file = folder / "Pulumi.demo-breast.yaml"
    file.write_text(file.read_text().replace("amount: 100", "amount: 200"))
    found = isolation(run(reload(), Depth.DECLARED).projects[0])
    assert found.depth is Depth.DECLARED
    assert not found.judgements[Depth.PROBED].current


def test_a_target_that_does_not_answer_is_a_failure_and_keeps_what_is_known(
    loaded: LoadedSite, live: FakeLive
) -> None:
    deployed("demo", "demo-breast")
    live.tried = {"breast": {ISOLATION: KEPT}}
    run(loaded)
    live.unreachable = True
    report = run(loaded)
    assert report.failed and not report.broken
    assert {each.depth for each in report.projects[0].unreached} == {Depth.DEPLOYED, Depth.PROBED}
    assert isolation(report.projects[0]).depth is Depth.PROBED


def test_probes_that_fail_leave_what_was_read_back(
    loaded: LoadedSite, live: FakeLive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> dict[str, dict[str, Verdict]]:
        raise failure("cluster", "went away")

    live.read = {ISOLATION: KEPT}
    monkeypatch.setattr(live, "probed", gone)
    report = run(loaded)
    assert [each.depth for each in report.projects[0].unreached] == [Depth.PROBED]
    assert isolation(report.projects[0]).depth is Depth.DEPLOYED
    assert report.failed


def test_probes_without_a_word_on_a_project_are_a_failure(loaded: LoadedSite, live: FakeLive) -> None:
    live.tried = {}
    assert run(loaded).failed


@pytest.mark.parametrize(("depth", "failed"), [(None, False), (Depth.PROBED, True)])
def test_a_project_that_is_not_deployed_fails_only_who_asked_for_a_depth(
    loaded: LoadedSite, live: FakeLive, depth: Depth | None, failed: bool
) -> None:
    live.there = ()
    report = run(loaded, depth)
    assert report.failed is failed
    assert [each.why for each in report.projects[0].unreached] == [
        "nothing of the project is on its target"
    ] * 2
    assert [call[0] for call in live.calls] == ["remains"]


def test_what_was_proved_of_a_project_that_is_gone_is_forgotten(loaded: LoadedSite, live: FakeLive) -> None:
    live.tried = {"breast": {ISOLATION: KEPT}}
    run(loaded)
    live.there = ()
    assert isolation(run(loaded).projects[0]).depth is Depth.DECLARED


@pytest.mark.parametrize(("depth", "failed"), [(None, False), (Depth.DEPLOYED, True)])
def test_a_backend_that_reads_nothing_back_says_so(
    loaded: LoadedSite, monkeypatch: pytest.MonkeyPatch, depth: Depth | None, failed: bool
) -> None:
    blind = dataclasses.replace(registry.backend("kubernetes"), live=None)
    everywhere(monkeypatch, blind)
    report = run(loaded, depth)
    assert report.failed is failed
    assert report.projects[0].unreached[0].depth is Depth.DEPLOYED


def test_projects_of_one_target_are_probed_together_and_know_of_each_other(
    loaded: LoadedSite, live: FakeLive
) -> None:
    live.tried = {"breast": {}, "diabetes": {}}
    run(loaded, None, "breast", "diabetes")
    probed = [call[1] for call in live.calls if call[0] == "probed"]
    assert [[(each.project, each.others) for each in scopes] for scopes in probed] == [
        [("breast", ("diabetes",)), ("diabetes", ("breast",))]
    ]


def test_one_project_alone_still_has_its_neighbours_to_reach(loaded: LoadedSite, live: FakeLive) -> None:
    live.tried = {"breast": {}}
    run(loaded)
    assert live.calls[-1][1][0].others == ("diabetes",)


def test_a_report_names_what_is_cited_and_never_holds_it(loaded: LoadedSite, live: FakeLive) -> None:
    key = Record("kubernetes:core/v1:Secret", "key", {"stringData": {"passphrase": "hunter2"}})
    live.read = {ISOLATION: Verdict(True, "it held", (key, {"passphrase": "hunter2"}))}
    report = run(loaded)
    found = isolation(report.projects[0]).judgements[Depth.DEPLOYED]
    assert found.cites == ("Secret key", "dict")
    assert "hunter2" not in json.dumps(document(report))


def test_reports_and_memory_are_private_and_read_back_the_same(loaded: LoadedSite, live: FakeLive) -> None:
    report = run(loaded)
    file = memory.keep_report("demo", document(report), report.when)
    whole = json.loads(file.read_text())
    assert (whole.pop("version"), whole.pop("kind")) == (1, "verify")
    assert Report.model_validate_json(json.dumps(whole)) == report
    kept = [file, *file.parent.parent.glob("verified/*.json")]
    assert [each.stat().st_mode & 0o777 for each in kept] == [0o600, 0o600]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"promises": {"x": {"probed": 1}}}'])
def test_a_damaged_memory_proves_nothing_and_says_so(
    loaded: LoadedSite, live: FakeLive, state: Path, damage: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    live.tried = {"breast": {ISOLATION: KEPT}}
    run(loaded)
    (state / "sites" / "demo" / "verified" / "breast.json").write_bytes(damage)
    assert isolation(run(loaded, Depth.DECLARED).projects[0]).depth is Depth.DECLARED
    assert "cannot be read" in capsys.readouterr().err
