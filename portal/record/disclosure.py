"""The signed disclosure record of a release (SATRE 3.3.09): what went out, who asked, who decided on which hash.

A record is written once, by the worker, when every approved byte stands in the release area. It is canonical JSON,
signed with Ed25519 (RFC 8032), and its own hash is named in the chain of events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import portal
from portal.database.tables import DecisionRow, FileRow, ProjectRow, RecordRow, RequestRow, VerdictRow
from portal.domain.clock import Clock
from portal.domain.errors import Conflict
from portal.domain.manifest import FORM, Entry, Manifest
from portal.domain.policy import Project
from portal.record import chain, forms, lines
from portal.record.signing import Signer, publish

ACTION = "record"
"""The event that names a record."""


@dataclass(frozen=True)
class Needed:
    """Whose approval the release took: so many distinct people, and this role among them (empty: none)."""

    people: int
    role: str = ""


def write(session: Session, clock: Clock, signer: Signer, request: RequestRow, needed: Needed) -> RecordRow:
    """Write, sign and return the record of a request that is being released; the one that is there, where there is.

    Adds the record, its event and, where the key is new, the public key with its event. `needed` is written down
    beside the decisions, so that anybody can see later that they were enough.

    Raises:
        Conflict: the request's files are not those of its manifest.
    """
    found = session.get(RecordRow, request.id)
    if found is not None:
        return found
    session.flush()
    publish(session, clock, signer)
    body = forms.canonical(document(session, clock, request, needed))
    row = RecordRow(
        request_id=request.id, body=body, signature=signer.sign(body), key_id=signer.key_id, at=clock()
    )
    session.add(row)
    detail = {
        "sha256": forms.sha256(body),
        "key_id": signer.key_id,
        forms.SEALS: forms.digest(lines.record(row)),
    }
    chain.append(
        session,
        clock,
        actor="airlock",
        action=ACTION,
        project=request.project,
        request_id=request.id,
        detail=detail,
    )
    return row


def document(session: Session, clock: Clock, request: RequestRow, needed: Needed) -> dict[str, Any]:
    """Return the record's document, as of now.

    Raises:
        Conflict: the request's files are not those of its manifest.
    """
    files = {row.id: row for row in session.scalars(select(FileRow).where(FileRow.request_id == request.id))}
    policy = _policy(session, request)
    end = chain.head(session)
    return {
        "form": forms.DISCLOSURE,
        "airlock": portal.VERSION,
        "request": _request(request),
        "requester": {"subject": request.requester, "name": request.requester_name},
        "project": {"name": policy.name, "title": policy.title, "tier": policy.tier},
        "manifest": _manifest(request, files.values()),
        "checks": _checks(session, request, files),
        "decisions": _decisions(session, request, files),
        "needed": {"people": needed.people, "role": needed.role},
        "rules": _sorted(policy.rules.model_dump(mode="json")),
        "risk_appetite": policy.appetite.model_dump(mode="json"),
        "released_at": clock().isoformat(),
        "chain": {"seq": end.seq, "hash": end.hash},
    }


def _policy(session: Session, request: RequestRow) -> Project:
    """Return the policy that was in force at submission."""
    return Project.model_validate(request.policy or session.get_one(ProjectRow, request.project).document)


def _request(request: RequestRow) -> dict[str, Any]:
    return {
        "id": request.id,
        "direction": str(request.direction),
        "title": request.title,
        "purpose": request.purpose,
        "round": request.round,
        "created_at": request.created_at.isoformat(),
    }


def _manifest(request: RequestRow, files: Iterable[FileRow]) -> dict[str, Any]:
    manifest = Manifest.of(Entry(row.path, row.sha256, row.size, row.media_type) for row in files)
    if manifest.sha256 != request.manifest_sha256:
        raise Conflict("the request's files are not those that were decided on", "Tell the operator.")
    return {
        "form": FORM,
        "sha256": manifest.sha256,
        "files": [
            {"path": e.path, "sha256": e.sha256, "size": e.size, "media_type": e.media_type}
            for e in manifest.entries
        ],
    }


def _checks(session: Session, request: RequestRow, files: Mapping[str, FileRow]) -> list[dict[str, Any]]:
    """Return what the checks of the present round found, in an order that does not depend on the database."""
    question = select(VerdictRow).where(
        VerdictRow.request_id == request.id, VerdictRow.round == request.round
    )
    found = [
        {
            "check": row.check,
            "version": row.version,
            "path": _path(files, row.file_id),
            "outcome": str(row.outcome),
            "blocks": row.blocks,
            "summary": row.summary,
            "manifest_sha256": row.manifest_sha256,
            "at": row.at.isoformat(),
        }
        for row in session.scalars(question)
    ]
    return sorted(found, key=lambda each: (each["path"], each["check"], each["at"], each["summary"]))


def _decisions(session: Session, request: RequestRow, files: Mapping[str, FileRow]) -> list[dict[str, Any]]:
    """Return every decision of every round, oldest first; those of earlier rounds tell why there were more."""
    question = (
        select(DecisionRow)
        .where(DecisionRow.request_id == request.id)
        .order_by(DecisionRow.round, DecisionRow.at, DecisionRow.person)
    )
    return [
        {
            "person": row.person,
            "name": row.person_name,
            "roles": sorted(map(str, row.roles)),
            "round": row.round,
            "outcome": str(row.outcome),
            "reason": row.reason,
            "manifest_sha256": row.manifest_sha256,
            "files": {_path(files, file_id) or file_id: said for file_id, said in row.files.items()},
            "at": row.at.isoformat(),
        }
        for row in session.scalars(question)
    ]


def _path(files: Mapping[str, FileRow], file_id: str) -> str:
    return files[file_id].path if file_id in files else ""


def _sorted(rules: Mapping[str, Any]) -> dict[str, Any]:
    """Put sets, which come as lists in any order, into one order."""
    return {name: sorted(value) if isinstance(value, list) else value for name, value in rules.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
