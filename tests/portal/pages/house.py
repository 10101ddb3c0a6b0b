"""Both doors' apps with a real service, one request in every state, and people of every role to look at them."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import httpx
from fastapi import FastAPI
from sqlalchemy import update
from starlette.requests import HTTPConnection

from portal import parts as opening
from portal.database.tables import RequestRow
from portal.domain.errors import NotSignedIn
from portal.domain.people import SITE, Door, Grant, Person, Role
from portal.domain.states import Direction, State
from portal.service import Airlock
from portal.settings import Rate, Rates, RunAs
from portal.sign_in.interface import Cookie, Going, SignedIn
from portal.web import apps
from portal.web.context import Context, Readiness
from tests.browser.site import PROJECT, project, settings
from tests.portal.pages.hostile import CELL, LONG_NAME, PATH, PURPOSE, TITLE

OUTSIDE_PORT, INSIDE_PORT = 8001, 8002
TOKEN = "f" * 64
TABLE = f"group,count\n{CELL},3\nplain,40\n".encode()


class Browser:
    """Asks an app as a browser does, without a server; it keeps cookies and follows nothing by itself."""

    def __init__(self, app: FastAPI, address: str) -> None:
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=address,
            headers={"Accept": "text/html", "Sec-Fetch-Site": "same-origin"},
        )

    def get(self, where: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Look at a page."""
        return asyncio.run(self._client.get(where, headers=headers))

    def post(self, where: str, **sent: Any) -> httpx.Response:
        """Send a form (`data`), a document (`json`) or bytes (`content`)."""
        return asyncio.run(self._client.post(where, **sent))

    def put(self, where: str, **sent: Any) -> httpx.Response:
        """Send bytes (`content`)."""
        return asyncio.run(self._client.put(where, **sent))


class KnownSignIn:
    """Takes everybody for one person, or for nobody."""

    kind: Literal["accounts"] = "accounts"

    def __init__(self) -> None:
        self.someone: Person | None = None
        self.made_for: list[str] = []

    async def person(self, request: HTTPConnection) -> Person:
        """Return the person."""
        if self.someone is None:
            raise NotSignedIn("nobody is signed in", "Sign in.")
        return self.someone

    async def sign_out(self, request: HTTPConnection) -> Going:
        """Go to the start."""
        self.someone = None
        return Going("/", (Cookie("tre", "", 0, secure=False),))

    async def close(self) -> None:
        """Nothing is open."""

    def form_token(self, request: HTTPConnection) -> str:
        """Return the one token."""
        return TOKEN if self.someone else ""

    def form_token_fits(self, request: HTTPConnection, token: str) -> bool:
        """Compare with the one token."""
        return bool(self.someone) and token == TOKEN

    async def make_pass(self, person: Person, project: str) -> str:
        """Return a pass."""
        self.made_for.append(project)
        return "AAAAA-BBBBB-CCCCC-DDDDD"

    async def with_password(
        self, request: HTTPConnection, name: str, password: str, code: str, back: str
    ) -> SignedIn:
        """Refuse."""
        raise NotSignedIn("name, password and code do not fit", "Try again.")

    async def spend(self, request: HTTPConnection, workspace_pass: str) -> SignedIn:
        """Take one pass."""
        if workspace_pass != "good":
            raise NotSignedIn("the pass is not known", "Make another.")
        assert request.headers["Tre-Workload"] == "workspace"
        ends = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)
        return SignedIn(person("ada", Role.DATA_ANALYST, door=Door.INSIDE), "session", ends, Going("/"))


def person(name: str, *roles: Role, door: Door = Door.OUTSIDE) -> Person:
    """Return somebody whose name is as hostile as the rest."""
    wide = {Role.AUDITOR, Role.OPERATOR}
    grants = frozenset(Grant(SITE if role in wide else PROJECT, role) for role in roles)
    bound = PROJECT if door is Door.INSIDE else ""
    return Person(f"made:{name}", name, LONG_NAME, f"{name}@example.org", grants, door, bound)


