"""A small site for tests: one project, its people, both doors and a worker, over a real database and real folders."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portal.checks import Finding, Held, Outcome
from portal.database.opening import Database
from portal.domain.clock import Clock
from portal.domain.errors import Unavailable
from portal.domain.people import Door, Grant, Person, Role
from portal.domain.policy import Project
from portal.domain.states import Direction, State
from portal.record.signing import Signer
from portal.service import Airlock, NewFile, Parts
from portal.service.views import FileView, RequestDetail, RequestView
from portal.store import INSIDE, OUTSIDE, WORKER, Area, Areas, Place
from portal.worker import Patience, Sender, Worker, WorkerParts

PROJECT = "heart"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MALWARE = b"our own test signature"
Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end."""
    return asyncio.run(work)


def person(name: str, *roles: Role, door: Door = Door.OUTSIDE, project: str = PROJECT) -> Person:
    """Return a person with roles in a project (or in `site`)."""
    return Person(
        subject=f"subject-{name}",
        name=name,
        grants=frozenset(Grant(project, role) for role in roles),
        door=door,
        bound_to=project if door is Door.INSIDE else "",
    )


def inside(who: Person, project: str = PROJECT) -> Person:
    """Return the same person at the inside door."""
    return dataclasses.replace(who, door=Door.INSIDE, bound_to=project)


ANN = person("ann", Role.DATA_ANALYST)
AMIR = person("amir", Role.DATA_ANALYST)
CARL = person("carl", Role.OUTPUT_CHECKER)
CLEO = person("cleo", Role.OUTPUT_CHECKER)
OLGA = person("olga", Role.INFORMATION_ASSET_OWNER)
STEF = person("stef", Role.DATA_STEWARD)
MAYA = person("maya", Role.PROJECT_MANAGER)
ADA = person("ada", Role.AUDITOR, project="site")
OTTO = person("otto", Role.OPERATOR, project="site")


@dataclass
class Scanner:
    """Finds a signature of our own; `down` makes it answer nothing."""

    down: bool = False
    scans: int = 0

    async def scan(self, held: Held) -> Finding:
        """Return a verdict on what the file really holds."""
        await self.probe()
        self.scans += 1
        content = b"".join([chunk async for chunk in held.opener(0, None)])
        bad = MALWARE in content
        return Finding(
            held.file_id,
            "malware",
            "test 1",
            Outcome.BAD if bad else Outcome.CLEAN,
            "found" if bad else "none",
        )

    async def probe(self) -> None:
        """Answer, or not."""
        if self.down:
            raise Unavailable("the scanner does not answer")


def policy(tier: int = 2, reviewers: int = 1, **other: Any) -> Project:
    """Return a project's policy."""
    values: dict[str, Any] = {
        "name": PROJECT,
        "tier": tier,
        "reviewers": reviewers,
        "expires": datetime.date(2030, 1, 1),
    }
    return Project.model_validate({**values, **other})


def places(folder: Path) -> dict[Area, Place]:
    """Return the areas as folders."""
    return {area: Place(f"file://{folder / area.value}", WORKER[area]) for area in Area}


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    """Give some bytes."""
    for chunk in chunks:
        yield chunk


