"""What whoever asks does: begin a request, announce its files, hand it in, take it back."""

from __future__ import annotations

import datetime
import mimetypes
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.database.tables import FileRow, RequestRow
from portal.domain import names, rights, states
from portal.domain.errors import Conflict, Invalid, Refused, TooLarge
from portal.domain.people import Person
from portal.domain.policy import Limits, Project
from portal.domain.rights import Action
from portal.domain.states import Direction, State, Step
from portal.service import moving, rows, said
from portal.service.moving import Actor
from portal.service.parts import Parts
from portal.service.views import FileView, RequestView

OPEN: Final = frozenset({State.DRAFT, State.CHANGES_REQUESTED})
"""States in which the requester still changes the files."""
_UNKNOWN: Final = "application/octet-stream"


@dataclass(frozen=True)
class NewFile:
    """A file to announce: its path, and what is known of it."""

    path: str
    expected_size: int | None = None
    """Bytes."""
    media_type: str | None = None


@dataclass(frozen=True)
class _Asked:
    project: str
    direction: Direction
    title: str
    purpose: str
    key: str | None


def create(
    parts: Parts,
    person: Person,
    project: str,
    direction: Direction,
    title: str,
    purpose: str,
    idempotency_key: str | None,
) -> RequestView:
    """Begin a request, or return the one that the same person began under the same key."""
    rights.check(person, project, direction, Action.CREATE, person.subject)
    asked = _Asked(
        said.project(project),
        direction,
        said.title(title),
        said.purpose(purpose),
        said.idempotency_key(idempotency_key),
    )
    try:
        return parts.database.write(lambda session: _begin(parts, session, person, asked))
    except IntegrityError:
        # Somebody used the key between our look and our write: now it is there to be found.
        return parts.database.write(lambda session: _begin(parts, session, person, asked))


def _begin(parts: Parts, session: Session, person: Person, asked: _Asked) -> RequestView:
    now = parts.clock()
    known = _under_key(session, person, asked)
    if known is not None:
        return rows.request_view(known, person, now)
    stored = rows.project_row(session, asked.project)
    policy = Project.model_validate(stored.document)
    if stored.ended or now.date() > policy.expires:
        raise Refused(f"the project {policy.name} has ended", "Ask the Information Asset Owner to renew it.")
    _not_too_many(session, person, policy)
    row = _draft(person, asked, policy, now)
    session.add(row)
    session.flush()
    moving.created(session, parts.clock, row, Actor.of(person))
    return rows.request_view(row, person, now)


def _under_key(session: Session, person: Person, asked: _Asked) -> RequestRow | None:
    if asked.key is None:
        return None
    row = session.scalar(
        select(RequestRow).where(
            RequestRow.requester == person.subject, RequestRow.idempotency_key == asked.key
        )
    )
    if row is not None and (row.project, row.direction, row.title, row.purpose) != (
        asked.project,
        asked.direction,
        asked.title,
        asked.purpose,
    ):
        raise Conflict("this idempotency key began another request", "Use a new key for a new request.")
    return row


def _not_too_many(session: Session, person: Person, policy: Project) -> None:
    count = session.scalar(
        select(func.count())
        .select_from(RequestRow)
        .where(
            RequestRow.requester == person.subject,
            RequestRow.project == policy.name,
            RequestRow.state.not_in([state.value for state in sorted(states.ENDED)]),
        )
    )
    if (count or 0) >= policy.limits.open_requests:
        raise Conflict(
            f"{policy.limits.open_requests} of your requests are open",
            "Withdraw one, or wait for one to end.",
        )


def _draft(person: Person, asked: _Asked, policy: Project, now: datetime.datetime) -> RequestRow:
    return RequestRow(
        id=str(uuid.uuid4()),
        project=asked.project,
        direction=asked.direction.value,
        title=asked.title,
        purpose=asked.purpose,
        state=State.DRAFT.value,
        requester=person.subject,
        requester_name=person.name,
        created_at=now,
        state_since=now,
        due_at=now + datetime.timedelta(days=policy.days.draft),
        round=1,
        manifest_sha256="",
        files=0,
        size=0,
        reason="",
        bytes_removed=False,
        idempotency_key=asked.key,
    )


def add_files(parts: Parts, person: Person, request_id: str, files: Sequence[NewFile]) -> list[FileView]:
    """Announce files, all or none; one that stands there already with the same path and size is returned."""
    announced = [_checked(file) for file in files]

    def run(session: Session) -> list[FileView]:
        request = open_request(session, person, request_id)
        limits = rows.policy_now(session, request.project).limits
        standing = _standing(session, request.id, [names.folded(file.path) for file in announced])
        now = parts.clock()
        added = [_file(request, file, now) for file in announced if names.folded(file.path) not in standing]
        _within(request, added, limits)
        standing.update({row.folded: row for row in added})
        session.add_all(added)
        if added:
            request.files += len(added)
        return [rows.file_view(_same(standing[names.folded(file.path)], file)) for file in announced]

    return parts.database.write(run)


def _standing(session: Session, request_id: str, folded: Sequence[str]) -> dict[str, FileRow]:
    """Return the request's files under some folded paths, in few statements however many there are."""
    found: dict[str, FileRow] = {}
    for start in range(0, len(folded), _AT_ONCE):
        some = folded[start : start + _AT_ONCE]
        query = select(FileRow).where(FileRow.request_id == request_id, FileRow.folded.in_(some))
        found.update({row.folded: row for row in session.scalars(query)})
    return found