@dataclass
class House:
    """The doors and what is behind them."""

    opened: opening.Opened
    outside_sign_in: KnownSignIn = field(default_factory=KnownSignIn)
    inside_sign_in: KnownSignIn = field(default_factory=KnownSignIn)
    requests: dict[State, str] = field(default_factory=dict[State, str])

    def __post_init__(self) -> None:
        self.outside_app = self._app(Door.OUTSIDE, self.outside_sign_in)
        self.inside_app = self._app(Door.INSIDE, self.inside_sign_in)

    @property
    def airlock(self) -> Airlock:
        """Return the service without a door's limits."""
        return self.opened.airlock(RunAs.BOTH)

    def _app(self, door: Door, sign_in: KnownSignIn) -> FastAPI:
        role = RunAs.OUTSIDE if door is Door.OUTSIDE else RunAs.INSIDE
        context: Context[Any] = Context(
            self.opened.settings, door, self.opened.airlock(role), cast("Any", sign_in), Readiness({})
        )
        return apps.outside(context) if door is Door.OUTSIDE else apps.inside(context)

    def client(self, someone: Person | None, door: Door = Door.OUTSIDE) -> Browser:
        """Return a browser of somebody's at a door. Only one person can be at a door at a time."""
        outside = door is Door.OUTSIDE
        sign_in = self.outside_sign_in if outside else self.inside_sign_in
        sign_in.someone = someone
        port = OUTSIDE_PORT if outside else INSIDE_PORT
        return Browser(self.outside_app if outside else self.inside_app, f"http://127.0.0.1:{port}")

    def ask(self, *files: tuple[str, bytes], title: str = TITLE, submit: bool = True) -> str:
        """Make an output request of Ada's and return its number."""
        ada = person("ada", Role.DATA_ANALYST, door=Door.INSIDE)
        made = self.airlock.create(ada, PROJECT, Direction.OUTPUT, title, PURPOSE)
        for path, content in files:
            file = self.airlock.add_file(ada, made.id, path, len(content))
            asyncio.run(self._upload(ada, made.id, file.id, content))
        if submit:
            self.airlock.submit(ada, made.id)
            self.work()
        return made.id

    async def _upload(self, ada: Person, request_id: str, file_id: str, content: bytes) -> None:
        await self.airlock.upload(ada, request_id, file_id, 0, _stream(content), last=True)

    def work(self) -> None:
        """Let the worker do all that is due."""
        asyncio.run(self._work())

    async def _work(self) -> None:
        worker = self.opened.worker()
        await worker.publish()
        while await worker.once():
            pass

    def approve(self, request_id: str) -> None:
        """Let Carol approve a request, and the worker release it."""
        carol = person("carol", Role.OUTPUT_CHECKER)
        manifest = self.airlock.request(carol, request_id).request.manifest_sha256
        self.airlock.decide(
            carol, request_id, outcome="approve", manifest_sha256=manifest, reason=PURPOSE, files={}
        )
        self.work()

    def put(self, request_id: str, state: State) -> None:
        """Say in the database that a request is in a state, however it would get there."""
        with self.opened.database.writing() as session:
            changed = {"state": state.value, "reason": PURPOSE, "try_at": None}
            session.execute(update(RequestRow).where(RequestRow.id == request_id).values(**changed))


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    yield content


def build(folder: Path) -> House:
    """Build the house with a request in every state."""
    chosen = settings(folder, OUTSIDE_PORT, INSIDE_PORT, (project(title=TITLE),))
    patient = Rates(sign_in=Rate(burst=1000, each_second=1000))  # Tests sign in more often than a person may.
    house = House(opening.open_parts(chosen.model_copy(update={"rates": patient}), RunAs.BOTH))
    for state in State:
        house.requests[state] = house.ask((PATH, TABLE), submit=state is not State.DRAFT)
    house.approve(house.requests[State.RELEASED])
    for state in set(State) - {State.DRAFT, State.IN_REVIEW, State.RELEASED}:
        house.put(house.requests[state], state)
    return house


def narrowed(someone: Person, door: Door) -> Person:
    """Return the person at another door."""
    return dataclasses.replace(someone, door=door, bound_to=PROJECT if door is Door.INSIDE else "")
