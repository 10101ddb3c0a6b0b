"""What a deployment would change, in the order that matters: promises, then data, then the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tre import console

if TYPE_CHECKING:
    from components.backend import Backend
    from components.contract import Record, Verdict
    from tre.engine.events import Change
    from tre.engine.stack import Outcome

DESTRUCTIVE: Final = (
    "delete",
    "replace",
    "delete-replaced",
    "create-replacement",
    "discard",
    "discard-replaced",
)
_WORDS: Final[Mapping[str, str]] = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "delete": "to delete",
    "same": "unchanged",
}


@dataclass(frozen=True)
class Declared:
    """What the registered resources of one part say of its promises, and how many resources there are.

    `promises` maps each promise to whether it is kept, `because` to the reason in one sentence; `gaps` are the
    promises that the backend declares it cannot keep, with the reason.
    """

    promises: Mapping[str, bool] = field(default_factory=dict[str, bool])
    because: Mapping[str, str] = field(default_factory=dict[str, str])
    gaps: Mapping[str, str] = field(default_factory=dict[str, str])
    resources: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def broken(self) -> list[str]:
        """The promises that are not kept."""
        return [name for name, kept in self.promises.items() if not kept]


def declared(
    backend: Backend, own: Sequence[Record], beside: Sequence[Record] | None, *, cited: bool = False
) -> Declared:
    """Judge the promises of a part by what it registers (`own`) together with what stands `beside` it.

    A proof looks at a site and one project together, so a part alone (`beside` is `None`) is not judged. With `cited`,
    only promises that rest on the part's own resources are told, and those that rest on nothing.
    """
    resources = Counter(each.component for each in own if each.component and not _is_component(each))
    if beside is None:
        return Declared(resources=resources)
    verdicts = {name: each.proof([*own, *beside]) for name, each in sorted(backend.evidence.items())}
    told = {name: each for name, each in verdicts.items() if not cited or _rests_on(each, own)}
    return Declared(
        promises={name: verdict.kept for name, verdict in told.items()},
        because={name: verdict.because for name, verdict in told.items()},
        gaps={} if cited else backend.gaps,
        resources=resources,
    )


def _is_component(record: Record) -> bool:
    return record.type.startswith("tre:index:")


def _rests_on(verdict: Verdict, own: Sequence[Record]) -> bool:
    return not verdict.kept or any(each in own for each in verdict.cited)


@dataclass(frozen=True)
class PartPlan:
    """What would change in one stack. `state` is `new`, `changed` or `unchanged`; `outcome` the engine's preview,
    absent in an offline plan and where nothing changed."""

    stack: str
    state: str
    declared: Declared
    before: Mapping[str, bool]
    outcome: Outcome | None = None

    @property
    def gained(self) -> list[str]:
        """Promises kept from now on that were not before."""
        return [name for name, kept in self.declared.promises.items() if kept and not self.before.get(name)]

    @property
    def lost(self) -> list[str]:
        """Promises kept until now that would not be any more."""
        return [name for name, kept in self.before.items() if kept and not self.declared.promises.get(name)]

    @property
    def held(self) -> list[Change]:
        """Changes to resources that hold data, which exist already."""
        changes = self.outcome.changes if self.outcome else ()
        return [each for each in changes if each.protected and each.operation != "create"]

    @property
    def pending(self) -> bool:
        """Tell whether anything would change. Offline, what was deployed is unknown: new is a change."""
        if self.outcome is None:
            return self.state != "unchanged"
        return self.outcome.pending

    @property
    def failed(self) -> bool:
        """Tell whether the engine could not preview this stack."""
        return bool(self.outcome and self.outcome.failed)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many resources each operation would touch."""
        if self.outcome is None:
            total = sum(self.declared.resources.values())
            return {"create": total} if self.state == "new" else {"same": total}
        return self.outcome.counts

    def document(self) -> dict[str, Any]:
        """Return the plan of this stack as JSON-ready fields."""
        return {
            "stack": self.stack,
            "state": self.state,
            "promises": {
                "gained": self.gained,
                "lost": self.lost,
                "broken": {name: self.declared.because[name] for name in self.declared.broken},
                "kept": sum(self.declared.promises.values()),
                "gaps": dict(self.declared.gaps),
            },
            "data": [each.document() for each in self.held],
            "counts": dict(self.counts),
            "resources": dict(self.declared.resources),
            "changes": [each.document() for each in self.outcome.changes] if self.outcome else [],
            "failed": [each.document() for each in self.outcome.failed] if self.outcome else [],
        }


