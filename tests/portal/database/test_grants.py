"""Each role's rights, tried on a real Postgres: what it may not do, the database refuses whatever the service says."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.database.grants import GRANTS, ROLES, apply
from portal.database.opening import Database
from portal.database.tables import RequestRow, Table
from portal.domain.errors import Unavailable
from portal.record import append
from tests.portal.conftest import MovableClock
from tests.portal.postgres import Postgres
from tests.portal.record import story

DRAFT_OUT, DRAFT_IN, RELEASED_IN = story.identifier(50), story.identifier(60), story.identifier(70)
SENT_OUT = story.identifier(10)
HELD = "00000000-0000-4000-8000-0000000000"
FIXED = {
    *("id", "project", "direction", "title", "purpose", "requester", "requester_name", "created_at"),
    "idempotency_key",
}


@pytest.fixture(scope="module")
def granted(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Give a database's name: with rights, the story, a draft each way, and an input to fetch."""
    name = postgres.copy()
    apply(postgres.url(name))
    database, clock = Database.open(postgres.url(name)), MovableClock()
    story.tell(database, clock, tmp_path_factory.mktemp("key"))
    with database.writing() as session:
        for made, way, state in (
            (DRAFT_OUT, "output", "draft"),
            (DRAFT_IN, "input", "draft"),
            (RELEASED_IN, "input", "released"),
        ):
            row = RequestRow(id=made, project="heart", direction=way, title="", state=state)
            row.requester, row.requester_name = "dan", "Dan"
            row.created_at = row.state_since = clock()
            session.add(row)
    database.close()
    postgres.execute(_session("inside", "a"), database=name)
    postgres.execute(_session("outside", "b"), database=name)
    yield name
    postgres.drop(name)


def _session(door: str, token: str) -> str:
    return (
        "INSERT INTO sessions (token_sha256, door, person, subject, bound_to, made_at, seen_at, expires_at)"
        f" VALUES ('{token}', '{door}', '{{{{}}}}', 'ada', '', now(), now(), now())"
    )


def _file(request: str) -> str:
    return (
        "INSERT INTO files (id, request_id, path, folded, size, parts, sha256, media_type, complete, added_at)"
        f" VALUES ('new', '{request}', 'p', 'p', 0, '[]', '', '', false, now())"
    )


def _link(request: str) -> str:
    return (
        "INSERT INTO links (token_sha256, request_id, file_id, person, made_at, expires_at)"
        f" VALUES ('t', '{request}', 'f', 'ada', now(), now())"
    )


def _receipt(request: str) -> str:
    return (
        "INSERT INTO receipts (id, request_id, file_id, path, sha256, person, person_name, at)"
        f" VALUES ('new', '{request}', 'f', 'p', 's', 'ada', 'Ada', now())"
    )


def _request(direction: str, state: str) -> str:
    return (
        "INSERT INTO requests (id, project, direction, title, purpose, state, requester, requester_name,"
        " created_at, state_since, round, manifest_sha256, files, size, failed_from, reason, attempts, lease,"
        f" bytes_removed, version) VALUES ('new', 'heart', '{direction}', '', '', '{state}', 'ada', 'Ada',"
        " now(), now(), 1, '', 0, 0, '', '', 0, '', false, 1)"
    )


def _decision(person: str) -> str:
    return (
        "INSERT INTO decisions (id, request_id, round, person, person_name, roles, outcome, manifest_sha256,"
        f" reason, files, at) VALUES ('new', '{SENT_OUT}', 1, '{person}', '', '[]', 'approve', '', '', '{{}}', now())"
    )


def _state(request: str, state: str) -> str:
    return f"UPDATE requests SET state = '{state}' WHERE id = '{request}'"


VERDICT = (
    "INSERT INTO verdicts (id, request_id, file_id, round, manifest_sha256, check_name, version, outcome, blocks,"
    f" summary, detail, at) VALUES ('new', '{SENT_OUT}', '', 1, '', 'size', '1', 'clean', false, '', '{{}}', now())"
)
RECORD = (
    f"INSERT INTO records (request_id, body, signature, key_id, at) VALUES ('{DRAFT_OUT}', '', '', '', now())"
)
PASS = (
    "INSERT INTO passes (pass_sha256, person, project, made_at, expires_at)"
    " VALUES ('p', '{}', 'heart', now(), now())"
)
PROJECT = "UPDATE projects SET document = '{}' WHERE name = 'heart'"
KEY = "INSERT INTO signing_keys (key_id, public, at) VALUES ('k', 'p', now())"

