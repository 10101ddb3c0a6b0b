"""Lists requests by pages, each found through an index however many there are.

A page begins after the last row of the one before (keyset), never at a count. What a person may see in each project
becomes one branch of a union, so that each branch walks an index in its order and stops at the page's length.
"""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, select, tuple_, union_all

from portal.database.tables import DecisionRow, RequestRow
from portal.domain import rights
from portal.domain.errors import Invalid, NotFound
from portal.domain.people import SITE, Person
from portal.domain.rights import Action, Whose
from portal.domain.states import Direction, State
from portal.service import rows, said
from portal.service.parts import Parts
from portal.service.views import Page, RequestView

MOST: Final = 200
"""Requests on one page."""
_SELECT: Final[Select[*tuple[Any, ...]]] = select(*rows.COLUMNS)
"""Built once: putting a statement together costs as much as running it."""


@dataclass(frozen=True)
class Wanted:
    """Which of the requests that a person may see are wanted."""

    project: str | None = None
    direction: Direction | None = None
    state: State | None = None
    mine: bool | None = None
    awaiting_me: bool = False


@dataclass(frozen=True)
class _Scope:
    """On whose requests the person may act in one project (none: in every one), in one direction (none: both)."""

    project: str | None
    direction: Direction | None
    whose: Whose


@dataclass(frozen=True)
class _Order:
    column: Any
    """A moment of the request's."""
    newest_first: bool

    def key(self, row: Any) -> tuple[datetime.datetime, str]:
        """Return by what a row is put in order."""
        return getattr(row, self.column.key), row.id

    def sorted(self, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """Return the query in this order."""
        if self.newest_first:
            return query.order_by(self.column.desc(), RequestRow.id.desc())
        return query.order_by(self.column, RequestRow.id)

    def after(self, cursor: str) -> ColumnElement[bool]:
        """Return the condition that a row comes after the one that a cursor names."""
        at, request_id = _read(cursor)
        place = tuple_(self.column, RequestRow.id)
        mark = tuple_(*_bound(self.column, at, request_id))
        return place < mark if self.newest_first else place > mark


_BY_AGE: Final = _Order(RequestRow.created_at, newest_first=True)
_BY_WAIT: Final = _Order(RequestRow.state_since, newest_first=False)


def requests(
    parts: Parts, person: Person, wanted: Wanted, before: str | None, limit: int
) -> Page[RequestView]:
    """Return a page of what the person may see, newest first."""
    action = Action.DECIDE if wanted.awaiting_me else Action.SEE
    if wanted.awaiting_me:
        wanted = replace(wanted, state=State.IN_REVIEW)
    return _page(parts, person, wanted, action, _BY_AGE, before, limit)


def queue(parts: Parts, person: Person, before: str | None, limit: int) -> Page[RequestView]:
    """Return what waits for the person's decision, longest waiting first."""
    wanted = Wanted(state=State.IN_REVIEW, awaiting_me=True)
    return _page(parts, person, wanted, Action.DECIDE, _BY_WAIT, before, limit)


def _page(
    parts: Parts,
    person: Person,
    wanted: Wanted,
    action: Action,
    order: _Order,
    before: str | None,
    limit: int,
) -> Page[RequestView]:
    if not 1 <= limit <= MOST:
        raise Invalid(f"a page holds 1 to {MOST} requests", "", "limit")
    found = [scope for scope in _scopes(person, wanted, action) if scope.whose is not Whose.NOBODY]
    conditions = _conditions(person, wanted)
    if before:
        conditions.append(order.after(before))
    with parts.database.reading() as session:
        # Columns alone, so past the session: what it does for whole objects takes as long as the query.
        read = _read_scopes(session.connection(), person, found, conditions, order, limit + 1)
    now = parts.clock()
    views = tuple(rows.listed_view(row, person, now) for row in read[:limit])
    more = _write(order.key(read[limit - 1])) if len(read) > limit else ""
    return Page(views, more)


def _read_scopes(
    connection: Connection,
    person: Person,
    scopes: Sequence[_Scope],
    conditions: Sequence[ColumnElement[bool]],
    order: _Order,
    limit: int,
) -> list[Any]:
    """Return the first rows of every scope, put in one order."""
    branches = [
        order.sorted(_SELECT.where(*_in_scope(person, scope), *conditions)).limit(limit) for scope in scopes
    ]
    if not branches:
        return []
    if len(branches) == 1:
        return list(connection.execute(branches[0]))
    # SQLite wants each ordered branch inside a query of its own.
    union = union_all(*(select(branch.subquery()) for branch in branches))
    return sorted(connection.execute(union), key=order.key, reverse=order.newest_first)[:limit]


def _scopes(person: Person, wanted: Wanted, action: Action) -> list[_Scope]:
    everywhere = bool(person.site_wide) and action is Action.SEE
    if wanted.project is not None:
        names: list[str | None] = [said.project(wanted.project)]
    elif everywhere:
        names = [None]
    else:
        names = [*sorted(person.projects())]
    directions = [wanted.direction] if wanted.direction else list(Direction)
    return [scope for name in names for scope in _merged(person, name, directions, action)]


def _merged(
    person: Person, name: str | None, directions: Sequence[Direction], action: Action
) -> list[_Scope]:
    """Return a project's scopes: one for both directions where the person may do the same in both."""
    allowed = {
        direction: rights.whose(person, SITE if name is None else name, direction, action)
        for direction in directions
    }
    if len(allowed) == len(Direction) and len(set(allowed.values())) == 1:
        return [_Scope(name, None, next(iter(allowed.values())))]
    return [_Scope(name, direction, whose) for direction, whose in allowed.items()]


def _in_scope(person: Person, scope: _Scope) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if scope.project is not None:
        conditions.append(RequestRow.project == scope.project)
    if scope.direction is not None:
        conditions.append(RequestRow.direction == scope.direction.value)
    if scope.whose is Whose.OWN:
        conditions.append(RequestRow.requester == person.subject)
    if scope.whose is Whose.OTHERS:
        conditions.append(RequestRow.requester != person.subject)
    return conditions


def _conditions(person: Person, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(RequestRow.state == wanted.state.value)
    if wanted.mine is not None:
        own = RequestRow.requester == person.subject
        conditions.append(own if wanted.mine else ~own)
    if wanted.awaiting_me:
        decided = exists().where(
            DecisionRow.request_id == RequestRow.id,
            DecisionRow.round == RequestRow.round,
            DecisionRow.person == person.subject,
        )
        conditions.append(~decided)
    return conditions


def _bound(column: Any, at: datetime.datetime, request_id: str) -> tuple[Any, Any]:
    return bindparam(None, at, type_=column.type), bindparam(None, request_id, type_=RequestRow.id.type)


def _write(key: tuple[datetime.datetime, str]) -> str:
    text = json.dumps([key[0].isoformat(), key[1]])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime.datetime, str]:
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        at, request_id = json.loads(text)
        return datetime.datetime.fromisoformat(at).astimezone(datetime.UTC), said.request_id(request_id)
    except (ValueError, TypeError, OverflowError, NotFound) as error:
        raise Invalid("this is no place in the list", "Begin at its first page.", "before") from error
