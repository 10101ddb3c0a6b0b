"""Runs the depths for a site's projects and puts together what they find, with what earlier runs found."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from components.backend import PROMISES, Backend, Live, Scope, Target
from components.contract import Depth, Record, Verdict
from tre import console, registry
from tre.engine import ledger
from tre.engine.fingerprint import fingerprint
from tre.engine.record import Recording, recording
from tre.engine.settings import site_folder
from tre.errors import TreError
from tre.program import Settled, project_part, site_part, site_program, target_of
from tre.program import project_program as program_of
from tre.verify import memory
from tre.verify.report import (
    DEPTHS,
    Judgement,
    ProjectReport,
    Report,
    Unreached,
    promise_report,
    satre_of,
    summary,
)

if TYPE_CHECKING:
    from tre.model.load import LoadedSite
    from tre.program import Part

Verdicts = Mapping[str, Verdict]
_CITE_LENGTH: Final = 200


@dataclass
class Subject:
    """One project under verification, and what this run has found of it.

    `since` is when what is there now was deployed, as far as we know; nothing where we do not.
    """

    part: Part
    backend: Backend
    scope: Scope
    fingerprint: str
    since: datetime.datetime | None = None
    there: bool = True
    fresh: dict[Depth, Verdicts] = field(default_factory=dict[Depth, Verdicts])
    unreached: list[Unreached] = field(default_factory=list[Unreached])

    @property
    def project(self) -> str:
        """The project's name."""
        return self.part.project

    def missed(self, depths: Iterable[Depth], why: str, *, error: bool) -> None:
        """Note that some depths were not reached."""
        self.unreached += [Unreached(depth=depth, why=why, error=error) for depth in depths]


def live_of(target: Target) -> Live | None:
    """Return the live side of a target's backend, where it has one."""
    made = registry.backend(target.backend).live
    return made(target) if made else None


def verify(
    loaded: LoadedSite,
    projects: Sequence[str],
    depth: Depth | None,
    say: Callable[[str], None],
) -> Report:
    """Judge the promises of some projects down to a depth, remember what was found, and return the report.

    Without a `depth` it goes as deep as each backend and each deployment lets it; with one, not getting there is
    an error in the report.
    """
    subjects = _subjects(loaded, projects)
    wanted = DEPTHS[1 : DEPTHS.index(depth or DEPTHS[-1]) + 1]
    if wanted:
        for target in sorted({each.part.target_name for each in subjects}):
            own = [each for each in subjects if each.part.target_name == target]
            _look(own, live_of(own[0].part.target), wanted, say, strict=depth is not None)
    now = datetime.datetime.now(datetime.UTC)
    reports = tuple(_report(each, now) for each in subjects)
    return Report(
        site=loaded.site.name,
        when=now,
        asked=depth or DEPTHS[-1],
        projects=reports,
        satre=satre_of(reports),
    )


def _subjects(loaded: LoadedSite, projects: Sequence[str]) -> list[Subject]:
    settled = Settled(offline=True)
    deployed = ledger.remembered(site_folder(loaded.site.name))
    sites: dict[str, tuple[Part, Recording]] = {}
    subjects: list[Subject] = []
    for name in projects:
        target = target_of(loaded, name)
        if target not in sites:
            own = site_part(loaded, target, settled)
            sites[target] = own, recording(site_program(own))
        part = project_part(loaded, name, settled)
        subject = _subject(loaded, part, *sites[target], settled.today)
        subject.since = _since(deployed, sites[target][0].stack, part.stack)
        subjects.append(subject)
    return subjects


def _subject(loaded: LoadedSite, part: Part, beside: Part, site: Recording, today: datetime.date) -> Subject:
    backend = registry.backend(part.target.backend)
    own = recording(program_of(part, site.exports))
    records = [*own.records, *site.records]
    subject = Subject(
        part=part,
        backend=backend,
        scope=scope_of(loaded, part),
        # Without the site's recorded exports: they follow from the site's part but for secrets, which are made up.
        fingerprint=f"{fingerprint(part, {}, today)}-{fingerprint(beside, {}, today)}",
    )
    subject.fresh[Depth.DECLARED] = {name: each.proof(records) for name, each in backend.evidence.items()}
    return subject


def _since(deployed: Mapping[str, ledger.Deployed], *stacks: str) -> datetime.datetime | None:
    """Return when the last of some stacks was deployed, if all of them are."""
    if not all(stack in deployed for stack in stacks):
        return None
    return max(datetime.datetime.fromisoformat(deployed[stack].when) for stack in stacks)


def scope_of(loaded: LoadedSite, part: Part) -> Scope:
    """Return a project as live evidence sees it."""
    others = [
        name
        for name in loaded.projects
        if name != part.project and target_of(loaded, name) == part.target_name
    ]
    return Scope(part.site, part.project, part.tier, tuple(others))


