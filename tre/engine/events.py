"""What the engine tells while it works, as typed facts about components and resources."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from pulumi.automation.events import EngineEvent, OpType, StepEventMetadata

from tre.engine.record import COMPONENT_PREFIX

STACK_TYPE: Final = "pulumi:pulumi:Stack"
_QUIET: Final = {OpType.SAME, OpType.READ, OpType.REFRESH}
_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 # Pulumi's own marker of a secret value


@dataclass(frozen=True)
class Place:
    """Where a resource stands: the component it belongs to, its type token and its name."""

    component: str
    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.component or 'stack'}: {self.type} {self.name}"


def place(urn: str) -> Place:
    """Return the place that a URN names (`urn:pulumi:<stack>::<project>::<types joined by $>::<name>`)."""
    parts = urn.split("::", 3)
    if len(parts) < 4:
        return Place("", "", urn)
    types = parts[2].split("$")
    kinds = [each.removeprefix(COMPONENT_PREFIX) for each in types if each.startswith(COMPONENT_PREFIX)]
    return Place(kinds[-1] if kinds else "", types[-1], parts[3])


@dataclass(frozen=True)
class Change:
    """One thing that the engine does, or would do, to a resource. `keys` are the inputs that differ."""

    place: Place
    operation: str
    protected: bool = False
    keys: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the change as JSON-ready fields."""
        return {
            "component": self.place.component,
            "type": self.place.type,
            "name": self.place.name,
            "operation": self.operation,
            "protected": self.protected,
            "keys": list(self.keys),
        }


@dataclass(frozen=True)
class Complaint:
    """One error or warning, in the engine's or the substrate's own words."""

    urn: str
    severity: str
    words: str


@dataclass
class Watcher:
    """Collects what one run of the engine tells. `on_step` is called with each finished component's counts."""

    on_step: Callable[[str, int], None] | None = None
    changes: list[Change] = field(default_factory=list["Change"])
    counts: Counter[str] = field(default_factory=Counter[str])
    failed: list[str] = field(default_factory=list[str])
    complaints: list[Complaint] = field(default_factory=list[Complaint])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    finished: bool = False
    _done: Counter[str] = field(default_factory=Counter[str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: EngineEvent) -> None:
        """Take in one event of the engine."""
        with self._lock:
            self._take(event)

    def _take(self, event: EngineEvent) -> None:
        if event.resource_pre_event:
            self._planned(event.resource_pre_event.metadata)
        elif event.res_outputs_event:
            self._ended(event.res_outputs_event.metadata)
        elif event.res_op_failed_event:
            self.failed.append(event.res_op_failed_event.metadata.urn)
        elif event.diagnostic_event:
            told = event.diagnostic_event
            if told.severity in ("error", "warning"):
                self.complaints.append(Complaint(told.urn or "", told.severity, told.message.strip()))
        elif event.summary_event:
            self.finished = True
            self.counts.update({str(key): n for key, n in event.summary_event.resource_changes.items()})

    def _planned(self, step: StepEventMetadata) -> None:
        if step.op in _QUIET or step.type == STACK_TYPE:
            return
        state = step.old or step.new
        protected = bool(state and (state.protect or state.retain_on_delete))
        self.changes.append(Change(place(step.urn), step.op.value, protected, tuple(step.diffs or ())))

    def _ended(self, step: StepEventMetadata) -> None:
        if step.type == STACK_TYPE:
            self.outputs = cast("dict[str, Any]", _plain(step.new.outputs)) if step.new else {}
            return
        component = place(step.urn).component
        if step.op is OpType.REFRESH:
            return  # A refresh comes before the step itself, which is the one to count.
        if component and not step.type.startswith(COMPONENT_PREFIX):
            self._done[component] += 1
            if self.on_step:
                self.on_step(component, self._done[component])


def _plain(value: Any) -> Any:
    """Return a value as JSON would have it, with every secret left out."""
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        if _SECRET in held:
            return "[secret]"
        return {key: _plain(each) for key, each in held.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[Any]", value)]
    return value