DENIED = [
    *((role, PROJECT) for role in ROLES if role != "registrar"),
    *((role, _decision("eve")) for role in ROLES if role != "outside"),
    *((role, statement) for role in ROLES if role != "worker" for statement in (VERDICT, RECORD, KEY)),
    *((role, PASS) for role in ROLES if role != "outside"),
    ("inside", "UPDATE passes SET person = '{}'"),
    ("inside", "UPDATE people SET email = 'eve@example.org'"),
    ("inside", _state(DRAFT_OUT, "approved")),
    ("inside", _state(DRAFT_OUT, "released")),
    ("inside", f"UPDATE requests SET requester = 'eve' WHERE id = '{DRAFT_OUT}'"),
    ("inside", _request("input", "draft")),
    ("inside", _request("output", "approved")),
    ("inside", _file(SENT_OUT)),
    ("inside", _file(DRAFT_IN)),
    ("inside", _link(SENT_OUT)),
    ("inside", _receipt(SENT_OUT)),
    ("inside", _session("outside", "new").replace("{{}}", "{}")),
    ("outside", _state(SENT_OUT, "released")),
    ("outside", _state(DRAFT_OUT, "submitted").replace("submitted", "draft")),
    ("outside", _request("output", "draft")),
    ("outside", _file(DRAFT_OUT)),
    ("outside", _link(RELEASED_IN)),
    ("outside", _session("inside", "new").replace("{{}}", "{}")),
    ("worker", _file(SENT_OUT)),
    ("worker", _link(SENT_OUT)),
    ("worker", _receipt(SENT_OUT)),
    ("worker", "SELECT * FROM sessions"),
    ("worker", "SELECT * FROM passes"),
    ("registrar", "SELECT * FROM requests"),
    ("auditor", "SELECT * FROM sessions"),
    ("auditor", "SELECT * FROM links"),
    *((role, "CREATE TABLE mine (id int)") for role in ROLES),
    *((role, "CREATE TEMPORARY TABLE chain (seq int, hash text)") for role in ROLES),
]

UNTOUCHED = [
    ("inside", _state(DRAFT_IN, "cancelled")),
    ("inside", f"UPDATE files SET sha256 = '' WHERE request_id = '{SENT_OUT}'"),
    ("inside", f"DELETE FROM files WHERE request_id = '{SENT_OUT}'"),
    ("inside", "UPDATE sessions SET expires_at = now() WHERE door = 'outside'"),
    ("inside", "DELETE FROM sessions WHERE door = 'outside'"),
    ("outside", f"DELETE FROM files WHERE request_id = '{SENT_OUT}'"),
    ("outside", "UPDATE sessions SET person = '{}' WHERE door = 'inside'"),
]

ALLOWED = [
    ("inside", _request("output", "draft")),
    ("inside", _file(DRAFT_OUT)),
    ("inside", _state(DRAFT_OUT, "submitted")),
    ("inside", _link(RELEASED_IN)),
    ("inside", _receipt(RELEASED_IN)),
    ("inside", _session("inside", "new").replace("{{}}", "{}")),
    ("inside", "UPDATE passes SET spent_at = now()"),
    ("outside", _request("input", "draft")),
    ("outside", _file(DRAFT_IN)),
    ("outside", _decision("eve")),
    ("outside", _state(SENT_OUT, "revoked")),
    ("outside", _link(SENT_OUT)),
    ("outside", _receipt(SENT_OUT)),
    ("outside", PASS),
    ("outside", "DELETE FROM sessions WHERE door = 'inside'"),
    ("worker", VERDICT),
    ("worker", RECORD),
    ("worker", KEY),
    ("worker", _state(SENT_OUT, "released")),
    ("worker", f"UPDATE files SET sha256 = '' WHERE request_id = '{SENT_OUT}'"),
    ("registrar", PROJECT),
    *(("backup", f"SELECT * FROM {table}") for table in sorted(Table.metadata.tables)),
]

RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
COLUMN_RIGHTS = frozenset({"SELECT", "INSERT", "UPDATE"})


def _names(cases: list[tuple[str, str]]) -> list[str]:
    return [f"{number}-{role}-{statement[:30]}" for number, (role, statement) in enumerate(cases)]


