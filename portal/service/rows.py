"""Reads rows with the person's rights checked, and turns rows into views."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from portal.database.tables import DecisionRow, FileRow, ProjectRow, ReceiptRow, RequestRow, VerdictRow
from portal.domain import rights
from portal.domain.errors import NotFound
from portal.domain.people import Person
from portal.domain.policy import Project
from portal.domain.rights import Action
from portal.domain.states import Direction, State
from portal.service import said
from portal.service.views import (
    DecisionView,
    FileDecisionView,
    FileView,
    ProjectView,
    ReceiptView,
    RequestView,
    VerdictView,
)


def request_of(
    session: Session, person: Person, request_id: str, action: Action, *, lock: bool
) -> RequestRow:
    """Return a request on which the person may act, locked until the transaction ends if asked.

    Raises:
        NotFound: there is none, or the person may not know of it.
        Refused: they may know of it, and may not do this.
    """
    found = said.request_id(request_id)
    if lock:
        row = session.get(RequestRow, found, with_for_update=True, populate_existing=True)
    else:
        row = session.scalars(_ONE, {"request": found}).one_or_none()
    if row is None:
        raise NotFound("there is no such request", "Check the number, and the project you are in.")
    rights.check(person, row.project, Direction(row.direction), action, row.requester)
    return row


def file_of(session: Session, request: RequestRow, file_id: str) -> FileRow:
    """Return a file of a request.

    Raises:
        NotFound: the request has no such file.
    """
    row = session.get(FileRow, said.file_id(file_id), populate_existing=True)
    if row is None or row.request_id != request.id:
        raise said.no_file()
    return row


def project_row(session: Session, name: str) -> ProjectRow:
    """Return a project's row.

    Raises:
        NotFound: there is no such project.
    """
    row = session.scalars(_PROJECT, {"project": said.project(name)}).one_or_none()
    if row is None:
        raise NotFound("there is no such project", "Check its name.")
    return row


@dataclass(frozen=True)
class Policies:
    """A project's policy as it was when a request was submitted (before that: today's), and today's."""

    then: Project
    now: Project

    @property
    def download_in_review(self) -> bool:
        """Tell whether both let reviewers download what they review."""
        return self.then.download_in_review and self.now.download_in_review


def policies_of(request: RequestRow, project: ProjectRow) -> Policies:
    """Return both policies that a request is held to; the project is the request's own."""
    now = Project.model_validate(project.document)
    return Policies(now if request.policy is None else Project.model_validate(request.policy), now)


def policy_now(session: Session, name: str) -> Project:
    """Return a project's policy as the deployer last wrote it."""
    return Project.model_validate(project_row(session, name).document)


def policy_of(session: Session, request: RequestRow) -> Project:
    """Return the policy that was in force when the request was submitted; before that, today's."""
    if request.policy is None:
        return policy_now(session, request.project)
    return Project.model_validate(request.policy)


_REQUEST: Final = bindparam("request", type_=RequestRow.id.type)
# Built once: putting a statement together costs as much as running it.
_ONE: Final = select(RequestRow).where(RequestRow.id == _REQUEST)
_PROJECT: Final = select(ProjectRow).where(
    ProjectRow.name == bindparam("project", type_=ProjectRow.name.type)
)
_FILES: Final = select(FileRow).where(FileRow.request_id == _REQUEST).order_by(FileRow.path, FileRow.id)
_VERDICTS: Final = (
    select(VerdictRow)
    .where(
        VerdictRow.request_id == _REQUEST,
        VerdictRow.round == bindparam("round", type_=VerdictRow.round.type),
        VerdictRow.manifest_sha256 == bindparam("manifest", type_=VerdictRow.manifest_sha256.type),
    )
    .order_by(VerdictRow.file_id, VerdictRow.check, VerdictRow.id)
)
_DECISIONS: Final = (
    select(DecisionRow)
    .where(DecisionRow.request_id == _REQUEST)
    .order_by(DecisionRow.round, DecisionRow.at, DecisionRow.id)
)
_RECEIPTS: Final = (
    select(ReceiptRow).where(ReceiptRow.request_id == _REQUEST).order_by(ReceiptRow.at, ReceiptRow.id)
)


def files_of(session: Session, request_id: str) -> list[FileRow]:
    """Return a request's files by their paths."""
    return list(session.scalars(_FILES, {"request": request_id}))


