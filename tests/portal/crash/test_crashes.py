"""kill -9 at every moment of a request's life: nothing is lost, nothing goes out twice or unapproved."""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.database.migrating import upgrade
from portal.domain.errors import Unavailable
from portal.domain.states import Direction
from tests.portal import postgres as servers
from tests.portal.crash.journey import LATER, START, Journey
from tests.portal.crash.moments import Moments
from tests.portal.postgres import Postgres

ROOT = Path(__file__).parents[3]


def loop(direction: Direction, folder: Path, every: int, kind: str, where: str) -> dict[str, Any]:
    """Run the loop in a process that forks before it has threads; return its report."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.portal.crash.loop", direction.value, folder, str(every), kind, where],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("direction", "every"), [(Direction.OUTPUT, 1), (Direction.INPUT, 5)], ids=["output", "input"]
)
def test_a_process_may_die_at_any_moment(
    direction: Direction, every: int, tmp_path: Path, sqlite_url: str
) -> None:
    template = sqlite_url.removeprefix("sqlite:///")
    report = loop(direction, tmp_path / "loop", every, "sqlite", template)
    assert report["problems"] == {}
    assert report["moments"] > 100
    assert report["killed"] * every > 100
    assert report["kinds"].keys() >= {"before a commit", "after a commit", "in the middle of a stream"}


def test_a_client_of_postgres_may_die_at_any_moment(tmp_path: Path, postgres: Postgres) -> None:
    every = 11
    names = [postgres.copy() for _ in range(2 + 250 // every)]
    urls = " ".join(postgres.url(name) for name in names)
    report = loop(Direction.OUTPUT, tmp_path / "loop", every, "postgres", urls)
    for name in names:
        postgres.drop(name)
    assert report["problems"] == {}
    assert report["killed"] * every > 100


@pytest.fixture
def mortal() -> Generator[Postgres]:
    """Give a server of this test's own, with a migrated database of the name `journey`."""
    folder = Path(tempfile.mkdtemp(prefix="tre-mortal-"))  # a socket's path may have 107 bytes at most
    server = servers.start(folder)
    try:
        server.execute("CREATE DATABASE journey")
        # The fixture's servers answer before they have written; this one keeps what it promised, as a site's does.
        server.execute("ALTER DATABASE journey SET synchronous_commit = on")
        upgrade(server.url("journey"))
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


class Killing(Moments):
    """Kills the database server, instead of this process, at one moment, and starts it again."""

    def __init__(self, server: Postgres, fatal: int) -> None:
        super().__init__()
        self.server, self.at = server, fatal

    def pass_by(self, kind: str) -> None:
        """Live on, without a database for a while."""
        self.count += 1
        if self.count == self.at:
            self.server.process.kill()
            self.server.process.wait()
            _start_again(self.server)


def _start_again(server: Postgres) -> None:
    """Start the server anew; it refuses while an orphan of its last life still runs."""
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        person = pwd.getpwnam("postgres")
        who = {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if server.process.poll() is not None:
            with (server.folder / "log").open("ab") as log:
                server.process = subprocess.Popen(
                    server.process.args, stdout=log, stderr=log, cwd=server.folder, **who
                )
        try:
            psycopg.connect(host=str(server.folder), user="owner", dbname="journey").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise TimeoutError("the server does not start again")


@pytest.mark.parametrize("fatal", [3, 12, 22, 31, 40, 49])
def test_postgres_itself_may_die(fatal: int, mortal: Postgres, tmp_path: Path) -> None:
    moments = Killing(mortal, fatal)
    journey = Journey.open(mortal.url("journey"), tmp_path, Direction.OUTPUT, moments, 0)
    moments.count = 0
    for turn in range(1, 6):
        try:
            journey.go()
            break
        except Unavailable:
            moment = START + turn * LATER
            journey = dataclasses.replace(
                journey, site=dataclasses.replace(journey.site, clock=lambda now=moment: now)
            )
            journey.after_a_crash()
    assert moments.count > fatal
    journey.go()
    journey.at_the_end()