def _run(postgres: Postgres, database: str, role: str, statement: str) -> int:
    """Run a statement as a role, undo it, and return how many rows it met."""
    connection = psycopg.connect(host=str(postgres.folder), dbname=database, user=role)
    try:
        words: LiteralString = statement  # pyright: ignore[reportAssignmentType]
        return connection.execute(words).rowcount
    finally:
        connection.rollback()
        connection.close()


@pytest.mark.parametrize(("role", "statement"), DENIED, ids=_names(DENIED))
def test_what_a_role_may_not_is_refused(postgres: Postgres, granted: str, role: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        _run(postgres, granted, role, statement)


@pytest.mark.parametrize(("role", "statement"), UNTOUCHED, ids=_names(UNTOUCHED))
def test_rows_of_the_other_door_or_already_sent_are_not_met(
    postgres: Postgres, granted: str, role: str, statement: str
) -> None:
    assert _run(postgres, granted, role, statement) == 0
    assert _run(postgres, granted, "owner", statement) > 0


@pytest.mark.parametrize(("role", "statement"), ALLOWED, ids=_names(ALLOWED))
def test_what_a_role_must_do_it_can(postgres: Postgres, granted: str, role: str, statement: str) -> None:
    _run(postgres, granted, role, statement)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_the_rights_that_are_written_and_no_other(
    postgres: Postgres, granted: str, role: str
) -> None:
    tables = sorted(Table.metadata.tables)
    with psycopg.connect(host=str(postgres.folder), dbname=granted, user="owner") as connection:
        found = {table: _rights(connection, role, table) for table in tables}
    assert found == {table: set(re.findall("[A-Z]+", GRANTS[role].get(table, ""))) for table in tables}


def _rights(connection: psycopg.Connection[Any], role: str, table: str) -> set[str]:
    """Return what a role may do with a table as a whole, or with any of its columns."""
    whole, column = "SELECT has_table_privilege(%s, %s, %s)", "SELECT has_any_column_privilege(%s, %s, %s)"
    return {
        right
        for right in RIGHTS
        if _first(connection, whole, [role, table, right])
        or (right in COLUMN_RIGHTS and _first(connection, column, [role, table, right]))
    }


def _first(connection: psycopg.Connection[Any], question: LiteralString, given: list[str]) -> bool:
    row = connection.execute(question, given).fetchone()
    return bool(row and row[0])


def test_every_column_of_a_request_is_either_fixed_or_granted() -> None:
    granted = set(re.findall(r"[a-z_0-9]+", GRANTS["worker"]["requests"]))
    assert granted | FIXED == set(Table.metadata.tables["requests"].columns.keys())
    assert not granted & FIXED


@pytest.mark.parametrize("role", ["inside", "outside", "worker", "registrar"])
def test_who_acts_adds_true_events_and_no_others(
    postgres: Postgres, granted: str, clock: MovableClock, role: str
) -> None:
    database = Database.open(postgres.url(granted, role))
    with database.writing() as session:
        seq = append(session, clock, actor="ada", action="look", detail={}).seq
    with pytest.raises(IntegrityError, match="does not follow"), database.writing() as session:
        session.execute(text(_forged(seq)))
    database.close()


def _forged(seq: int) -> str:
    """Return a statement that adds an event in the right place, whose hash is not its body's."""
    return (
        "INSERT INTO events SELECT seq + 1, at, actor, action, project, request_id,"
        f" replace(body, '\"seq\"\\:{seq}', '\"seq\"\\:{seq + 1}'), hash, repeat('0', 64)"
        f" FROM events WHERE seq = {seq}"
    )


def test_rights_are_given_anew_as_often_as_one_likes(postgres: Postgres, granted: str) -> None:
    apply(postgres.url(granted))
    apply(postgres.url(granted), prefix="second_")
    assert _run(postgres, granted, "second_worker", VERDICT) == 1
    with pytest.raises(errors.InsufficientPrivilege):
        _run(postgres, granted, "second_inside", VERDICT)


def test_a_password_is_kept_as_a_hash_alone(postgres: Postgres, granted: str) -> None:
    apply(postgres.url(granted), {"worker": "correct horse"})
    with psycopg.connect(host=str(postgres.folder), dbname=granted, user="owner") as connection:
        row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'worker'").fetchone()
    assert row is not None
    assert row[0].startswith("SCRAM-SHA-256$")
    assert "correct horse" not in (postgres.folder / "log").read_text()


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        apply(f"postgresql://owner@/airlock?host={tmp_path}")