_AT_ONCE: Final = 1000
"""Values in one statement."""


def _checked(file: NewFile) -> NewFile:
    path = names.safe_path(file.path)
    size = file.expected_size
    if size is not None and size < 0:
        raise Invalid("a file's size is not negative", "", "expected_size")
    guessed = mimetypes.guess_type(path, strict=False)[0] or _UNKNOWN
    return NewFile(path, size, said.media_type(file.media_type) if file.media_type else guessed)


def _file(request: RequestRow, file: NewFile, now: datetime.datetime) -> FileRow:
    return FileRow(
        id=str(uuid.uuid4()),
        request_id=request.id,
        path=file.path,
        folded=names.folded(file.path),
        size=0,
        expected=file.expected_size,
        parts=[],
        sha256="",
        media_type=file.media_type or _UNKNOWN,
        complete=False,
        added_at=now,
    )


def _within(request: RequestRow, added: Sequence[FileRow], limits: Limits) -> None:
    if len({row.folded for row in added}) < len(added):
        raise Conflict("two of these files have one path", "Give each file a path of its own.")
    if request.files + len(added) > limits.files:
        raise TooLarge(f"a request holds at most {limits.files} files", "Ask with several requests.")
    if any((row.expected or 0) > limits.file_bytes for row in added):
        raise TooLarge(f"a file has at most {limits.file_bytes} bytes", "Split the file.")
    if request.size + sum(row.expected or 0 for row in added) > limits.request_bytes:
        raise TooLarge(f"a request holds at most {limits.request_bytes} bytes", "Ask with several requests.")


def _same(row: FileRow, file: NewFile) -> FileRow:
    if row.path != file.path:
        raise Conflict(
            "another file's path differs from this one in nothing that every system keeps apart",
            "Rename one of the two.",
        )
    if row.expected != file.expected_size:
        raise Conflict("a file of another size stands under this path", "Remove it first.")
    return row


def open_request(session: Session, person: Person, request_id: str) -> RequestRow:
    """Return a request whose files the person may still change, locked.

    Raises:
        Conflict: it was submitted.
    """
    request = rows.request_of(session, person, request_id, Action.UPLOAD, lock=True)
    if State(request.state) not in OPEN:
        raise Conflict("the files of a submitted request stand still", "Withdraw it, or wait for the review.")
    return request


def remove_file(parts: Parts, person: Person, request_id: str, file_id: str) -> None:
    """Take a file out of a request that is not submitted; its bytes go with the request's."""

    def run(session: Session) -> None:
        request = open_request(session, person, request_id)
        row = session.get(FileRow, said.file_id(file_id))
        if row is None or row.request_id != request.id:
            return
        if row.sha256:
            # It was frozen, and perhaps decided on: what it was stays known (SATRE 3.3.09).
            known = {"file": row.id, "path": row.path, "sha256": row.sha256, "size": row.size}
            moving.note(session, parts.clock, request, "remove_file", Actor.of(person), known)
        request.files -= 1
        request.size -= row.size
        session.delete(row)

    parts.database.write(run)


def submit(parts: Parts, person: Person, request_id: str, version: int | None) -> RequestView:
    """Hand a request in; handed in already is fine."""

    def run(session: Session) -> RequestView:
        request = rows.request_of(session, person, request_id, Action.SUBMIT, lock=True)
        now = parts.clock()
        if State(request.state) in {State.SUBMITTED, State.CHECKING} and version is None:
            return rows.request_view(request, person, now)
        if version is not None and version != request.version:
            raise Conflict("the request has changed since you looked at it", "Look at it again.")
        if State(request.state) is State.CHANGES_REQUESTED:
            request.round += 1
        _hand_in(session, request)
        moving.change(session, parts.clock, request, Step.SUBMIT, Actor.of(person))
        session.flush()
        return rows.request_view(request, person, now)

    return parts.database.write(run)


def _hand_in(session: Session, request: RequestRow) -> None:
    """Count the files as they stand, and take down the policy in force."""
    states.move(State(request.state), Step.SUBMIT)
    policy = rows.policy_now(session, request.project)
    count, size, whole = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(FileRow.size), 0),
            func.count().filter(FileRow.complete),
        ).where(FileRow.request_id == request.id)
    ).one()
    if not count:
        raise Conflict("the request holds no file", "Add a file first.")
    if whole < count:
        raise Conflict(f"{count - whole} files are incomplete", "Upload the rest of each, or remove them.")
    if count > policy.limits.files or size > policy.limits.request_bytes:
        raise TooLarge("the request holds more than its project allows", "Ask with several requests.")
    request.files, request.size = count, int(size)
    request.policy = policy.model_dump(mode="json")
    request.manifest_sha256 = ""


def withdraw(parts: Parts, person: Person, request_id: str, reason: str) -> RequestView:
    """Take a request back; taken back already is fine."""
    why = said.reason(reason, wanted=False)

    def run(session: Session) -> RequestView:
        request = rows.request_of(session, person, request_id, Action.WITHDRAW, lock=True)
        if State(request.state) is not State.CANCELLED:
            moving.change(session, parts.clock, request, Step.CANCEL, Actor.of(person), why)
            session.flush()
        return rows.request_view(request, person, parts.clock())

    return parts.database.write(run)
