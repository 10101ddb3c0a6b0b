"""A real airlock for tests: both doors and the worker of a laptop, in a thread, on free ports of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import uvloop

from portal.database.opening import Database
from portal.domain.clock import now
from portal.domain.people import Door, Grant, Person, Role
from portal.embedded import Laptop
from portal.serving import serve
from portal.settings import Rate, Rates, RunAs, Settings
from portal.sign_in.sessions import Sessions, new_token
from tests.ports import free_port

PEOPLE: Final[Mapping[str, tuple[Grant, ...]]] = {
    "robin": (Grant("demo", Role.DATA_ANALYST), Grant("guarded", Role.DATA_ANALYST)),
    "casey": (Grant("demo", Role.OUTPUT_CHECKER), Grant("guarded", Role.OUTPUT_CHECKER)),
    "sasha": (Grant("demo", Role.DATA_STEWARD), Grant("demo", Role.INFORMATION_ASSET_OWNER)),
    "avery": (Grant("site", Role.AUDITOR),),
    "ollie": (Grant("site", Role.OPERATOR),),
    "morgan": (Grant("guarded", Role.PROJECT_MANAGER),),
    "noah": (),
}
_MANY: Final = Rate(burst=1_000_000, each_second=1_000_000)
WAIT: Final = 60.0


@dataclass
class Running:
    """The airlock, and sessions of its people at both doors."""

    laptop: Laptop
    settings: Settings
    database: Database
    tokens: dict[tuple[str, Door], str] = field(default_factory=dict[tuple[str, Door], str])

    def headers(self, name: str, door: Door = Door.OUTSIDE, project: str = "demo") -> dict[str, str]:
        """Return what a person's calls carry; at the inside door, from a workspace of `project`."""
        found = {"Authorization": f"Bearer {self.token(name, door, project)}"}
        if door is Door.INSIDE:
            found["Tre-Workload"] = self.laptop.workload_file(project).read_text().strip()
        return found

    def token(self, name: str, door: Door, project: str) -> str:
        """Return the token of a person's session, made once."""
        key = (f"{name}/{project}", door)
        if key not in self.tokens:
            bound = project if door is Door.INSIDE else ""
            person = Person(f"local:{name}", name, name.title(), "", frozenset(PEOPLE[name]), door, bound)
            self.tokens[key] = new_token()
            sessions = Sessions(self.database, self.settings.sign_in.sessions, now, door)
            self.database.write(lambda session: sessions.open(session, person, self.tokens[key]))
        return self.tokens[key]

    def address(self, door: Door) -> str:
        """Return a door's address."""
        return self.laptop.outside if door is Door.OUTSIDE else self.laptop.inside

    def client(self, name: str = "", door: Door = Door.OUTSIDE, project: str = "demo") -> httpx.Client:
        """Return a client of a door, as a person or as nobody."""
        headers = self.headers(name, door, project) if name else {}
        return httpx.Client(base_url=self.address(door), headers=headers, timeout=WAIT, trust_env=False)


@contextlib.contextmanager
def airlock(folder: Path, **changed: Any) -> Generator[Running]:
    """Run an airlock in a folder until the block ends; `changed` are settings other than a laptop's."""
    laptop = Laptop(folder, free_port())
    rates = Rates(person=_MANY, address=_MANY, sign_in=_MANY)
    settings = laptop.prepared().model_copy(update={"rates": rates, **changed})
    started, failed = threading.Event(), list[BaseException]()
    loop = uvloop.new_event_loop()
    stop = asyncio.Event()

    def run() -> None:
        try:
            loop.run_until_complete(serve(settings, RunAs.BOTH, stop, started.set))
        except BaseException as error:
            failed.append(error)
            started.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(WAIT)
    if failed:
        raise failed[0]
    database = Database.open(settings.database.address())
    try:
        yield Running(laptop, settings, database)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(WAIT)
        database.close()
        loop.close()
    assert not failed and not thread.is_alive()
