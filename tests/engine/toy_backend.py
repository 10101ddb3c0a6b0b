"""A backend of toy resources, so that the real engine can be driven without any target."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi

from components.airlock import Airlock, AirlockOutputs
from components.backend import Backend, Scope
from components.contract import Evidence, Records, Verdict, kept, of_type
from components.data_store import DataStore, DataStoreOutputs
from components.identity import Identity, IdentityOutputs
from components.model import Target
from components.workspace import Workspace, WorkspaceOutputs

TYPE = "toy:index:Thing"


class Thing(pulumi.CustomResource):
    """One toy resource."""

    value: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions, **inputs: Any) -> None:
        super().__init__(TYPE, name, {"value": None, **inputs}, opts)


@dataclass
class World:
    """What the toy backend does: extra inputs by resource name, and what its target's checks find."""

    folder: Path
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    findings: list[tuple[str, bool, str, str]] = field(default_factory=list[tuple[str, bool, str, str]])
    plugin: subprocess.Popen[str] | None = None
    starts: int = 0
    holds: bool = True
    """Whether what holds data is protected, as it must be."""
    goes_with: Callable[[Sequence[Mapping[str, Any]]], Mapping[str, str]] | None = None
    """Set where an erasure lifts the protection in the state alone; says what is gone once what else is."""
    erased: set[str] = field(default_factory=set[str])
    """The projects whose remains were erased, and an empty name if the site's own were."""
    computes: frozenset[str] = frozenset()
    """Types of resources that are said to run programs."""
    place: str = "first"
    """What tells this world from another at the same address."""

    @property
    def made(self) -> set[str]:
        """The resources that really exist."""
        return {file.name for file in self.folder.iterdir() if not file.name.startswith(".")}

    def begun(self, name: str) -> bool:
        """Tell whether creating a resource has begun."""
        return (self.folder / f".{name}.begun").exists()

    def thing(self, name: str, value: str, opts: pulumi.ResourceOptions) -> Thing:
        """Register a resource, with what this world adds to it."""
        return Thing(name, opts, **{"value": value, **self.inputs.get(name, {})})

    @contextlib.contextmanager
    def environment(self, target: Target) -> Generator[Mapping[str, str]]:
        """Run the plugin for as long as the engine needs it."""
        self.starts += 1
        arguments = [sys.executable, "-m", "tests.engine.toy", str(self.folder)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as plugin:
            self.plugin = plugin
            assert plugin.stdout
            port = plugin.stdout.readline().strip()
            try:
                yield {"PULUMI_DEBUG_PROVIDERS": f"toy:{port}"}
            finally:
                plugin.kill()

    def identity(self) -> str:
        """Return what tells this world from every other."""
        return self.place

    def doctor(self, tier: int) -> Sequence[tuple[str, bool, str, str]]:
        """Return what the checks of the target found."""
        return self.findings

    def stop(self, scope: Scope, say: Callable[[str], None]) -> None:
        """End what computes in a project: nothing does."""

    def erase(self, scope: Scope, say: Callable[[str], None]) -> Sequence[str]:
        """Erase what outlived the stack: nothing does."""
        self.erased.add(scope.project)
        return ()

    def backend(self) -> Backend:
        """Return the backend."""
        world = self

        class ToyIdentity(Identity[Target]):
            def build(self) -> IdentityOutputs:
                people = json.dumps(sorted(each.name for each in self.spec.people))
                world.thing(f"{self.spec.scope}-people", people, self.child())
                return IdentityOutputs(issuer=self.spec.sign_in.issuer, groups={})

        class ToyDataStore(DataStore[Target]):
            def build(self) -> DataStoreOutputs:
                name = f"{self.spec.scope}-data"
                options = self.held() if world.holds else self.child()
                held = world.thing(name, str(self.spec.working_gib), options)
                return DataStoreOutputs(inputs=held.value, working=name, outbox=name, key="key")

        class ToyWorkspace(Workspace[Target]):
            def build(self) -> WorkspaceOutputs:
                name = f"{self.spec.scope}-desk"
                world.thing(name, str(self.spec.size.cpu), self.child())
                return WorkspaceOutputs(place=pulumi.Output.secret(name))

        class ToyAirlock(Airlock[Target]):
            def build(self) -> AirlockOutputs:
                door = world.thing(f"{self.spec.scope}-door", str(self.spec.reviewers), self.child())
                return AirlockOutputs(inside=door.value, place="place", port=8443, outside="outside")

        return Backend(
            name="toy",
            identity=ToyIdentity,
            data_store=ToyDataStore,
            workspace=ToyWorkspace,
            airlock=ToyAirlock,
            evidence={
                "data_store/kept-on-destroy": Evidence(_kept_on_destroy),
                "airlock/only-way-out": Evidence(_one_door),
            },
            engine_environment=self.environment,
            goes_with=self.goes_with,
            computes=self.computes,
            live=lambda target: self,  # pyright: ignore[reportArgumentType] # only its checks, and to end nothing
        )


def _kept_on_destroy(records: Records) -> Verdict:
    held = [each for each in of_type(records, TYPE) if each.name.endswith("-data")]
    return kept("data is protected", [each for each in held if each.protect and each.retain])


def _one_door(records: Records) -> Verdict:
    return kept("there is a door", [each for each in of_type(records, TYPE) if each.name.endswith("-door")])