def _look(
    subjects: Sequence[Subject],
    live: Live | None,
    wanted: Sequence[Depth],
    say: Callable[[str], None],
    *,
    strict: bool,
) -> None:
    """Judge the projects of one target by what is really there."""
    if live is None:
        for each in subjects:
            why = f"backend {each.backend.name} judges nothing but what is declared yet"
            each.missed(wanted, why, error=strict)
        return
    try:
        ours = ledger.remembered(site_folder(subjects[0].part.site))
        there = [each for each in subjects if _there(each, live, ours, wanted, strict=strict)]
        if there:
            _deployed(there, live)
        if there and Depth.PROBED in wanted:
            _probed(there, live, say)
    except TreError as error:
        # One target that cannot be reached must not hide what is known of the others.
        why = "; ".join(f"{each.where}: {each.what}" for each in error.problems)
        for each in subjects:
            known = {*each.fresh, *(missed.depth for missed in each.unreached)}
            each.missed([depth for depth in wanted if depth not in known], why, error=True)


def _there(
    subject: Subject, live: Live, ours: Container[str], wanted: Sequence[Depth], *, strict: bool
) -> bool:
    """Tell whether a project is deployed: its stack is among ours, or something of it stands on its target."""
    subject.there = subject.part.stack in ours or bool(live.remains(subject.scope))
    if not subject.there:
        subject.missed(wanted, "nothing of the project is on its target", error=strict)
    return subject.there


def _deployed(subjects: Sequence[Subject], live: Live) -> None:
    with console.step(f"reading back {_names(subjects)}"):
        for each in subjects:
            each.fresh[Depth.DEPLOYED] = live.deployed(each.scope)


def _probed(subjects: Sequence[Subject], live: Live, say: Callable[[str], None]) -> None:
    with console.step(f"trying to break out of {_names(subjects)}"):
        found = live.probed([each.scope for each in subjects], say)
    for each in subjects:
        if each.project in found:
            each.fresh[Depth.PROBED] = found[each.project]
        else:
            each.missed([Depth.PROBED], "the probes came back without a word on it", error=True)


def _names(subjects: Sequence[Subject]) -> str:
    names = [each.project for each in subjects]
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} projects"


def _report(subject: Subject, now: datetime.datetime) -> ProjectReport:
    found = _merged(subject, now)
    memory.remember(subject.part.site, subject.project, found)
    gaps = subject.backend.gaps
    promises = tuple(
        promise_report(promise, gaps.get(name, ""), found.get(name, {})) for name, promise in PROMISES.items()
    )
    return ProjectReport(
        project=subject.project,
        tier=subject.part.tier,
        target=subject.part.target_name,
        backend=subject.backend.name,
        unreached=tuple(subject.unreached),
        promises=promises,
        summary=summary(promises),
    )


def _merged(subject: Subject, now: datetime.datetime) -> memory.Found:
    """Return what this run found over what earlier runs did. What is no longer there is forgotten."""
    earlier: memory.Found = {}
    if subject.there:
        earlier = memory.recall(subject.part.site, subject.project)
    merged: dict[str, dict[Depth, Judgement]] = {}
    for name in PROMISES:
        found = {depth: _aged(each, depth, subject, now) for depth, each in earlier.get(name, {}).items()}
        for depth, verdicts in subject.fresh.items():
            if name in verdicts:
                found[depth] = _judgement(verdicts[name], subject, now)
        merged[name] = found
    return merged


def _aged(judgement: Judgement, depth: Depth, subject: Subject, now: datetime.datetime) -> Judgement:
    """Return an earlier judgement with its age. It is current while it speaks of what is there now."""
    age = (now - judgement.when).total_seconds()
    there = depth is Depth.DECLARED or (subject.since is not None and judgement.when >= subject.since)
    current = there and judgement.fingerprint == subject.fingerprint
    return judgement.model_copy(update={"age_seconds": max(age, 0.0), "current": current})


def _judgement(verdict: Verdict, subject: Subject, now: datetime.datetime) -> Judgement:
    cites = tuple(_cite(each) for each in verdict.cited)
    return Judgement(
        kept=verdict.kept,
        because=verdict.because,
        cites=cites,
        when=now,
        fingerprint=subject.fingerprint,
    )


def _cite(cited: Any) -> str:
    """Return what a verdict cites by its kind and name: the thing itself may hold what a report must not."""
    if isinstance(cited, Record):
        return f"{cited.type.rpartition(':')[2]} {cited.name}"
    return cited[:_CITE_LENGTH] if isinstance(cited, str) else type(cited).__name__
