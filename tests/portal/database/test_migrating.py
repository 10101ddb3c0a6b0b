"""The migrations make what the models describe, once, whoever asks at the same time."""

from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import portal.database
from portal.database.migrating import HEAD, upgrade, version
from portal.database.opening import Database
from portal.database.tables import ChainRow, Table
from portal.domain.errors import Conflict, Unavailable
from tests.portal.postgres import Postgres


def test_models_and_migrations_agree(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"target_metadata": Table.metadata, "compare_type": True}
        )
        assert compare_metadata(context, Table.metadata) == []


def test_the_comparison_can_fail(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("DROP INDEX requests_by_due"))
        context = MigrationContext.configure(connection)
        assert [change[0] for change in compare_metadata(context, Table.metadata)] == ["add_index"]


def test_head_is_the_newest_version() -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(portal.database.__file__).parent))
    assert ScriptDirectory.from_config(configuration).get_current_head() == HEAD


def test_the_chain_begins_with_nothing(database: Database) -> None:
    assert version(database) == HEAD
    with database.reading() as session:
        chain = session.get_one(ChainRow, 1)
        assert (chain.seq, chain.hash) == (0, "0" * 64)


def test_an_sqlite_file_is_the_owners_alone(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/airlock.db")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}


def test_a_current_database_needs_no_alembic(sqlite_url: str) -> None:
    script = (
        f"import sys; from portal.database.migrating import upgrade; upgrade({sqlite_url!r});"
        "assert 'alembic' not in sys.modules, 'alembic was imported'"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_empty_postgres_is_migrated_by_several_at_once(postgres: Postgres) -> None:
    postgres.execute("CREATE DATABASE {}", "several")
    url = postgres.url("several")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [url] * 4))
    database = Database.open(url)
    assert version(database) == HEAD
    database.close()
    postgres.drop("several")


def test_a_new_sqlite_file_is_migrated_by_several_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/airlock.db"
    script = f"from portal.database.migrating import upgrade; upgrade({url!r})"
    started = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    database = Database.open(url)
    assert version(database) == HEAD
    database.close()


def test_a_newer_database_is_left_alone(database: Database, database_url: str) -> None:
    with database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer"):
        upgrade(database_url)


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        upgrade(f"postgresql://nobody@/airlock?host={tmp_path}")


def test_a_database_without_tables_has_no_version(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    create_engine(url).connect().close()
    database = Database.open(url)
    assert version(database) is None
    database.close()
