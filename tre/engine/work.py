"""One stack's way through a command: what is known of it, what would change, and how it ended."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tre import registry
from tre.engine.fingerprint import fingerprint
from tre.engine.ledger import Deployed
from tre.engine.record import Recording, recording
from tre.engine.stack import Outcome
from tre.plan import Declared, PartPlan, declared
from tre.program import Part, Program, project_program, site_program


@dataclass
class Work:
    """One part of a site in one command. `beside` is the work on its site's part, `None` for a site's own.

    `example` is one project beside a site's own part: promises are judged on the two together.
    `ended` is `unchanged`, `deployed`, `destroyed`, `failed` or `left` (not tried), and empty before.
    """

    part: Part
    deployed: Deployed | None
    beside: Work | None = None
    example: Work | None = None
    preview: Outcome | None = None
    result: Outcome | None = None
    ended: str = ""
    seconds: float = 0
    today: datetime.date = field(default_factory=datetime.date.today)

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.part.stack

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What this part exports: as just deployed, else as last deployed, else as recorded without an engine."""
        if self.result and self.ended == "deployed":
            return self.result.outputs
        return self.deployed.outputs if self.deployed else self.recorded.exports

    @property
    def site_outputs(self) -> Mapping[str, Any]:
        """What the site's part exports to this one."""
        return self.beside.outputs if self.beside else {}

    @property
    def fingerprint(self) -> str:
        """The hash of everything that deploying this part depends on, as far as it is known now."""
        return fingerprint(self.part, self.site_outputs, self.today)

    @property
    def unchanged(self) -> bool:
        """Tell whether the last good deployment is still what the files ask for."""
        if self.beside and not (self.beside.deployed or self.beside.ended == "deployed"):
            return False  # Without its site's part there is nothing to be unchanged against.
        return bool(self.deployed) and self.deployed.fingerprint == self.fingerprint

    def program(self, *, erase: bool = False) -> Program:
        """Return the part's program, with what its site's part exports now."""
        if self.beside is None:
            return site_program(self.part, erase=erase)
        return project_program(self.part, self.site_outputs, erase=erase)

    @cached_property
    def recorded(self) -> Recording:
        """What the part registers, recorded without an engine."""
        return recording(self.program())

    @cached_property
    def declared(self) -> Declared:
        """What the registered resources say of the part's promises."""
        backend = registry.backend(self.part.target.backend)
        other = self.beside or self.example
        beside = other.recorded.records if other else None
        return declared(backend, self.recorded.records, beside, cited=self.beside is None)

    def planned(self, unchanged: bool) -> PartPlan:
        """Return what would change in this part. An unchanged one is not even recorded."""
        before = dict(self.deployed.promises) if self.deployed else {}
        if unchanged:
            resources = {"": self.deployed.resources} if self.deployed else {}
            return PartPlan(self.stack, "unchanged", Declared(promises=before, resources=resources), before)
        state = "changed" if self.deployed else "new"
        return PartPlan(self.stack, state, self.declared, before, self.preview)

    def document(self) -> dict[str, Any]:
        """Return how the work ended as JSON-ready fields."""
        return {
            "stack": self.stack,
            "project": self.part.project,
            "target": self.part.target_name,
            "ended": self.ended,
            "seconds": round(self.seconds, 2),
            "counts": dict(self.result.counts) if self.result else {},
            "failed": [each.document() for each in self.result.failed] if self.result else [],
            "report": self.result.report if self.result else "",
        }


def by_target(work: Iterable[Work]) -> Mapping[str, Any]:
    """Return the targets that some work needs, by name."""
    return {each.part.target_name: each.part.target for each in work}
