"""A report for a person to read. Words carry the meaning; colour only repeats them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from tre import console
from tre.verify.report import DEPTHS, Judgement, ProjectReport, PromiseReport, Report, Satre, Status

_WORDS: Final = {
    Status.KEPT: ("kept", "green"),
    Status.BROKEN: ("BROKEN", "red"),
    Status.GAP: ("gap", "yellow"),
    Status.UNPROVED: ("unproved", "yellow"),
}
_WIDTH: Final = 110
_INDENT: Final = " " * 23
_NOW_SECONDS: Final = 60
_UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"))


def age(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that fits."""
    for length, unit in _UNITS:
        if seconds >= max(length, _NOW_SECONDS):
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "now"


def lines(report: Report, *, evidence: bool = False) -> Iterator[str]:
    """Yield a report's lines. With `evidence`, each promise shows what every depth found."""
    for project in report.projects:
        yield from _project(report.site, project, evidence)
    for project in report.projects:
        yield closing(project)
    yield satre_line(report.satre)


def _project(site: str, project: ProjectReport, evidence: bool) -> Iterator[str]:
    title = f"{site}/{project.project}"
    yield ""
    yield f"{console.paint(title, 'bold')}  tier {project.tier}, target {project.target} ({project.backend})"
    for why, missed in groupby(project.unreached, key=lambda each: each.why):
        depths = " and ".join(each.depth for each in missed)
        yield f"  {console.paint(f'not {depths}', 'yellow')}: {why}"
    for component, promises in groupby(project.promises, key=lambda each: each.component):
        yield f"  {component}"
        told = ""
        for each in promises:
            yield from _promise(each, evidence, told)
            told = each.gap
            yield from _indented(_look_again(site, project.project, each))


def _promise(promise: PromiseReport, evidence: bool, told: str) -> Iterator[str]:
    """Yield one promise. `told` is the gap's reason that stands just above, not to be said again."""
    word, colour = _WORDS[promise.status]
    name = promise.promise.partition("/")[2]
    depth = promise.depth or "-"
    yield f"    {console.paint(f'{word:8}', colour)} {depth:9} {name}  (SATRE {' '.join(promise.satre)})"
    if not promise.gap or promise.gap != told:
        yield from _indented(_reasons(promise, evidence))


def _reasons(promise: PromiseReport, evidence: bool) -> Iterator[str]:
    if promise.status is Status.BROKEN:
        yield promise.sentence
    if promise.gap:
        yield promise.gap
    for depth in DEPTHS:
        judgement = promise.judgements.get(depth)
        shown = evidence or promise.status is Status.BROKEN or depth is promise.depth
        if judgement and (shown or not judgement.current):
            yield f"{depth}, {_when(judgement)}: {judgement.because}"
    if promise.status is Status.UNPROVED and not promise.judgements:
        yield "nothing has judged this promise yet"


def _look_again(site: str, project: str, promise: PromiseReport) -> Iterator[str]:
    """Yield what clears a break that an earlier run saw, and this one did not look for."""
    if promise.status is Status.BROKEN and promise.depth and promise.judgements[promise.depth].age_seconds:
        yield f"Look again with: tre verify {site} --project {project} --depth {promise.depth}"


def _when(judgement: Judgement) -> str:
    found = age(judgement.age_seconds)
    return found if judgement.current else f"{found}, of an earlier deployment"


def _indented(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        wrapped = textwrap.wrap(text, _WIDTH - len(_INDENT), break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(wrapped):
            yield console.paint(f"{_INDENT}{'  ' if number else ''}{line}", "dim")


def closing(project: ProjectReport) -> str:
    """Return the sentence that closes a project's report."""
    found = project.summary
    depths = ", ".join(f"{found.kept_at[depth]} {depth}" for depth in DEPTHS)
    rest = [f"{found.gaps} gap{'' if found.gaps == 1 else 's'}"]
    rest += [f"{found.unproved} unproved"] if found.unproved else []
    rest += [console.paint(f"{found.broken} BROKEN", "red")] if found.broken else []
    kept = f"{found.kept} of {found.promises} promises kept: {depths}"
    return f"{project.project}: {kept}; {'; '.join(rest)}."


def satre_line(found: Satre) -> str:
    """Return what the report evidences of SATRE. It never says that a TRE complies."""
    part = f", {len(found.in_part)} more in part" if found.in_part else ""
    rest = f"of {found.statements}; the others are purely organisational"
    return (
        f"SATRE {found.version}, evidenced by machine: {len(found.evidenced)} of {found.of} statements{part}"
        f" ({rest})."
    )
