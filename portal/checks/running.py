"""Runs the checks over the files of one request: each file on a thread, each check so that its fault is a verdict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Final

from portal.checks import acro, archives, metadata, opaque, tables, types
from portal.checks.confined import Confined
from portal.checks.malware import Scanner
from portal.checks.subject import Context, Said, Subject
from portal.checks.unpacking import Limits
from portal.checks.verdict import Finding, Held, Outcome
from portal.checks.window import Deadline, Hostile, Unreadable
from portal.domain.errors import AirlockError
from portal.domain.policy import CheckName, Project

PATIENCE: Final = 120.0
"""Seconds that the checks of one file may take, and one more for each `SLOWEST` bytes of it."""
SLOWEST: Final = 20 << 20

_Check = Callable[[Subject, Context], Iterator[Said]]


async def check(
    files: Sequence[Held],
    project: Project,
    scanner: Scanner,
    *,
    outward: bool = True,
    limits: Limits | None = None,
) -> AsyncIterator[Finding]:
    """Give what every check finds, file by file; every file gets at least one finding.

    Args:
        files: the frozen files of one request.
        project: whose rules, limits, tier and risk appetite hold.
        scanner: looks for malware.
        outward: whether the files leave the environment; what comes in is not checked for disclosure.
        limits: on archives, where others than the usual ones are wanted.

    Raises:
        Unavailable: the store or the scanner does not answer. Nothing is known then; the worker tries again.
    """
    siblings = {held.path: held.file_id for held in files}
    loop = asyncio.get_running_loop()
    with Confined() as confined:
        context = Context(project, confined, outward)
        for held in files:
            yield await _scanned(held, scanner)
            subject = Subject.of(held, loop, Deadline(PATIENCE + held.size / SLOWEST))
            try:
                findings = await asyncio.to_thread(_looked, held, subject, context, siblings, limits)
            finally:
                subject.deadline.stop()  # a thread cannot be cancelled, but this one ends at its next read
            for finding in findings:
                yield finding


async def _scanned(held: Held, scanner: Scanner) -> Finding:
    if held.size == 0:
        return Finding(held.file_id, "malware", "none", Outcome.CLEAN, "an empty file")
    return await scanner.scan(held)


def _looked(
    held: Held, subject: Subject, context: Context, siblings: Mapping[str, str], limits: Limits | None
) -> list[Finding]:
    def archived(subject: Subject, context: Context) -> Iterator[Said]:
        return archives.judge(subject, context, _contents, limits)

    said = [*_contents(subject, context), *_guarded("archive", archives.VERSION, archived, subject, context)]
    findings = [_finding(held.file_id, each) for each in said]
    if context.outward and acro.is_results(subject):
        findings += _acro(held, subject, siblings)
    return findings


def _finding(file_id: str, said: Said) -> Finding:
    return Finding(file_id, said.check, said.version, said.outcome, said.summary, said.detail)


_CHECKS: Final[tuple[tuple[CheckName, str, _Check], ...]] = (
    ("type", types.VERSION, types.judge),
    ("opaque", opaque.VERSION, opaque.judge),
    ("metadata", metadata.VERSION, metadata.judge),
)


def _contents(subject: Subject, context: Context) -> Iterator[Said]:
    """Give what all checks of one file's content say; archives hand their members to this."""
    for name, version, judge in _CHECKS:
        yield from _guarded(name, version, judge, subject, context)
    if context.outward and not acro.is_results(subject):
        yield from _guarded("small-counts", tables.VERSION, tables.judge, subject, context)


def _acro(held: Held, subject: Subject, siblings: Mapping[str, str]) -> list[Finding]:
    try:
        judged = list(acro.judge(subject, siblings))
    except AirlockError:
        raise
    except Exception as problem:
        judged = [("", _unreadable("acro", acro.VERSION, problem))]
    return [_finding(file_id or held.file_id, said) for file_id, said in judged]


def _guarded(name: CheckName, version: str, judge: _Check, subject: Subject, context: Context) -> list[Said]:
    """Return what a check says, and `unreadable` in its name if it fails: no file is clean because of a fault."""
    said: list[Said] = []
    try:
        said.extend(judge(subject, context))
    except AirlockError:
        raise  # the store does not answer: that says nothing of the file
    except Exception as problem:
        said.append(_unreadable(name, version, problem))
    return said


def _unreadable(name: CheckName, version: str, problem: Exception) -> Said:
    # Our own exceptions say why in our own words; others may quote the file, so only their kind is told.
    if isinstance(problem, Hostile):
        return Said(name, version, Outcome.BAD, str(problem))
    if isinstance(problem, Unreadable):
        return Said(name, version, Outcome.UNREADABLE, str(problem))
    return Said(name, version, Outcome.UNREADABLE, "the check failed", {"problem": type(problem).__name__})