@dataclass
class Site:
    """Both doors and a worker of one site."""

    database: Database
    areas: Areas
    clock: Clock
    folder: Path
    scanner: Scanner = field(default_factory=Scanner)
    senders: Sequence[Sender] = ()

    @classmethod
    def open(cls, database: Database, folder: Path, clock: Clock, project: Project | None = None) -> Site:
        """Return a site with one project."""
        site = cls(database, Areas.open(places(folder), fsync=False), clock, folder)
        site.outside.register_project(project or policy())
        return site

    @property
    def inside(self) -> Airlock:
        """The inside door."""
        return Airlock(Parts(self.database, self.areas.limited(INSIDE), self.clock))

    @property
    def outside(self) -> Airlock:
        """The outside door."""
        return Airlock(Parts(self.database, self.areas.limited(OUTSIDE), self.clock))

    @property
    def worker(self) -> Worker:
        """A worker."""
        parts = WorkerParts(
            self.database,
            self.areas,
            self.clock,
            self.scanner,
            Signer(KEY),
            self.senders,
            Patience(lease=datetime.timedelta(seconds=60)),
        )
        return Worker(parts)

    def door(self, direction: Direction) -> Airlock:
        """Return the door at which whoever asks in this direction stands."""
        return self.inside if direction is Direction.OUTPUT else self.outside

    def work(self, rounds: int = 50) -> None:
        """Let the worker do all that is due now."""

        async def until_idle() -> None:
            for _ in range(rounds):
                if not await self.worker.once():
                    return

        run(until_idle())

    def draft(self, who: Person | None = None, direction: Direction = Direction.OUTPUT) -> RequestView:
        """Begin a request."""
        return self.door(direction).create(_asker(who, direction), PROJECT, direction, "Table 1")

    def put(self, request: RequestView, path: str, *parts: bytes, who: Person | None = None) -> FileView:
        """Announce a file and upload it whole, in parts."""
        door, who = self.door(request.direction), _asker(who, request.direction)
        file = door.add_file(who, request.id, path)
        offset = 0
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            file = run(door.upload(who, request.id, file.id, offset, stream(part), last=last))
            offset += len(part)
        return file

    def submitted(
        self,
        files: dict[str, bytes] | None = None,
        who: Person | None = None,
        direction: Direction = Direction.OUTPUT,
    ) -> RequestView:
        """Hand a request in."""
        request = self.draft(who, direction)
        for path, content in (files or {"table.csv": b"a,b\n100,200\n"}).items():
            self.put(request, path, content, who=who)
        return self.door(direction).submit(_asker(who, direction), request.id)

    def in_review(
        self,
        files: dict[str, bytes] | None = None,
        who: Person | None = None,
        direction: Direction = Direction.OUTPUT,
    ) -> RequestDetail:
        """Bring a request to the review."""
        request = self.submitted(files, who, direction)
        self.work()
        return self.show(request.id)

    def show(self, request_id: str, who: Person = OTTO) -> RequestDetail:
        """Return a request as somebody sees it outside."""
        return self.outside.request(who, request_id)

    def state(self, request_id: str) -> State:
        """Return where a request stands."""
        return self.show(request_id).request.state

    def decide(
        self, who: Person, request_id: str, outcome: str = "approve", reason: str = "looked at"
    ) -> RequestDetail:
        """Decide on what stands there now."""
        manifest = self.show(request_id).request.manifest_sha256
        return self.outside.decide(who, request_id, outcome=outcome, manifest_sha256=manifest, reason=reason)

    def released(
        self, files: dict[str, bytes] | None = None, direction: Direction = Direction.OUTPUT
    ) -> RequestDetail:
        """Bring a request to its release."""
        detail = self.in_review(files, direction=direction)
        self.decide(CARL, detail.request.id)
        self.work()
        return self.show(detail.request.id)

    def fetch(self, request_id: str, file_id: str, who: Person = ANN) -> bytes:
        """Fetch a released file."""
        door = self.inside if who.door is Door.INSIDE else self.outside

        async def whole() -> bytes:
            _, stream = await door.fetch(who, door.link(who, request_id, file_id).token)
            return b"".join([chunk async for chunk in stream])

        return run(whole())

    def stored(self, area: Area) -> list[Path]:
        """Return the files that stand in an area."""
        return sorted(path for path in (self.folder / area.value).rglob("*") if path.is_file())


def _asker(who: Person | None, direction: Direction) -> Person:
    if direction is Direction.OUTPUT:
        return inside(who or ANN)
    return who or STEF


def new(*paths: str) -> list[NewFile]:
    """Return files to announce."""
    return [NewFile(path) for path in paths]