@dataclass(frozen=True)
class Plan:
    """What would change in a site."""

    site: str
    parts: tuple[PartPlan, ...]
    offline: bool = False

    @property
    def pending(self) -> bool:
        """Tell whether anything would change."""
        return any(each.pending for each in self.parts)

    @property
    def failed(self) -> list[PartPlan]:
        """The parts whose preview failed."""
        return [each for each in self.parts if each.failed]

    def document(self) -> dict[str, Any]:
        """Return the plan as one JSON-ready document."""
        return {
            "site": self.site,
            "offline": self.offline,
            "pending": self.pending,
            "stacks": [each.document() for each in self.parts],
        }

    def text(self) -> str:
        """Return the plan for a person to read."""
        sections = [*_promises(self.parts), *_data(self.parts), *_counts(self.parts)]
        note = "\nDeclared only: no engine, account or cluster was asked." if self.offline else ""
        return "\n".join([f"Plan for site {self.site}", *sections]) + note


def _promises(parts: Sequence[PartPlan]) -> list[str]:
    lines = ["", "Promises"]
    for part in parts:
        lines += [
            f"  {console.paint('- lost', 'red')}    {part.stack}: {name}: {part.declared.because.get(name, 'gone')}"
            for name in part.lost
        ]
        new = [name for name in part.declared.broken if name not in part.lost]
        lines += [
            f"  {console.paint('! broken', 'red')}  {part.stack}: {name}: {part.declared.because[name]}"
            for name in new
        ]
        if part.gained:
            names = f"{len(part.gained)} promises" if len(part.gained) > 3 else ", ".join(part.gained)
            lines.append(f"  {console.paint('+ gained', 'green')}  {part.stack}: {names}")
    gaps = {name for part in parts for name in part.declared.gaps}
    if gaps:
        told = f"{len(gaps)} promises that the backend cannot keep yet; `tre plan --json` has the reasons"
        lines.append(f"  {console.paint('! gaps', 'yellow')}    {told}")
    return lines if len(lines) > 2 else ["", "Promises: none gained, none lost."]


def _data(parts: Sequence[PartPlan]) -> list[str]:
    held = [(part.stack, each) for part in parts for each in part.held]
    if not held:
        return ["", "Data: nothing that holds data changes."]
    return ["", "Data", *(_held_line(stack, each) for stack, each in held)]


def _held_line(stack: str, change: Change) -> str:
    colour = "red" if change.operation in DESTRUCTIVE else "yellow"
    keys = f" ({', '.join(change.keys)})" if change.keys else ""
    return f"  {console.paint(change.operation, colour):9} {stack}: {change.place}{keys}"


def _counts(parts: Sequence[PartPlan]) -> list[str]:
    width = max((len(part.stack) for part in parts), default=0)
    quiet = [part for part in parts if not part.pending and not part.failed]
    lines = [f"  {part.stack:{width}}  {_count(part)}" for part in parts if part not in quiet]
    if quiet:
        lines.append(f"  {len(quiet)} of {len(parts)} stacks unchanged")
    return ["", "Resources", *lines]


def _count(part: PartPlan) -> str:
    if part.failed:
        return console.paint("the preview failed", "red")
    shown = [f"{n} {_WORDS.get(operation, operation)}" for operation, n in sorted(part.counts.items()) if n]
    return ", ".join(shown) or part.state
