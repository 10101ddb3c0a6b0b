"""A small record for tests: two projects, one release each way, with decisions, checks and receipts."""

from __future__ import annotations

import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from portal.database.opening import Database
from portal.database.tables import DecisionRow, FileRow, ProjectRow, ReceiptRow, RequestRow, VerdictRow
from portal.domain.manifest import Entry, Manifest
from portal.domain.policy import Project
from portal.record import append
from portal.record.disclosure import Needed, write
from portal.record.receiving import receive
from portal.record.signing import Signer
from tests.portal.conftest import MovableClock

HASHES = {"tables/mean.csv": "a" * 64, "Überblick.csv": "b" * 64}


def identifier(number: int) -> str:
    """Return an identifier that is the same in every run."""
    return f"00000000-0000-4000-8000-{number:012d}"


def add_project(session: Session, clock: MovableClock, name: str) -> None:
    """Add a project that needs two reviewers."""
    policy = Project(name=name, title=name.title(), tier=3, reviewers=2, expires=datetime.date(2027, 1, 1))
    session.add(ProjectRow(name=name, document=policy.model_dump(mode="json"), changed_at=clock()))
    session.flush()


def add_request(session: Session, clock: MovableClock, number: int, project: str) -> RequestRow:
    """Add a request that is being released: two files, one verdict, two approvals."""
    entries = [Entry(path, digest, 5, "text/csv") for path, digest in HASHES.items()]
    request = RequestRow(
        id=identifier(number),
        project=project,
        direction="output",
        title="Mean ages\u2026",
        state="releasing",
        requester="ada",
        requester_name="Ada",
        created_at=clock(),
        state_since=clock(),
        manifest_sha256=Manifest.of(entries).sha256,
        files=2,
        size=10,
    )
    session.add(request)
    session.flush()
    for place, entry in enumerate(entries, 1):
        session.add(
            FileRow(
                id=identifier(number + place),
                request_id=request.id,
                path=entry.path,
                folded=entry.path.casefold(),
                size=5,
                sha256=entry.sha256,
                media_type=entry.media_type,
                complete=True,
                added_at=clock(),
            )
        )
    session.flush()
    session.add(verdict(clock, request, number + 1))
    for place, person in enumerate(("bea", "cem")):
        session.add(decision(clock, request, number + place, person))
    session.flush()
    return request


def verdict(clock: MovableClock, request: RequestRow, file: int) -> VerdictRow:
    """Return a verdict on one of a request's files."""
    return VerdictRow(
        id=identifier(file),
        request_id=request.id,
        file_id=identifier(file),
        round=1,
        manifest_sha256=request.manifest_sha256,
        check="small-counts",
        version="1",
        outcome="warning",
        summary="two counts below 10",
        at=clock(),
    )


def decision(clock: MovableClock, request: RequestRow, number: int, person: str) -> DecisionRow:
    """Return somebody's approval of a request."""
    return DecisionRow(
        id=identifier(number),
        request_id=request.id,
        round=1,
        person=person,
        person_name=person.title(),
        roles=["output-checker"],
        outcome="approve",
        manifest_sha256=request.manifest_sha256,
        reason="rounded",
        files={identifier(number - number % 10 + 1): {"outcome": "approve", "reason": ""}},
        at=clock(),
    )


def receipt(clock: MovableClock, request: RequestRow, number: int, path: str) -> ReceiptRow:
    """Return the receipt of one of a request's files."""
    return ReceiptRow(
        id=identifier(number),
        request_id=request.id,
        file_id=identifier(number),
        path=path,
        sha256=HASHES[path],
        person="ada",
        person_name="Ada",
        at=clock(),
    )


def tell(database: Database, clock: MovableClock, folder: Path) -> Signer:
    """Write the whole story down; return who signed it."""
    signer = Signer.open(folder / "key.pem")
    with database.writing() as session:
        for number, project in ((10, "heart"), (20, "lung")):
            add_project(session, clock, project)
            request = add_request(session, clock, number, project)
            append(
                session,
                clock,
                actor="ada",
                action="submit",
                project=project,
                request_id=request.id,
                detail={"note": "ü"},
            )
            clock.move(hours=1)
            write(session, clock, signer, request, Needed(2))
            clock.move(minutes=5)
            for place, path in enumerate(HASHES, 1):
                receive(session, clock, project, receipt(clock, request, number + place, path))
    return signer
