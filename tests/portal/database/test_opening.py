"""Reading sees one moment and changes nothing; writing happens whole or not at all; what is in the way is told."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.orm import Session

from portal.database import opening
from portal.database.faults import Busy
from portal.database.opening import ATTEMPTS, Database, Overtaken, address
from portal.database.tables import ChainRow, NoticeRow, ProjectRow, RequestRow
from portal.domain.errors import Unavailable
from tests.portal.conftest import MovableClock
from tests.portal.postgres import Postgres
from tests.portal.record import story

THREADS, EACH = 10, 10


@pytest.fixture
def asked(database: Database, clock: MovableClock) -> Database:
    """Give a database with one project and one request."""
    with database.writing() as session:
        story.add_project(session, clock, "heart")
        story.add_request(session, clock, 10, "heart")
    return database


def _request(session: Session) -> RequestRow:
    return session.get_one(RequestRow, story.identifier(10))


def test_reading_changes_nothing(asked: Database) -> None:
    with pytest.raises(SQLAlchemyError), asked.reading() as session:
        session.execute(text("UPDATE requests SET title = 'changed'"))
    with asked.writing() as session:
        assert _request(session).title != "changed"


def test_reading_sees_one_moment(asked: Database) -> None:
    with asked.reading() as before:
        first = before.scalars(text("SELECT title FROM requests")).one()
        with asked.writing() as session:
            _request(session).title = "changed"
        assert before.scalars(text("SELECT title FROM requests")).one() == first
    with asked.reading() as after:
        assert after.scalars(text("SELECT title FROM requests")).one() == "changed"


def test_writing_is_undone_where_it_raises(asked: Database) -> None:
    with pytest.raises(ZeroDivisionError), asked.writing() as session:
        _request(session).title = "changed"
        session.flush()
        raise ZeroDivisionError
    with asked.reading() as session:
        assert _request(session).title != "changed"


def test_foreign_keys_hold(asked: Database) -> None:
    with pytest.raises(IntegrityError), asked.writing() as session:
        session.execute(text("DELETE FROM projects"))


def test_a_wrong_statement_stays_a_wrong_statement(asked: Database) -> None:
    with pytest.raises((OperationalError, ProgrammingError)), asked.reading() as session:
        session.execute(text("SELECT * FROM nothing"))


def test_parameters_are_in_no_message(asked: Database) -> None:
    with pytest.raises(SQLAlchemyError) as raised, asked.reading() as session:
        session.execute(text("SELECT :secret FROM nothing"), {"secret": "swordfish"})
    assert "swordfish" not in str(raised.value)


def test_many_writers_of_one_row_lose_nothing(asked: Database) -> None:
    def rise(session: Session) -> None:
        _request(session).attempts += 1

    def several(_: int) -> None:
        for _turn in range(EACH):
            _patiently(asked, rise)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(several, range(THREADS)))
    with asked.reading() as session:
        assert _request(session).attempts == THREADS * EACH


def _patiently(database: Database, function: Callable[[Session], None]) -> None:
    """Write until nobody is faster; `write` itself gives up after some attempts."""
    while True:
        try:
            database.write(function)
            return
        except Overtaken:
            continue


def test_whoever_read_an_older_version_is_told(asked: Database) -> None:
    with asked.reading() as session:
        old = _request(session)
    with asked.writing() as session:
        _request(session).title = "first"
    with pytest.raises(Overtaken), asked.writing() as session:
        session.add(old)
        old.title = "second"


@pytest.mark.parametrize("fault", [Busy("busy"), Overtaken("late")], ids=["busy", "overtaken"])
def test_writing_begins_anew_where_others_were_in_the_way(
    asked: Database, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_FIRST_PAUSE", 0)
    seen: list[int] = []

    def third_time(session: Session) -> str:
        seen.append(_request(session).attempts)
        _request(session).attempts += 1
        if len(seen) < 3:
            raise fault
        return "done"

    assert asked.write(third_time) == "done"
    assert seen == [0, 0, 0]


def test_writing_gives_up_after_its_attempts(asked: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_FIRST_PAUSE", 0)
    tries: list[None] = []

    def never(_: Session) -> None:
        tries.append(None)
        raise Busy("busy")

    with pytest.raises(Unavailable):
        asked.write(never)
    assert len(tries) == ATTEMPTS


def test_other_faults_are_not_tried_again(asked: Database) -> None:
    tries: list[None] = []

    def wrong(_: Session) -> None:
        tries.append(None)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asked.write(wrong)
    assert len(tries) == 1


def test_two_who_wait_for_each_other_both_finish_on_postgres(postgres_url: str, clock: MovableClock) -> None:
    database = Database.open(postgres_url)
    with database.writing() as session:
        story.add_project(session, clock, "heart")
        story.add_project(session, clock, "lung")
    met = threading.Barrier(2)

    def cross(names: tuple[str, str]) -> None:
        first_time = [True]

        def run(session: Session) -> None:
            session.get_one(ProjectRow, names[0], with_for_update=True).changed_at = clock()
            if first_time.pop() if first_time else False:
                met.wait(30)
            session.get_one(ProjectRow, names[1], with_for_update=True).changed_at = clock()

        database.write(run)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(cross, [("heart", "lung"), ("lung", "heart")]))
    database.close()


def test_another_process_that_writes_is_waited_for_and_then_told_on_sqlite(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_SQLITE_SETTINGS", ("PRAGMA busy_timeout = 1",))
    other = sqlite3.connect(address(sqlite_url).database or "")
    other.execute("BEGIN IMMEDIATE")
    database = Database.open(sqlite_url)
    with pytest.raises(Busy), database.writing() as session:
        session.execute(text("SELECT 1"))
    with database.reading() as session:
        assert session.get_one(ChainRow, 1).seq == 0
    other.close()
    database.probe()
    database.close()


@pytest.fixture
def small_disk(sqlite_url: str) -> Generator[Database]:
    """Give a database whose file may grow by little."""
    database = Database.open(sqlite_url)
    with database.writing() as session:
        pages = session.scalars(text("PRAGMA page_count")).one()
        session.execute(text(f"PRAGMA max_page_count = {int(pages) + 2}"))
    yield database
    database.close()


def test_a_full_disk_is_told(small_disk: Database) -> None:
    with pytest.raises(Unavailable, match="disk is full"), small_disk.writing() as session:
        session.add(NoticeRow(id="a", request_id="", kind="", document={"text": "x" * 100_000}))
    with small_disk.reading() as session:
        assert session.get(NoticeRow, "a") is None


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "airlock.db").write_bytes(b"a letter, not a database" * 100)
    database = Database.open(f"sqlite:///{tmp_path}/airlock.db")
    with pytest.raises(Unavailable, match="is not one"):
        database.probe()


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/none/airlock.db")
    with pytest.raises(Unavailable, match="cannot be opened"):
        database.probe()


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    database = Database.open(f"postgresql://nobody:swordfish@/airlock?host={tmp_path}")
    with pytest.raises(Unavailable) as raised:
        database.probe()
    assert "swordfish" not in f"{raised.value} {raised.value.__cause__}"


def test_a_server_that_comes_back_is_used_again(postgres: Postgres, postgres_url: str) -> None:
    database = Database.open(postgres_url)
    database.probe()
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tre-airlock-both'"
    )
    database.probe()
    database.close()


def test_a_connection_that_is_lost_in_the_middle_is_unavailable(
    postgres: Postgres, postgres_url: str
) -> None:
    database = Database.open(postgres_url, role="worker")
    with pytest.raises(Unavailable), database.writing() as session:
        session.execute(text("SELECT 1"))
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'tre-airlock-worker'"
        )
        session.execute(text("SELECT 1"))
    database.probe()
    database.close()


def test_no_free_connection_is_unavailable(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_WAIT", 0.1)
    database = Database.open(database_url, connections=1)
    with database.reading() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(Unavailable, match="in use"):
            database.probe()
    database.probe()
    database.close()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://host/name"], ids=["none", "memory", "other"]
)
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="database"):
        Database.open(url)


_WRITER = """
import sys
from portal.database.opening import Database
from portal.database.tables import NoticeRow

database = Database.open(sys.argv[1])
for name in ("kept", "open"):
    with database.writing() as session:
        session.add(NoticeRow(id=name, request_id="", kind="", document={}))
        session.flush()
        if name == "open":
            print("now", flush=True)
            sys.stdin.read()
"""


def test_a_kill_keeps_what_was_committed_and_nothing_else(database_url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, database_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"now\n"
        writer.send_signal(signal.SIGKILL)
    database = Database.open(database_url)
    with database.writing() as session:
        assert session.get(NoticeRow, "kept") is not None
        assert session.get(NoticeRow, "open") is None
    database.close()
