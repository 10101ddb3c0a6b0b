"""The suite that every backend passes: each promise evidenced or declared a gap, each proof able to fail."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from components.backend import PROMISES, Backend, Target
from components.contract import Record
from tests.conformance.samples import LONGEST, Sample, sample
from tests.conformance.targets import TARGETS
from tre import registry
from tre.engine.record import record

COMPONENTS = ("identity", "data_store", "workspace", "airlock")
CASES = [(name, component) for name in sorted(TARGETS) for component in COMPONENTS]


def _builders(backend: Backend, target: Target, made: Sample) -> dict[str, Callable[[], Any]]:
    """Return a function per component that the backend builds, in the order a project's program uses them."""
    builders: dict[str, Callable[[], Any]] = {}
    if identity := backend.identity:
        builders["identity"] = lambda: identity(made.identity, target)
    if data_store := backend.data_store:
        builders["data_store"] = lambda: data_store(made.data_store, target)
    if data_store and (workspace := backend.workspace):
        builders["workspace"] = lambda: workspace(
            made.workspace, target, data_store(made.data_store, target).outputs, made.airlock_outputs
        )
    if airlock := backend.airlock:
        builders["airlock"] = lambda: airlock(made.airlock, target)
    return builders


@functools.cache
def recorded(backend_name: str, component: str, made: Sample | None = None) -> list[Record]:
    """Return what one component of one backend registers, alone or with what it needs."""
    builders = _builders(registry.backend(backend_name), TARGETS[backend_name], made or sample())
    return record(builders[component]) if component in builders else []


def _evidenced(backend_name: str) -> list[tuple[str, str]]:
    return [(backend_name, promise) for promise in registry.backend(backend_name).evidence]


EVIDENCED = [case for name in sorted(TARGETS) for case in _evidenced(name)]


def _records(backend_name: str, promise: str) -> list[Record]:
    return recorded(backend_name, PROMISES[promise].component)


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
@pytest.mark.parametrize("component", ["data_store", "workspace"])
def test_data_store_and_workspace_are_built_everywhere(name: str, component: str) -> None:
    assert recorded(name, component)


@pytest.mark.parametrize(("name", "promise"), EVIDENCED)
def test_promise_is_kept(name: str, promise: str) -> None:
    verdict = registry.backend(name).evidence[promise].proof(_records(name, promise))
    assert verdict.kept, verdict.because
    assert verdict.cited


@pytest.mark.parametrize(("name", "promise"), EVIDENCED)
def test_proof_fails_without_what_it_cites(name: str, promise: str) -> None:
    proof, records = registry.backend(name).evidence[promise].proof, _records(name, promise)
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
    faulty = evidence.faults[fault](_records(name, promise))
    assert not evidence.proof(faulty).kept


@pytest.mark.parametrize(("name", "component"), CASES)
def test_every_resource_belongs_to_a_component(name: str, component: str) -> None:
    strays = [
        each.name
        for each in recorded(name, component)
        if not each.component and not each.type.startswith(("tre:index:", "pulumi:providers:"))
    ]
    assert strays == []


@pytest.mark.parametrize(("name", "component"), CASES)
def test_longest_names_still_register_and_stay_distinct(name: str, component: str) -> None:
    records = recorded(name, component, LONGEST)
    keys = [(each.type, each.name) for each in records]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_holds_data_is_protected_and_retained(name: str) -> None:
    evidence = registry.backend(name).evidence["data_store/kept-on-destroy"]
    held = evidence.proof(_records(name, "data_store/kept-on-destroy")).cited
    assert all(each.protect and each.retain for each in held)
