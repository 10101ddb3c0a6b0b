"""What the service answers with: frozen values that a page shows and `document()` turns into JSON.

No view holds content of a file, a token's hash or anything that the person who asked may not see.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from portal.domain.people import Role
from portal.domain.policy import Limits
from portal.domain.rights import Action
from portal.domain.states import Direction, State

T = TypeVar("T")


class View:
    """A frozen dataclass that can be said in JSON."""

    def document(self) -> dict[str, Any]:
        """Return the view as JSON values: moments as ISO 8601 in UTC, sets sorted."""
        return {name: _plain(getattr(self, name)) for name in _names(type(self))}


@functools.cache
def _names(kind: type[View]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cast(Any, kind)))


def _plain(value: object) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is datetime.datetime:
        return cast(datetime.datetime, value).isoformat()
    if isinstance(value, View):
        return value.document()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in cast("frozenset[object]", value))
    if isinstance(value, tuple | list):
        return [_plain(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Limits):
        return value.model_dump()
    return value


_AS_THEY_ARE: Final = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True)
class ProjectView(View):
    """A project, and what the person is in it. `ended` projects, and those past `expires`, take no new request."""

    name: str
    title: str
    tier: int
    reviewers: int
    """Distinct people who must approve an output."""
    expires: datetime.date
    ended: bool
    limits: Limits
    download_in_review: bool
    roles: frozenset[Role]
    may_ask: frozenset[Direction]
    """The directions in which the person may make a request, here, at this door."""


@dataclass(frozen=True)
class FileView(View):
    """A file of a request. `size` is what has come so far (bytes); `sha256` is empty until the worker froze it."""

    id: str
    request_id: str
    path: str
    size: int
    expected: int | None
    sha256: str
    media_type: str
    complete: bool
    parts: int
    """Pieces in which it came so far."""


@dataclass(frozen=True)
class RequestView(View):
    """A request as lists show it."""

    id: str
    project: str
    direction: Direction
    title: str
    purpose: str
    state: State
    requester: str
    requester_name: str
    mine: bool
    created_at: datetime.datetime
    state_since: datetime.datetime
    age_seconds: float
    """How long it has been in this state."""
    due_at: datetime.datetime | None
    """When the present state is ended by itself; none: nothing is waited for."""
    round: int
    manifest_sha256: str
    """The frozen manifest that a decision must name; empty until then."""
    files: int
    size: int
    reason: str
    bytes_removed: bool
    version: int


@dataclass(frozen=True)
class VerdictView(View):
    """What one check found. `file_id` is empty where it is about the request as a whole."""

    file_id: str
    check: str
    version: str
    outcome: str
    blocks: bool
    summary: str
    detail: Mapping[str, Any]
    at: datetime.datetime


@dataclass(frozen=True)
class FileDecisionView(View):
    """What a person said of one file: `approve`, `reject` or `changes`, and why."""

    file_id: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class DecisionView(View):
    """What one person decided on one manifest, in one round."""

    round: int
    person: str
    person_name: str
    roles: tuple[str, ...]
    outcome: str
    manifest_sha256: str
    reason: str
    files: tuple[FileDecisionView, ...]
    at: datetime.datetime


@dataclass(frozen=True)
class EventView(View):
    """One link of the chain. `body` is the text that was hashed; `detail` the same, read."""

    seq: int
    at: datetime.datetime
    actor: str
    actor_name: str
    action: str
    project: str
    request_id: str
    detail: Mapping[str, Any]
    hash: str
    previous: str


@dataclass(frozen=True)
class StepView(View):
    """One line of a request's timeline."""

    at: datetime.datetime
    actor_name: str
    action: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True)
class ReceiptView(View):
    """That a person fetched one file, whole."""

    file_id: str
    path: str
    sha256: str
    person: str
    person_name: str
    at: datetime.datetime


@dataclass(frozen=True)
class RequestDetail(View):
    """Everything about a request that the person may see, and what they may do with it now."""

    request: RequestView
    project: ProjectView
    files: tuple[FileView, ...]
    verdicts: tuple[VerdictView, ...]
    """Of the present round."""
    decisions: tuple[DecisionView, ...]
    """Of every round, oldest first."""
    allowed: frozenset[Action]
    """What the person may do now: their rights, and the request's state."""
    approvals_needed: int
    approvals_had: int
    role_needed: str
    """A role that must be among those who approve, because a file is opaque; empty: none."""
    download_in_review: bool
    timeline: tuple[StepView, ...]
    receipts: tuple[ReceiptView, ...]


@dataclass(frozen=True)
class LinkView(View):
    """A link to one released file: the token is said once, kept as a hash, bound to the person."""

    token: str
    request_id: str
    file_id: str
    path: str
    expires_at: datetime.datetime


@dataclass(frozen=True)
class PersonView(View):
    """A person of a project, as a door last saw them."""

    subject: str
    name: str
    full_name: str
    email: str
    roles: tuple[str, ...]
    expires: datetime.date | None
    last_seen: datetime.datetime | None


@dataclass(frozen=True)
class Page(View, Generic[T]):
    """A page of a list, newest first; `next` is what to give as `before` for the page after, empty at the end."""

    items: tuple[T, ...]
    next: str
