"""The tables. Moments are UTC; identifiers are random UUIDs as text, so that nothing can be counted from outside.

`events` and what hangs on its chain is only ever added to. `chain` has one row, whose lock puts events in one order;
it is touched by changes of state alone, never by an upload, so that uploads do not wait for one another.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Moment(TypeDecorator[datetime.datetime]):
    """A moment in UTC: SQLite forgets the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: Dialect
    ) -> datetime.datetime | None:
        """Take only moments that know their zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone")
        return value.astimezone(datetime.UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime.datetime | None:
        """Return the moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)


class Table(DeclarativeBase):
    """The base of every table. Constraints are named, so that a later migration can change them on SQLite too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own name and form
        datetime.datetime: Moment,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        str: Text,
    }


def identifier() -> Any:
    """Return a column of a random identifier."""
    return mapped_column(String(36), primary_key=True)


class ProjectRow(Table):
    """A project's policy (`portal.domain.policy.Project`) as JSON. `ended` projects take no new request."""

    __tablename__ = "projects"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    document: Mapped[dict[str, Any]]
    ended: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime.datetime]


class RequestRow(Table):
    """A request. `version` rises with every change: who read an older one may not write (optimistic locking)."""

    __tablename__ = "requests"
    id: Mapped[str] = identifier()
    project: Mapped[str] = mapped_column(ForeignKey("projects.name"))
    direction: Mapped[str] = mapped_column(String(10))
    title: Mapped[str]
    purpose: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(String(20))
    requester: Mapped[str]
    requester_name: Mapped[str]
    created_at: Mapped[datetime.datetime]
    state_since: Mapped[datetime.datetime]
    due_at: Mapped[datetime.datetime | None]
    """When the worker ends the present state; empty where nothing is waited for."""
    round: Mapped[int] = mapped_column(default=1)
    """Rises with every submission after changes were asked for; decisions and verdicts name their round."""
    manifest_sha256: Mapped[str] = mapped_column(String(64), default="")
    files: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    policy: Mapped[dict[str, Any] | None]
    """The project's policy at submission: what was decided is judged by what was in force."""
    failed_from: Mapped[str] = mapped_column(String(20), default="")
    reason: Mapped[str] = mapped_column(default="")
    """Why it stands where it stands, for people."""
    attempts: Mapped[int] = mapped_column(default=0)
    try_at: Mapped[datetime.datetime | None]
    """When the worker takes it up next; set in states of work alone."""
    leased_until: Mapped[datetime.datetime | None]
    """Until when one worker has it to itself; another takes over after that."""
    lease: Mapped[str] = mapped_column(String(36), default="")
    bytes_removed: Mapped[bool] = mapped_column(default=False)
    idempotency_key: Mapped[str | None] = mapped_column(String(80))
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        Index("requests_by_project", "project", "created_at", "id"),
        Index("requests_by_requester", "requester", "created_at", "id"),
        Index("requests_by_state", "state", "created_at", "id"),
        Index("requests_by_project_state", "project", "state", "created_at", "id"),
        Index("requests_by_age", "created_at", "id"),
        Index("requests_by_try", "try_at"),
        Index("requests_by_due", "due_at"),
        UniqueConstraint("requester", "idempotency_key"),
    )
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own name and form


class FileRow(Table):
    """A file of a request. It is `complete` once all its bytes have come."""

    __tablename__ = "files"
    id: Mapped[str] = identifier()
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), index=True)
    path: Mapped[str]
    folded: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    """Bytes that have come so far; all of them once complete."""
    expected: Mapped[int | None] = mapped_column(BigInteger)
    parts: Mapped[list[Any]] = mapped_column(default=list)
    """The pieces in which it came, in order: `{"size": bytes, "sha256": hexadecimal}`."""
    sha256: Mapped[str] = mapped_column(String(64), default="")
    """Of the whole file, computed by the worker from what it holds itself; empty until then."""
    media_type: Mapped[str] = mapped_column(default="application/octet-stream")
    complete: Mapped[bool] = mapped_column(default=False)
    added_at: Mapped[datetime.datetime]

    __table_args__ = (UniqueConstraint("request_id", "folded"),)


class VerdictRow(Table):
    """What one check found in one file (or in the request as a whole, where `file_id` is empty)."""

    __tablename__ = "verdicts"
    id: Mapped[str] = identifier()
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), index=True)
    file_id: Mapped[str] = mapped_column(String(36), default="")
    round: Mapped[int]
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    check: Mapped[str] = mapped_column("check_name", String(40))
    version: Mapped[str]
    outcome: Mapped[str] = mapped_column(String(20))
    """`clean`, `warning`, `bad` or `unreadable` (`portal.checks.verdict.Outcome`)."""
    blocks: Mapped[bool] = mapped_column(default=False)
    summary: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime.datetime]


