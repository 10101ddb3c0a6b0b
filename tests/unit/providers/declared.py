"""What a backend registers for one project, for tests that look closer than the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from components.backend import Backend, Target
from components.contract import Record, of_type
from tests.conformance.samples import Sample, sample
from tests.conformance.targets import TARGETS
from tre import registry
from tre.engine.record import record


def declared(
    name: str, made: Sample | None = None, target: Target | None = None, **changes: Mapping[str, Any]
) -> list[Record]:
    """Return what data store and workspace register; `data_store={...}` or `workspace={...}` changes their spec."""
    told, place, backend = made or sample(), target or TARGETS[name], registry.backend(name)
    data_store = told.data_store.model_copy(update=dict(changes.get("data_store", {})))
    workspace = told.workspace.model_copy(update=dict(changes.get("workspace", {})))
    return record(_program(backend, place, told, data_store, workspace))


def _program(
    backend: Backend, place: Target, told: Sample, data_store: Any, workspace: Any
) -> Callable[[], None]:
    def program() -> None:
        assert backend.data_store and backend.workspace
        data = backend.data_store(data_store, place)
        backend.workspace(workspace, place, data.outputs, told.airlock_outputs)

    return program


def broken(name: str, records: list[Record]) -> set[str]:
    """Return the promises that a backend's proofs find broken."""
    evidence = registry.backend(name).evidence
    return {promise for promise, each in evidence.items() if not each.proof(records).kept}


def collateral(name: str, records: list[Record]) -> dict[tuple[str, str], set[str]]:
    """Return, for each planted fault, the other promises that it breaks; faults that break no other are left out."""
    found = {
        (promise, fault): broken(name, list(plant(records))) - {promise}
        for promise, evidence in registry.backend(name).evidence.items()
        for fault, plant in evidence.faults.items()
    }
    return {key: others for key, others in found.items() if others}


def superfluous(name: str, records: list[Record]) -> list[tuple[str, str]]:
    """Return the citations that a proof does not need: (promise, type), where taking all of a type breaks nothing."""
    found: list[tuple[str, str]] = []
    for promise, evidence in registry.backend(name).evidence.items():
        cited = evidence.proof(records).cited
        for type_ in sorted({each.type for each in cited}):
            left = [each for each in records if each.type != type_ or each not in cited]
            if evidence.proof(left).kept:
                found.append((promise, type_))
    return found


def one(records: list[Record], type_: str, ending: str = "") -> Record:
    """Return the one record of a type whose name ends so."""
    found = [each for each in of_type(records, type_) if each.name.endswith(ending)]
    assert len(found) == 1, f"{len(found)} of {type_} ending in {ending!r}"
    return found[0]
