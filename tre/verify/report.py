"""What `tre verify` reports: for each promise whether it is kept, at which depth that was seen, and when."""

from __future__ import annotations

import datetime
import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from components.contract import Depth, Promise
from components.model import Model
from tre.verify import satre

DEPTHS: Final = tuple(Depth)


class Status(enum.StrEnum):
    """How a promise stands. `unproved` is neither kept nor broken: nothing has judged it yet."""

    KEPT = "kept"
    BROKEN = "broken"
    GAP = "gap"
    UNPROVED = "unproved"


class Judgement(Model):
    """What one depth found, and `when`.

    `fingerprint` names the configuration it looked at. `current` says that this is still the configuration, and
    that nothing was deployed since; `age_seconds` how long ago it was. Both are worked out anew for each report.
    """

    kept: bool
    because: str
    cites: tuple[str, ...] = ()
    when: datetime.datetime
    fingerprint: str
    age_seconds: float = 0
    current: bool = True


Judgements = Mapping[Depth, Judgement]


class PromiseReport(Model):
    """One promise of one project. `depth` is the deepest that saw it kept, or broken; absent where none did."""

    promise: str
    component: str
    sentence: str
    satre: tuple[str, ...]
    status: Status
    depth: Depth | None = None
    judgements: dict[Depth, Judgement]
    gap: str = ""


class Unreached(Model):
    """A depth that this run did not reach, and why. `error` says that it should have been possible."""

    depth: Depth
    why: str
    error: bool = False


class Summary(Model):
    """How many of a project's promises stand how. `kept_at` counts the kept ones by their depth."""

    promises: int
    kept: int
    kept_at: dict[Depth, int]
    broken: int
    gaps: int
    unproved: int


class ProjectReport(Model):
    """One project's promises. `unreached` are the depths that were asked for and not reached."""

    project: str
    tier: int
    target: str
    backend: str
    unreached: tuple[Unreached, ...]
    promises: tuple[PromiseReport, ...]
    summary: Summary


class Satre(Model):
    """The statements that every promise serving them evidences (`evidenced`), or some (`in_part`).

    `of` is how many statements a deployer can do something for, out of `statements` in the specification.
    """

    version: str
    evidenced: tuple[str, ...]
    in_part: tuple[str, ...]
    of: int
    statements: int


class Report(Model):
    """One site's report. `asked` is the depth that this run set out for."""

    site: str
    when: datetime.datetime
    asked: Depth
    projects: tuple[ProjectReport, ...]
    satre: Satre

    @property
    def broken(self) -> bool:
        """Tell whether any promise is broken."""
        return any(each.summary.broken for each in self.projects)

    @property
    def failed(self) -> bool:
        """Tell whether this run could not look where it should have been able to."""
        return any(depth.error for each in self.projects for depth in each.unreached)


def stands(gap: str, judgements: Judgements) -> tuple[Status, Depth | None]:
    """Return how a promise stands and at which depth that was seen.

    Broken at any depth is broken, even where another depth looked later: only looking again at that depth clears
    it. Kept counts for the present configuration and deployment alone.
    """
    if gap:
        return Status.GAP, None
    for depth in reversed(DEPTHS):
        if depth in judgements and not judgements[depth].kept:
            return Status.BROKEN, depth
    for depth in reversed(DEPTHS):
        if depth in judgements and judgements[depth].current:
            return Status.KEPT, depth
    return Status.UNPROVED, None


def promise_report(promise: Promise, gap: str, judgements: Judgements) -> PromiseReport:
    """Return one promise's report."""
    status, depth = stands(gap, judgements)
    return PromiseReport(
        promise=str(promise),
        component=promise.component,
        sentence=promise.sentence,
        satre=promise.satre,
        status=status,
        depth=depth,
        judgements=dict(judgements),
        gap=gap,
    )


def summary(promises: Sequence[PromiseReport]) -> Summary:
    """Count a project's promises."""
    status = Counter(each.status for each in promises)
    kept_at = Counter(each.depth for each in promises if each.status is Status.KEPT)
    return Summary(
        promises=len(promises),
        kept=status[Status.KEPT],
        kept_at={depth: kept_at[depth] for depth in DEPTHS},
        broken=status[Status.BROKEN],
        gaps=status[Status.GAP],
        unproved=status[Status.UNPROVED],
    )


def satre_of(projects: Sequence[ProjectReport]) -> Satre:
    """Return which statements the promises of all these projects evidence."""
    served = [(each.satre, each.status is Status.KEPT) for project in projects for each in project.promises]
    whole, part = satre.evidenced(served)
    return Satre(
        version=satre.VERSION,
        evidenced=tuple(whole),
        in_part=tuple(part),
        of=satre.machine_count(),
        statements=len(satre.statements()),
    )


def document(report: Report) -> dict[str, Any]:
    """Return a report as JSON-ready fields."""
    return report.model_dump(mode="json")
