"""Runs the checks on frozen files, and sends the request to people or stops it."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from portal.checks import Finding, Held, check
from portal.database.tables import RequestRow, VerdictRow
from portal.domain.errors import Unavailable
from portal.domain.policy import Project
from portal.domain.states import Direction, Step
from portal.service import judging, moving, reviewing, rows
from portal.worker import leasing
from portal.worker.leasing import Lease
from portal.worker.parts import WorkerParts

BY_POLICY: Final = "approved by policy: this tier asks nobody"


async def check_files(parts: WorkerParts, lease: Lease) -> None:
    """Check every file of a frozen request, write the verdicts down and take the step that follows from them.

    Raises:
        Unavailable: a scanner or the store does not answer; nothing is written then.
        Lost: the request moved on meanwhile.
    """
    held, policy, outward = await asyncio.to_thread(_held, parts, lease)
    findings = [finding async for finding in check(held, policy, parts.scanner, outward=outward)]
    _every_file_was_checked(held, findings, policy)
    await asyncio.to_thread(parts.database.write, lambda session: _conclude(parts, session, lease, findings))


def _held(parts: WorkerParts, lease: Lease) -> tuple[list[Held], Project, bool]:
    """Return what is to be checked, by which rules, and whether it leaves the TRE."""
    with parts.database.reading() as session:
        row = leasing.seen(session, lease)
        files = rows.files_of(session, row.id)
        held = [reviewing.held(parts.areas, file) for file in files]
        return held, rows.policy_of(session, row), row.direction == Direction.OUTPUT


def _every_file_was_checked(held: Sequence[Held], findings: Sequence[Finding], policy: Project) -> None:
    """Refuse to go on where a check fell silent: no verdict is not a clean one."""
    wanted = {file.file_id for file in held}
    scanned = {finding.file_id for finding in findings if finding.check == "malware"}
    checked = {finding.file_id for finding in findings}
    if not wanted <= checked or ("malware" in policy.rules.blocking and not wanted <= scanned):
        raise Unavailable("a check gave no verdict on a file", "It is tried again.")


def _conclude(parts: WorkerParts, session: Session, lease: Lease, findings: Sequence[Finding]) -> None:
    row = leasing.held(session, lease)
    verdicts = _written(parts, session, row, findings)
    leasing.free(row)
    blocks = Counter(verdict.check for verdict in verdicts if verdict.blocks)
    detail = {"checks": _versions(verdicts), "outcomes": dict(Counter(v.outcome for v in verdicts))}
    if blocks:
        why = "stopped by " + ", ".join(f"{name} ({count})" for name, count in sorted(blocks.items()))
        moving.change(session, parts.clock, row, Step.BLOCK, moving.AIRLOCK, why, detail)
        return
    moving.change(session, parts.clock, row, Step.PASS, moving.AIRLOCK, detail=detail)
    if not judging.need(session, row).people:
        moving.change(session, parts.clock, row, Step.APPROVE, moving.AIRLOCK, BY_POLICY)


def _written(
    parts: WorkerParts, session: Session, row: RequestRow, findings: Sequence[Finding]
) -> list[VerdictRow]:
    policy, now = rows.policy_of(session, row), parts.clock()
    verdicts = [
        VerdictRow(
            id=str(uuid.uuid4()),
            request_id=row.id,
            file_id=finding.file_id,
            round=row.round,
            manifest_sha256=row.manifest_sha256,
            check=finding.check,
            version=finding.version,
            outcome=finding.outcome.value,
            summary=finding.summary,
            detail=dict(finding.detail),
            at=now,
        )
        for finding in findings
    ]
    for verdict in verdicts:
        verdict.blocks = judging.blocking(verdict, policy)
    session.add_all(verdicts)
    session.flush()
    return verdicts


def _versions(verdicts: Sequence[VerdictRow]) -> dict[str, str]:
    return {verdict.check: verdict.version for verdict in verdicts}
