"""What a component is, what it promises, and how a promise is shown to be kept.

A contract is a *spec* (neutral, frozen, checked offline), *outputs* (typed, neutral) and *promises*. A backend
subclasses the component, builds its resources, and brings *evidence*: for each promise a proof over the
registered resources, and the faults that must break it.
"""

from __future__ import annotations

import enum
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Generic, TypeVar, cast

import pulumi

from components.model import Model as Model


class Depth(enum.StrEnum):
    """How far a report went to know that a promise is kept, from paper to attack."""

    DECLARED = "declared"
    DEPLOYED = "deployed"
    PROBED = "probed"


@dataclass(frozen=True)
class Promise:
    """One testable sentence that holds on every backend. `satre` lists the SATRE 2.0.1 statements it serves."""

    component: str
    name: str
    sentence: str
    satre: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.component}/{self.name}"


def promises(component: str, table: Mapping[str, tuple[str, str]]) -> Mapping[str, Promise]:
    """Return the promises of a component from `{name: (sentence, "SATRE ids, space separated")}`."""
    return {
        name: Promise(component, name, sentence, tuple(satre.split()))
        for name, (sentence, satre) in table.items()
    }


@dataclass(frozen=True)
class Record:
    """One resource registration, as the engine was told of it.

    `type` is Pulumi's type token, `component` the name of the enclosing component (`DataStore`, `Workspace`, ...;
    empty outside any), `protect` and `retain` the options that keep it on destroy. Unknown outputs of other
    resources appear in `inputs` as `<resource name>.<output>` text.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    component: str = ""
    protect: bool = False
    retain: bool = False
    urn: str = field(default="", compare=False)
    after: tuple[str, ...] = field(default=(), compare=False)
    """URNs of the resources that it waits for."""


Records = Sequence[Record]


def of_type(records: Records, *types: str) -> list[Record]:
    """Return the records of the given type tokens."""
    return [record for record in records if record.type in types]


@dataclass(frozen=True)
class Verdict:
    """Whether a promise is kept, why in one sentence, and the records or objects that show it."""

    kept: bool
    because: str
    cited: tuple[Any, ...] = ()


def kept(because: str, cited: Iterable[Any]) -> Verdict:
    """Return a verdict that holds only while something is cited: a proof that cites nothing proves nothing."""
    evidence = tuple(cited)
    return Verdict(bool(evidence), because if evidence else f"nothing shows that {because}", evidence)


def broken(because: str, cited: Iterable[Any] = ()) -> Verdict:
    """Return a verdict of a broken promise."""
    return Verdict(False, because, tuple(cited))


Proof = Callable[[Records], Verdict]
Fault = Callable[[Records], Records]


@dataclass(frozen=True)
class Evidence:
    """How a backend shows at depth *declared* that it keeps a promise.

    `faults` are named changes to the registrations (an offender added, a setting weakened), each of which must
    break the proof. Removing what the proof cites must break it too; the conformance suite tries all of them.
    """

    proof: Proof
    faults: Mapping[str, Fault] = field(default_factory=dict[str, Fault])


def with_record(record: Record) -> Fault:
    """Return a fault that plants one more registration."""
    return lambda records: [*records, record]


def changed(matches: Callable[[Record], bool], **inputs: Any) -> Fault:
    """Return a fault that overwrites top-level inputs of the records that match."""

    def plant(records: Records) -> Records:
        return [
            Record(r.type, r.name, {**r.inputs, **inputs}, r.component, r.protect, r.retain, r.urn)
            if matches(r)
            else r
            for r in records
        ]

    return plant


class Spec(Model):
    """What every component is told: which site, which scope in it (a project's name, or `site`), which tier.

    `erase` is set by an erasure that was confirmed twice, and lifts the protection of what holds data.
    """

    site: str
    scope: str
    tier: int
    erase: bool = False


SpecT = TypeVar("SpecT", bound=Spec)
TargetT = TypeVar("TargetT")
OutputsT = TypeVar("OutputsT")


class Component(pulumi.ComponentResource, Generic[SpecT, TargetT, OutputsT]):
    """A neutral resource. Its type token and name are the same on every backend, so no URN names a cloud."""

    KIND: ClassVar[str]
    PROMISES: ClassVar[Mapping[str, Promise]]

    def __init__(self, spec: SpecT, target: TargetT, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"tre:index:{self.KIND}", spec.scope, spec.model_dump(mode="json"), opts)
        self.spec = spec
        self.target = target
        self._after = _dependencies(opts)
        self.outputs: OutputsT = self.build()
        self.register_outputs(outputs_of(self.outputs))

    @abstractmethod
    def build(self) -> OutputsT:
        """Register the backend's resources as children and return the component's outputs."""

    def child(self, *, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Return the options of a child that may be replaced or removed at any time."""
        return pulumi.ResourceOptions(parent=self, depends_on=[*self._after, *depends_on])

    def held(
        self, *, depends_on: Sequence[pulumi.Resource] = (), ignore_changes: Sequence[str] = ()
    ) -> pulumi.ResourceOptions:
        """Return the options of a child that holds data: protected, and kept when the stack is destroyed.

        Only a spec whose `erase` is true (an erasure that two people confirmed) lifts both.
        """
        keep = not self.spec.erase
        return pulumi.ResourceOptions(
            parent=self,
            protect=keep,
            retain_on_delete=keep,
            depends_on=[*self._after, *depends_on],
            ignore_changes=list(ignore_changes),
        )


def _dependencies(opts: pulumi.ResourceOptions | None) -> list[pulumi.Resource]:
    """Return what a component waits for: Pulumi does not hand it on to the children, so `child` does."""
    after = opts.depends_on if opts else None
    if after is None:
        return []
    several = after if isinstance(after, Sequence) else [after]
    return [each for each in cast(Sequence[Any], several) if isinstance(each, pulumi.Resource)]


def outputs_of(outputs: Any) -> dict[str, Any]:
    """Return a dataclass of outputs as a dictionary, leaving each Pulumi output as it is."""
    return {each.name: getattr(outputs, each.name) for each in fields(outputs)}
