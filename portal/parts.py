"""Opens what the settings say: the database, the areas, sign-in, the scanner, the signing key; and puts them together.

Everything opened here is closed by `Opened.close`, in the opposite order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.database.migrating import upgrade
from portal.database.opening import Database
from portal.database.tables import ProjectRow
from portal.domain.clock import Clock, now
from portal.domain.errors import Invalid
from portal.domain.people import Door
from portal.domain.policy import Project
from portal.service import Airlock, Parts, end_project, register_project
from portal.settings import RunAs, Settings, secret
from portal.sign_in import opening
from portal.sign_in.interface import InsideSignIn, Outside, SignIn
from portal.store import INSIDE, OUTSIDE, WORKER, Area, Areas, Mode
from portal.web.context import Context, Probe, Readiness
from portal.web.telemetry import Telemetry, opened

if TYPE_CHECKING:
    from portal.checks import Scanner
    from portal.record.signing import Signer
    from portal.worker import Sender, Worker

_MODES: Final = {RunAs.INSIDE: INSIDE, RunAs.OUTSIDE: OUTSIDE}


@dataclass
class Opened:
    """The open parts of one process."""

    settings: Settings
    database: Database
    areas: Areas
    clock: Clock
    telemetry: Telemetry
    sign_ins: list[SignIn] = field(default_factory=list["SignIn"])

    def airlock(self, role: RunAs) -> Airlock:
        """Return the service, its areas held to what a role may do even where the process may do more."""
        areas = self.areas.limited(_MODES.get(role, WORKER))
        return Airlock(Parts(self.database, areas, self.clock))

    def outside(self) -> Context[Outside]:
        """Return the outside door's parts.

        Raises:
            Invalid: the settings do not say how people sign in.
            Unavailable: a secret file cannot be read.
        """
        place, sign_in = self.settings.door(Door.OUTSIDE), self.settings.sign_in
        if sign_in.outside is None:
            raise Invalid("the settings do not say how people sign in", "Add `sign_in.outside`.", "sign_in")
        entry = opening.outside(
            sign_in.outside,
            sign_in.sessions.model_copy(update={"secure": place.secure}),
            self.database,
            self.clock,
            site=self.settings.site,
            public=place.address,
        )
        self.sign_ins.append(entry)
        return Context(
            self.settings,
            Door.OUTSIDE,
            self.airlock(RunAs.OUTSIDE),
            entry,
            self.readiness(RunAs.OUTSIDE),
            self.telemetry,
        )

    def inside(self) -> Context[InsideSignIn]:
        """Return the inside door's parts.

        Raises:
            Invalid: the settings do not say how workspaces are known.
            Unavailable: a secret file cannot be read.
        """
        place, sign_in = self.settings.door(Door.INSIDE), self.settings.sign_in
        if sign_in.inside is None:
            raise Invalid(
                "the settings do not say how workspaces are known", "Add `sign_in.inside`.", "sign_in"
            )
        sessions = sign_in.sessions.model_copy(update={"secure": place.secure})
        entry = opening.inside(sign_in.inside, sessions, self.database, self.clock)
        self.sign_ins.append(entry)
        return Context(
            self.settings,
            Door.INSIDE,
            self.airlock(RunAs.INSIDE),
            entry,
            self.readiness(RunAs.INSIDE),
            self.telemetry,
        )

    def worker(self) -> Worker:
        """Return the worker.

        Raises:
            Invalid: the settings name no signing key.
        """
        from portal.worker import Worker
        from portal.worker.parts import WorkerParts

        parts = WorkerParts(
            self.database,
            self.areas,
            self.clock,
            scanner(self.settings.scanner),
            self._signer(),
            self._senders(),
        )
        return Worker(parts)

    def _signer(self) -> Signer:
        from portal.record.signing import Signer

        file = self.settings.signing_key_file
        if file is None:
            raise Invalid(
                "the settings name no key for the record", "Add `signing_key_file`.", "signing_key_file"
            )
        return Signer.open(file)

    def _senders(self) -> list[Sender]:
        from portal.worker import Mail, Webhook

        found: list[Sender] = []
        if hook := self.settings.webhook:
            found.append(Webhook(hook.address, secret(hook.secret_file).encode(), hook.ca_file))
        if mail := self.settings.mail:
            password = secret(mail.password_file) if mail.password_file else ""
            link = self.settings.outside.address if self.settings.outside else mail.link
            way = (mail.host, mail.port, mail.sender, link, mail.encryption)
            found.append(Mail(*way, mail.user, password, mail.ca_file))
        return found

    def readiness(self, role: RunAs) -> Readiness:
        """Return what asks whether everything answers that a role needs."""
        modes = _MODES.get(role, WORKER)
        probes: dict[str, Probe] = {"database": lambda: asyncio.to_thread(self.database.probe)}
        limited = self.areas.limited(modes)
        for area, mode in modes.items():
            if mode is not Mode.NONE and area in self.settings.areas:
                probes[str(area)] = _probe(limited, area)
        return Readiness(probes)

    async def close(self) -> None:
        """Let go of everything."""
        for each in self.sign_ins:
            await each.close()
        self.database.close()
        await asyncio.to_thread(self.telemetry.close)


def _probe(areas: Areas, area: Area) -> Callable[[], Awaitable[None]]:
    return lambda: areas.probe(area)


def open_parts(settings: Settings, role: RunAs, clock: Clock = now) -> Opened:
    """Open what a role needs.

    Raises:
        Invalid: the settings make no sense.
        Unavailable: something that they name does not answer.
    """
    address = settings.database.address()
    if settings.migrate:
        upgrade(address)
    database = Database.open(address, role.value)
    found = Opened(
        settings,
        database,
        Areas.open(settings.places(role)),
        clock,
        opened(settings.telemetry, f"airlock-{role}"),
    )
    for project in settings.projects:
        found.airlock(RunAs.WORKER).register_project(project)
    return found


def register(settings: Settings, file: Path) -> int:
    """Register the projects of the deployer's list, end those that it no longer names, and return how many it has.

    Raises:
        Invalid: the list is none.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        projects = TypeAdapter(tuple[Project, ...]).validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise Invalid(
            f"is no list of projects: {type(error).__name__}", "Write it anew.", str(file)
        ) from None
    database = Database.open(settings.database.address(), "registrar")
    try:
        database.write(lambda session: _register(session, projects))
    finally:
        database.close()
    return len(projects)


def _register(session: Session, projects: tuple[Project, ...]) -> None:
    named = {project.name for project in projects}
    for project in projects:
        register_project(session, now, project)
    for name in session.scalars(select(ProjectRow.name).where(ProjectRow.ended.is_(False))).all():
        if name not in named:
            end_project(session, now, name)


def scanner(address: str) -> Scanner:
    """Return the scanner at `tcp:host:port` or `unix:/path`, or one that says of every file that nobody looked."""
    from portal.checks import Clamd, NoScanner

    kind, _, rest = address.partition(":")
    if kind == "unix":
        return Clamd(rest)
    if kind == "tcp":
        host, _, port = rest.rpartition(":")
        return Clamd((host, int(port)))
    return NoScanner()
