"""Held files made of bytes, and what the checks say of them."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Sequence
from typing import Any

from portal.checks import Finding, Held, Outcome, check
from portal.checks.malware import NoScanner, Scanner
from portal.checks.unpacking import Limits
from portal.domain.policy import Project


def held(path: str, body: bytes, *, size: int | None = None, piece: int = 65_536) -> Held:
    """Return a held file of some bytes; its id is its path."""

    async def opener(start: int, end: int | None) -> AsyncIterator[bytes]:
        wanted = body[start:end]
        for at in range(0, len(wanted), piece):
            yield wanted[at : at + piece]

    return Held(path, path, len(body) if size is None else size, "application/octet-stream", opener)


def project(**changes: Any) -> Project:
    """Return a project of tier 2, with some things other than usual."""
    usual: dict[str, Any] = {"name": "heart", "tier": 2, "reviewers": 1, "expires": datetime.date(2030, 1, 1)}
    return Project.model_validate(usual | changes)


def checked(
    files: Sequence[Held],
    policy: Project | None = None,
    scanner: Scanner | None = None,
    *,
    outward: bool = True,
    limits: Limits | None = None,
) -> list[Finding]:
    """Return what every check says of some files."""

    async def gathered() -> list[Finding]:
        found = check(files, policy or project(), scanner or NoScanner(), outward=outward, limits=limits)
        return [finding async for finding in found]

    return asyncio.run(gathered())


def said(
    body: bytes, path: str, policy: Project | None = None, limits: Limits | None = None
) -> dict[str, Finding]:
    """Return what the checks say of one file, by check."""
    return {finding.check: finding for finding in checked([held(path, body)], policy, limits=limits)}


def outcome(body: bytes, path: str, check_name: str) -> Outcome | None:
    """Return one check's outcome for one file; None where it says nothing."""
    finding = said(body, path).get(check_name)
    return finding.outcome if finding else None
