"""The suite that every backend passes: each promise evidenced or declared a gap, each proof able to fail."""

from __future__ import annotations

import functools
import json

import pytest

from components.backend import PROMISES, Backend, Target
from components.contract import Record
from tests.conformance.samples import LONGEST, Sample, erasing, sample
from tests.conformance.targets import TARGETS
from tre import registry
from tre.engine.record import record


def _deploy(backend: Backend, target: Target, made: Sample) -> None:
    """Register what a site and one project register, in the order in which their programs do it."""
    if backend.identity:
        identity = backend.identity(made.site_identity, target)
        if backend.airlock:
            backend.airlock(made.airlock, target, identity.outputs)
    assert backend.data_store and backend.workspace, f"{backend.name} builds no data store or no workspace"
    data = backend.data_store(made.data_store, target)
    if backend.identity:
        backend.identity(made.identity, target)
    backend.workspace(made.workspace, target, data.outputs, made.airlock_outputs)


@functools.cache
def recorded(backend_name: str, made: Sample | None = None) -> list[Record]:
    """Return what one backend registers for a site and one project."""
    return record(lambda: _deploy(registry.backend(backend_name), TARGETS[backend_name], made or sample()))


def _evidenced(backend_name: str) -> list[tuple[str, str]]:
    return [(backend_name, promise) for promise in registry.backend(backend_name).evidence]


EVIDENCED = [case for name in sorted(TARGETS) for case in _evidenced(name)]


@pytest.mark.parametrize("name", sorted(registry.BACKENDS))
def test_every_backend_has_a_sample_target(name: str) -> None:
    assert name in TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_each_promise_is_evidenced_or_a_gap_with_a_reason(name: str) -> None:
    backend = registry.backend(name)
    assert set(backend.evidence) | set(backend.gaps) == set(PROMISES)
    assert not set(backend.evidence) & set(backend.gaps)
    assert all(len(reason) > 20 for reason in backend.gaps.values())


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.parametrize("component", ["DataStore", "Workspace"])
def test_data_store_and_workspace_register_resources(name: str, component: str) -> None:
    assert [each for each in recorded(name) if each.component == component]


@pytest.mark.parametrize(("name", "promise"), EVIDENCED)
def test_promise_is_kept(name: str, promise: str) -> None:
    verdict = registry.backend(name).evidence[promise].proof(recorded(name))
    assert verdict.kept, verdict.because
    assert verdict.cited


@pytest.mark.parametrize(("name", "promise"), EVIDENCED)
def test_proof_fails_without_what_it_cites(name: str, promise: str) -> None:
    proof, records = registry.backend(name).evidence[promise].proof, recorded(name)
    cited = proof(records).cited
    assert not proof([each for each in records if each not in cited]).kept


FAULTS = [
    (name, promise, fault)
    for name, promise in EVIDENCED
    for fault in registry.backend(name).evidence[promise].faults
]


@pytest.mark.parametrize(("name", "promise", "fault"), FAULTS)
def test_planted_fault_breaks_the_proof(name: str, promise: str, fault: str) -> None:
    evidence = registry.backend(name).evidence[promise]
    faulty = evidence.faults[fault](recorded(name))
    assert not evidence.proof(faulty).kept


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_resource_belongs_to_a_component(name: str) -> None:
    strays = [
        each.name for each in recorded(name) if not each.component and not each.type.startswith("tre:index:")
    ]
    assert strays == []


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_longest_names_still_register_and_stay_distinct(name: str) -> None:
    keys = [(each.type, each.component, each.name) for each in recorded(name, LONGEST)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_holds_data_is_protected_and_retained(name: str) -> None:
    evidence = registry.backend(name).evidence["data_store/kept-on-destroy"]
    held = evidence.proof(recorded(name)).cited
    assert all(each.protect and each.retain for each in held)


@pytest.mark.parametrize("name", sorted(n for n in TARGETS if registry.backend(n).goes_with))
def test_where_protection_is_lifted_in_the_state_an_erasure_changes_nothing_else(name: str) -> None:
    erased = recorded(name, erasing(sample()))
    assert not [each.name for each in erased if each.protect or each.retain]
    first, again = _settings(recorded(name)), _settings(recorded(name, sample(project="heart", tier=3)))
    made_anew = {
        kind_and_name for kind_and_name, _ in first ^ again
    }  # Passwords, certificates and their hashes.
    assert {kind_and_name for kind_and_name, _ in _settings(erased) ^ first} <= made_anew
    assert len(made_anew) < len(first) / 4


def _settings(records: list[Record]) -> set[tuple[tuple[str, str], str]]:
    return {((r.type, r.name), json.dumps(r.inputs, sort_keys=True)) for r in records if r.component}