def verdicts_of(session: Session, request: RequestRow) -> list[VerdictRow]:
    """Return what the checks found in the present round's manifest."""
    about = {"request": request.id, "round": request.round, "manifest": request.manifest_sha256}
    return list(session.scalars(_VERDICTS, about))


def decisions_of(session: Session, request_id: str) -> list[DecisionRow]:
    """Return every decision on a request, oldest first."""
    return list(session.scalars(_DECISIONS, {"request": request_id}))


def receipts_of(session: Session, request_id: str) -> list[ReceiptRow]:
    """Return who fetched what of a request, oldest first."""
    return list(session.scalars(_RECEIPTS, {"request": request_id}))


def project_view(
    person: Person, row: ProjectRow, now: datetime.datetime, policy: Project | None = None
) -> ProjectView:
    """Return a project as the person sees it."""
    policy = policy or Project.model_validate(row.document)
    taken = not row.ended and now.date() <= policy.expires
    return ProjectView(
        name=policy.name,
        title=policy.title,
        tier=policy.tier,
        reviewers=policy.reviewers,
        expires=policy.expires,
        ended=row.ended,
        limits=policy.limits,
        download_in_review=policy.download_in_review,
        roles=person.roles(policy.name),
        may_ask=frozenset(
            direction
            for direction in Direction
            if taken and rights.may(person, policy.name, direction, Action.CREATE, person.subject)
        ),
    )


def file_view(row: FileRow) -> FileView:
    """Return a file as people see it."""
    return FileView(
        id=row.id,
        request_id=row.request_id,
        path=row.path,
        size=row.size,
        expected=row.expected,
        sha256=row.sha256,
        media_type=row.media_type,
        complete=row.complete,
        parts=len(row.parts),
    )


COLUMNS: Final = (
    RequestRow.id,
    RequestRow.project,
    RequestRow.direction,
    RequestRow.title,
    RequestRow.purpose,
    RequestRow.state,
    RequestRow.requester,
    RequestRow.requester_name,
    RequestRow.created_at,
    RequestRow.state_since,
    RequestRow.due_at,
    RequestRow.round,
    RequestRow.manifest_sha256,
    RequestRow.files,
    RequestRow.size,
    RequestRow.reason,
    RequestRow.bytes_removed,
    RequestRow.version,
)
"""What a list shows of a request, in the order of `listed_view`."""
_values: Final = operator.attrgetter(*(column.key for column in COLUMNS))


def request_view(row: RequestRow, person: Person, now: datetime.datetime) -> RequestView:
    """Return a request as lists show it."""
    return listed_view(_values(row), person, now)


def listed_view(values: Sequence[Any], person: Person, now: datetime.datetime) -> RequestView:
    """Return a request as lists show it, from the values of `COLUMNS`: they are read by the hundred."""
    number, project, direction, title, purpose, state, requester, name, created_at, since, *rest = values
    return RequestView(
        number,
        project,
        Direction(direction),
        title,
        purpose,
        State(state),
        requester,
        name,
        requester == person.subject,
        created_at,
        since,
        max(0.0, (now - since).total_seconds()),
        *rest,
    )


def verdict_view(row: VerdictRow) -> VerdictView:
    """Return what a check found."""
    return VerdictView(
        row.file_id, row.check, row.version, row.outcome, row.blocks, row.summary, row.detail, row.at
    )


def decision_view(row: DecisionRow) -> DecisionView:
    """Return what a person decided."""
    return DecisionView(
        round=row.round,
        person=row.person,
        person_name=row.person_name,
        roles=tuple(str(role) for role in row.roles),
        outcome=row.outcome,
        manifest_sha256=row.manifest_sha256,
        reason=row.reason,
        files=tuple(_file_decision(file, said_of) for file, said_of in row.files.items()),
        at=row.at,
    )


def _file_decision(file: str, said_of: Mapping[str, str]) -> FileDecisionView:
    return FileDecisionView(file, said_of.get("outcome", ""), said_of.get("reason", ""))


def receipt_view(row: ReceiptRow) -> ReceiptView:
    """Return that somebody fetched a file."""
    return ReceiptView(row.file_id, row.path, row.sha256, row.person, row.person_name, row.at)
