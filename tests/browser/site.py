"""A whole airlock for browsers: both doors on real ports, the worker, SQLite, folders, local accounts."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
import socket
import threading
from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI

from portal import parts as opening
from portal.domain.people import Grant, Person, Role
from portal.domain.policy import Project, Rules
from portal.service import Airlock
from portal.settings import AreaPlace, Bodies, DatabasePlace, DoorPlace, RunAs, Settings, SignInPlace
from portal.sign_in.demo import current_code, make_demo_accounts
from portal.sign_in.settings import LocalSettings, SecretSettings, SessionSettings
from portal.sign_in.workload import make_workload_secret
from portal.store import Area
from portal.web import apps

T = TypeVar("T")
SITE = "demo"
PROJECT = "heart"
SLICE = 256 << 10
"""Bytes of one part from a browser here: small, so that small files come in many."""


class WalkingClock:
    """The real clock, moved forward on demand: each code of an account works once, and a test will not wait."""

    def __init__(self) -> None:
        self._ahead = datetime.timedelta()

    def __call__(self) -> datetime.datetime:
        """Return the moment."""
        return datetime.datetime.now(datetime.UTC) + self._ahead

    def move(self, **by: float) -> None:
        """Move on."""
        self._ahead += datetime.timedelta(**by)


@dataclass
class Site:
    """A running airlock."""

    folder: Path
    settings: Settings
    clock: WalkingClock
    opened: opening.Opened
    outside: str
    inside: str
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the doors run, and return what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @property
    def airlock(self) -> Airlock:
        """Return the service without a door's limits, for preparing what a test needs."""
        return self.opened.airlock(RunAs.BOTH)

    def password(self, name: str) -> str:
        """Return a person's password from the sheet."""
        found = re.search(
            rf"name +{name}\n +password +(\S+)", (self.folder / "how-to-sign-in.txt").read_text()
        )
        assert found
        return found.group(1)

    def code(self, name: str) -> str:
        """Return a fresh code: the clock goes on, so that the one before is over."""
        self.clock.move(seconds=30)
        return current_code(self.folder / "accounts.json", name, self.clock)

    def workload(self) -> str:
        """Return the workspace's own token."""
        return (self.folder / "workspace.secret").read_text().strip()

    def person(self, name: str, *roles: Role) -> Person:
        """Return somebody with roles in the project, for preparing requests."""
        grants = frozenset(Grant(PROJECT, role) for role in roles)
        return Person(f"made:{name}", name, name.title(), grants=grants)


def settings(folder: Path, outside: int, inside: int, projects: tuple[Project, ...]) -> Settings:
    """Return a laptop's settings with everything in one folder."""
    return Settings(
        site=SITE,
        title="Demo site",
        database=DatabasePlace(url=f"sqlite:///{folder / 'airlock.db'}"),
        areas={area: AreaPlace(address=(folder / "areas" / area).as_uri(), sole=True) for area in Area},
        outside=DoorPlace(address=f"http://127.0.0.1:{outside}", port=outside),
        inside=DoorPlace(address=f"http://127.0.0.1:{inside}", port=inside),
        sign_in=SignInPlace(
            outside=LocalSettings(accounts_file=folder / "accounts.json"),
            inside=SecretSettings(files={PROJECT: folder / "workspace.secret"}),
            sessions=SessionSettings(secure=False),
        ),
        signing_key_file=folder / "record.key",
        projects=projects,
        migrate=True,
        bodies=Bodies(document=SLICE),
    )


def project(name: str = PROJECT, **changes: Any) -> Project:
    """Return a tier 2 project in which one person approves; malware is not scanned for here."""
    given: dict[str, Any] = {
        "name": name,
        "title": "Risk factors of heart disease",
        "tier": 2,
        "reviewers": 1,
        "expires": datetime.date(2099, 6, 30),
        "rules": Rules(blocking=frozenset({"archive", "opaque"})),
    }
    return Project(**{**given, **changes})


def _socket() -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    return bound


class _Server(uvicorn.Server):
    """A server whose signals are the test's own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _Running:
    """Serves both doors and the worker from one thread with a loop of its own."""

    def __init__(self, made: opening.Opened, doors: list[tuple[FastAPI, socket.socket]]) -> None:
        self._opened = made
        self._servers = [
            (
                _Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=2)),
                bound,
            )
            for app, bound in doors
        ]
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> asyncio.AbstractEventLoop:
        self._thread.start()
        assert self._ready.wait(60), "the airlock did not start"
        return self._loop

    def __exit__(self, *_: object) -> None:
        def stop() -> None:
            self._stop.set()
            for server, _ in self._servers:
                server.should_exit = True

        self._loop.call_soon_threadsafe(stop)
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        worker = self._opened.worker()
        await worker.publish()
        tasks = [asyncio.create_task(worker.run(self._stop))]
        tasks += [asyncio.create_task(server.serve(sockets=[bound])) for server, bound in self._servers]
        while not all(server.started for server, _ in self._servers):
            await asyncio.sleep(0.01)
        self._ready.set()
        await asyncio.gather(*tasks)
        await self._opened.close()


@contextlib.contextmanager
def running(folder: Path, *projects: Project) -> Generator[Site]:
    """Start an airlock in a folder, and end it."""
    sockets = (_socket(), _socket())
    outside, inside = (bound.getsockname()[1] for bound in sockets)
    make_demo_accounts(folder / "accounts.json", [PROJECT], SITE)
    make_workload_secret(folder / "workspace.secret")
    chosen = settings(folder, outside, inside, projects or (project(),))
    clock = WalkingClock()
    made = opening.open_parts(chosen, RunAs.BOTH, clock)
    doors = [
        (apps.outside(made.outside()), sockets[0]),
        (apps.inside(made.inside()), sockets[1]),
    ]
    with _Running(made, doors) as loop:
        yield Site(
            folder, chosen, clock, made, f"http://127.0.0.1:{outside}", f"http://127.0.0.1:{inside}", loop
        )
