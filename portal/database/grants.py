"""What each part of the airlock may do in Postgres, and nothing else: the barrier behind the service's own rules.

Each part has a role of its own, with credentials of its own. Nobody's is a table's owner; the owner migrates and sets
these rights, and no service runs as it. Where a right hangs on a row (whose direction, at which door), row-level
security says so. `inside` writes neither decision nor verdict nor record, and not even the worker writes a decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, LiteralString, cast

import psycopg
from psycopg import sql

from portal.database.opening import address
from portal.domain.errors import Unavailable

ROLES: Final = ("inside", "outside", "worker", "registrar", "auditor", "backup")
"""The doors, the worker, who writes projects' policies down, who reads the record, and who copies everything."""

_ASKED: Final = "state, state_since, due_at, round, manifest_sha256, files, size, policy, failed_from"
_WORK: Final = "reason, attempts, try_at, leased_until, lease, bytes_removed, version"
_REQUEST: Final = f"UPDATE ({_ASKED}, {_WORK})"
"""Never who asked, for what, for which project, in which direction or when."""
_EVENTS: Final = {"events": "SELECT, INSERT", "chain": "SELECT, UPDATE (seq, hash)", "projects": "SELECT"}
_DOOR: Final = {
    **_EVENTS,
    "requests": f"SELECT, INSERT, {_REQUEST}",
    "files": "SELECT, INSERT, UPDATE, DELETE",
    "verdicts": "SELECT",
    "decisions": "SELECT",
    "records": "SELECT",
    "signing_keys": "SELECT",
    "links": "SELECT, INSERT, UPDATE (begun_at, finished_at)",
    "receipts": "SELECT, INSERT",
    "notices": "INSERT",
    "sessions": "SELECT, INSERT, UPDATE, DELETE",
    "alembic_version": "SELECT",
}
_RECORD: Final = (
    *("projects", "requests", "files", "verdicts", "decisions", "events", "chain", "records"),
    *("signing_keys", "receipts", "people", "alembic_version"),
)
_ALL: Final = (*_RECORD, "links", "notices", "sessions", "passes")

GRANTS: Final[Mapping[str, Mapping[str, str]]] = {
    "inside": {**_DOOR, "passes": "SELECT, UPDATE (spent_at)"},
    "outside": {
        **_DOOR,
        "decisions": "SELECT, INSERT",
        "passes": "SELECT, INSERT, DELETE",
        "people": "SELECT, INSERT, UPDATE",
    },
    "worker": {
        **_EVENTS,
        "requests": f"SELECT, {_REQUEST}",
        "files": "SELECT, UPDATE (size, parts, sha256, media_type)",
        "verdicts": "SELECT, INSERT",
        "decisions": "SELECT",
        "records": "SELECT, INSERT",
        "signing_keys": "SELECT, INSERT",
        "links": "SELECT",
        "receipts": "SELECT",
        "notices": "SELECT, INSERT, UPDATE, DELETE",
        "people": "SELECT",
        "alembic_version": "SELECT",
    },
    "registrar": {**_EVENTS, "projects": "SELECT, INSERT, UPDATE", "alembic_version": "SELECT"},
    "auditor": dict.fromkeys(_RECORD, "SELECT"),
    "backup": dict.fromkeys(_ALL, "SELECT"),
}
"""For each role and table, what it may do; what is not written it may not."""


@dataclass(frozen=True)
class Policy:
    """Which rows of a table a role may touch by a command: those it finds (`using`) and those it leaves (`check`)."""

    table: str
    role: str
    command: LiteralString
    using: LiteralString = ""
    check: LiteralString = ""


_ANY: Final = "true"


def _open(direction: LiteralString) -> LiteralString:
    return (
        "EXISTS (SELECT 1 FROM requests r WHERE r.id = request_id"  # noqa: S608 - our own words
        f" AND r.direction = '{direction}' AND r.state IN ('draft', 'changes_requested'))"
    )


def _of(direction: LiteralString) -> LiteralString:
    return f"EXISTS (SELECT 1 FROM requests r WHERE r.id = request_id AND r.direction = '{direction}')"  # noqa: S608


def _door(role: str, asks: LiteralString, gives: LiteralString) -> tuple[Policy, ...]:
    """Return what holds at a door: it takes files in one way, and hands them out in the other."""
    return (
        Policy("requests", role, "INSERT", check=f"direction = '{asks}' AND state = 'draft'"),
        Policy("files", role, "INSERT", check=_open(asks)),
        Policy("files", role, "UPDATE", _open(asks), _open(asks)),
        Policy("files", role, "DELETE", _open(asks)),
        Policy("links", role, "INSERT", check=_of(gives)),
        Policy("links", role, "UPDATE", _of(gives), _of(gives)),
        Policy("receipts", role, "INSERT", check=_of(gives)),
        Policy("sessions", role, "INSERT", check=f"door = '{'inside' if asks == 'output' else 'outside'}'"),
    )


