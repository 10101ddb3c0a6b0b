"""Sign-in at the inside door: a workspace's own token says the project, a session from a pass says the person."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from portal.domain.clock import Clock
from portal.domain.people import Door, Person
from portal.sign_in.asking import bearer, only
from portal.sign_in.interface import WORKLOAD_HEADER, Going, SignedIn, Transactions
from portal.sign_in.passes import Passes
from portal.sign_in.sessions import Sessions, not_signed_in
from portal.sign_in.settings import SessionSettings
from portal.sign_in.workload import Workloads


class WorkspaceSignIn:
    """The inside door's sign-in (`portal.sign_in.interface.InsideSignIn`). No cookie is read here.

    Neither token is worth anything without the other: a stolen session speaks only from the workspaces of its own
    project, and a workspace speaks for no person.
    """

    def __init__(
        self, workloads: Workloads, sessions: SessionSettings, database: Transactions, clock: Clock
    ) -> None:
        self._workloads = workloads
        self.sessions = Sessions(database, sessions, clock, Door.INSIDE)
        self._passes = Passes(database, sessions, clock)

    async def person(self, request: HTTPConnection) -> Person:
        """Return who asks, from a workspace of the one project that their session is for."""
        project = await self._project(request)
        person = await self.sessions.person(bearer(request) or "")
        if person.bound_to != project:
            raise not_signed_in()
        return person

    async def spend(self, request: HTTPConnection, workspace_pass: str) -> SignedIn:
        """Turn a workspace pass into a session for the workspace's own project."""
        project = await self._project(request)
        person, token, ends = await self._passes.spend(workspace_pass, project, self.sessions)
        return SignedIn(person, token, ends, Going("/"))

    async def sign_out(self, request: HTTPConnection) -> Going:
        """End the session that the request carries."""
        await self.person(request)
        await self.sessions.end(bearer(request) or "")
        return Going("/")

    async def close(self) -> None:
        """Let go of connections: none is held between requests."""

    async def _project(self, request: HTTPConnection) -> str:
        return await self._workloads.project(only(request, WORKLOAD_HEADER))
