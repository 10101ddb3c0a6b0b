"""Runs the checks over the files of one request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from portal.checks.malware import Scanner
from portal.checks.verdict import Finding, Held
from portal.domain.policy import Project


async def check(files: Sequence[Held], project: Project, scanner: Scanner) -> AsyncIterator[Finding]:
    """Give what every check finds, file by file; every file gets at least one finding.

    Raises:
        Unavailable: the store or the scanner does not answer. Nothing is known then; the worker tries again.
    """
    for held in files:
        yield await scanner.scan(held)