class DecisionRow(Table):
    """What one person decided on one manifest. One person decides once on each round."""

    __tablename__ = "decisions"
    id: Mapped[str] = identifier()
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), index=True)
    round: Mapped[int]
    person: Mapped[str]
    person_name: Mapped[str]
    roles: Mapped[list[Any]]
    outcome: Mapped[str] = mapped_column(String(20))
    """`approve`, `reject` or `changes`."""
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str]
    files: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """For each file's id, `{"outcome": ..., "reason": ...}` where the person said one."""
    at: Mapped[datetime.datetime]

    __table_args__ = (UniqueConstraint("request_id", "round", "person"),)


class EventRow(Table):
    """One link of the chain. `hash` covers the hash before it and that of `body` (canonical JSON)."""

    __tablename__ = "events"
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime.datetime]
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(String(40))
    project: Mapped[str] = mapped_column(String(40), default="")
    request_id: Mapped[str] = mapped_column(String(36), default="")
    body: Mapped[str]
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        Index("events_by_request", "request_id", "seq"),
        Index("events_by_project", "project", "seq"),
    )


class ChainRow(Table):
    """The chain's end: one row, locked while an event is added."""

    __tablename__ = "chain"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


class RecordRow(Table):
    """The signed disclosure record of a released request (SATRE 3.3.09), exactly as signed."""

    __tablename__ = "records"
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), primary_key=True)
    body: Mapped[str]
    signature: Mapped[str]
    key_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime.datetime]


class KeyRow(Table):
    """A public key (Ed25519) that records are signed with. Old ones stay: records outlive their keys."""

    __tablename__ = "signing_keys"
    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the raw public key, in hexadecimal."""
    public: Mapped[str] = mapped_column(String(64))
    """The raw public key, in hexadecimal."""
    at: Mapped[datetime.datetime]


class LinkRow(Table):
    """A short-lived link to one released file for one person, kept as a hash. It is fetched once."""

    __tablename__ = "links"
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), index=True)
    file_id: Mapped[str] = mapped_column(String(36))
    person: Mapped[str]
    made_at: Mapped[datetime.datetime]
    expires_at: Mapped[datetime.datetime]
    begun_at: Mapped[datetime.datetime | None]
    finished_at: Mapped[datetime.datetime | None]


class ReceiptRow(Table):
    """That one person fetched one released file, whole, and when."""

    __tablename__ = "receipts"
    id: Mapped[str] = identifier()
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), index=True)
    file_id: Mapped[str] = mapped_column(String(36))
    path: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    person: Mapped[str]
    person_name: Mapped[str]
    at: Mapped[datetime.datetime]


class NoticeRow(Table):
    """A notice that waits to be sent, by mail or webhook. It names a request and never holds content."""

    __tablename__ = "notices"
    id: Mapped[str] = identifier()
    request_id: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(40))
    document: Mapped[dict[str, Any]]
    attempts: Mapped[int] = mapped_column(default=0)
    try_at: Mapped[datetime.datetime | None] = mapped_column(index=True)
    """When it is tried next; empty once it was sent or given up."""
    sent_at: Mapped[datetime.datetime | None]


class SessionRow(Table):
    """A person who is signed in, by the hash of what their browser, command line or workspace holds."""

    __tablename__ = "sessions"
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    door: Mapped[str] = mapped_column(String(10))
    person: Mapped[dict[str, Any]]
    subject: Mapped[str] = mapped_column(index=True)
    bound_to: Mapped[str] = mapped_column(String(40), default="")
    made_at: Mapped[datetime.datetime]
    seen_at: Mapped[datetime.datetime]
    expires_at: Mapped[datetime.datetime]


class PassRow(Table):
    """A workspace pass: made at the outside door after a full sign-in, shown once, spent once at the inside door."""

    __tablename__ = "passes"
    pass_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[dict[str, Any]]
    project: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime.datetime]
    expires_at: Mapped[datetime.datetime]
    spent_at: Mapped[datetime.datetime | None]


class SeenRow(Table):
    """A person whom a door has let in: for the page of people. Rights never come from here."""

    __tablename__ = "people"
    subject: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    full_name: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    grants: Mapped[list[Any]] = mapped_column(default=list)
    expires: Mapped[datetime.date | None]
    last_seen: Mapped[datetime.datetime | None]