_INSIDE_LEAVES: Final = (
    "direction = 'output' AND state IN ('draft', 'changes_requested', 'submitted', 'cancelled')"
)
_OUTSIDE_LEAVES: Final = (
    "state IN ('approved', 'rejected', 'changes_requested', 'revoked', 'submitted', 'checking', 'releasing')"
    " OR (direction = 'input' AND state IN ('draft', 'cancelled'))"
)
POLICIES: Final = (
    *_door("inside", "output", "input"),
    *_door("outside", "input", "output"),
    Policy("requests", "inside", "UPDATE", "direction = 'output'", _INSIDE_LEAVES),
    Policy("requests", "outside", "UPDATE", _ANY, _OUTSIDE_LEAVES),
    Policy("sessions", "inside", "SELECT", "door = 'inside'"),
    Policy("sessions", "inside", "UPDATE", "door = 'inside'", "door = 'inside'"),
    Policy("sessions", "inside", "DELETE", "door = 'inside'"),
    Policy("sessions", "outside", "SELECT", _ANY),
    Policy("sessions", "outside", "UPDATE", "door = 'outside'", "door = 'outside'"),
    Policy("sessions", "outside", "DELETE", _ANY),  # who signs out everywhere leaves the workspace too
    Policy("sessions", "backup", "SELECT", _ANY),
    *(Policy(table, "worker", "UPDATE", _ANY, _ANY) for table in ("requests", "files")),
    *(
        Policy(table, role, "SELECT", _ANY)
        for table in ("requests", "files", "links", "receipts")
        for role in ROLES
        if table in GRANTS[role]
    ),
)
"""Row by row; a command on one of these tables that no policy names is refused."""
_GUARDED: Final = tuple(sorted({policy.table for policy in POLICIES}))


def apply(url: str, passwords: Mapping[str, str] | None = None, prefix: str = "") -> None:
    """Make the roles where they are missing, and give each exactly its rights; run anew after every migration.

    Args:
        url: the database, with the rights of its tables' owner, who may also make roles.
        passwords: for each role that is to have a new one. They are hashed here (SCRAM) and never sent.
        prefix: before the name of each role, where a server holds several airlocks.

    Raises:
        Unavailable: the database does not answer.
    """
    parsed = address(url).set(drivername="postgresql")
    try:
        connection = psycopg.connect(parsed.render_as_string(hide_password=False), connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Unavailable("the database does not answer", "Try again in a moment.") from error
    with connection:
        for role in ROLES:
            _make(connection, prefix + role, (passwords or {}).get(role))
        for statement in statements(connection.info.dbname, prefix):
            connection.execute(statement)


def _make(connection: psycopg.Connection, name: str, password: str | None) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    if found is None:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(sql.Identifier(name)))
    if password is None:
        return
    hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(hashed)))


def statements(database: str, prefix: str = "") -> Iterator[sql.Composed]:
    """Yield the statements that take every right away and give those of `GRANTS` and `POLICIES`."""
    name = sql.Identifier(database)
    yield sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name)
    yield sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC").format()
    for role in ROLES:
        who = sql.Identifier(prefix + role)
        yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(who)
        yield sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, who)
        yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(who)
        for table, rights in GRANTS[role].items():
            given = sql.SQL(cast("LiteralString", rights))
            yield sql.SQL("GRANT {} ON {} TO {}").format(given, sql.Identifier(table), who)
    for table in _GUARDED:
        yield sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(sql.Identifier(table))
    for policy in POLICIES:
        yield from _policy(policy, prefix)


def _policy(policy: Policy, prefix: str) -> Iterator[sql.Composed]:
    table, who = sql.Identifier(policy.table), sql.Identifier(prefix + policy.role)
    name = sql.Identifier(f"{prefix}{policy.role}_{policy.command.lower()}")
    using = sql.SQL(f" USING ({policy.using})" if policy.using else "")
    check = sql.SQL(f" WITH CHECK ({policy.check})" if policy.check else "")
    yield sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(name, table)
    yield (
        sql.SQL("CREATE POLICY {} ON {} FOR ").format(name, table)
        + sql.SQL(policy.command)
        + sql.SQL(" TO {}").format(who)
        + using
        + check
    )
