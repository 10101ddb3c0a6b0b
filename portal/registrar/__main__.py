"""`python -m portal.registrar`: keeps projects and people as listed, until it is told to end.

Settings come from the file that `TRE_REGISTRAR_SETTINGS` names. Each trouble is one line of JSON; it tries again.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Final

from pydantic import Field

from portal.database.opening import Database
from portal.domain.clock import now
from portal.domain.errors import AirlockError
from portal.domain.policy import Model
from portal.registrar import listing
from portal.registrar.first import Start
from portal.registrar.keeping import Keeper, keep_projects
from portal.registrar.realm import Realm
from portal.settings import DatabasePlace, secret
from portal.web import logs

VARIABLE: Final = "TRE_REGISTRAR_SETTINGS"


class RealmPlace(Model):
    """Where the realm is, and as which client the registrar changes it."""

    base: str
    name: str
    client: str
    secret_file: Path
    ca_file: Path | None = None
    people_key_file: Path
    start: Start = Start.CHANGED


class RegistrarSettings(Model):
    """What the registrar is told."""

    site: str
    listing: Path
    database: DatabasePlace
    realm: RealmPlace | None = Field(default=None, description="None where people are the institution's own.")
    every: float = Field(default=5, gt=0, description="Seconds between two looks.")


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    logs.set_up("info")
    told = RegistrarSettings.model_validate_json(Path(os.environ[VARIABLE]).read_bytes())
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _end)
    database = Database.open(told.database.address(), "registrar", connections=1)
    keeper = _keeper(told)
    while not stop.wait(told.every):
        _look(told, database, keeper)
    return 0


def _end(_signal: int, _frame: FrameType | None) -> None:
    """End at once: nothing is half done that the next start does not do again."""
    os._exit(0)


def _keeper(told: RegistrarSettings) -> Keeper | None:
    place = told.realm
    if place is None:
        return None
    realm = Realm(place.base, place.name, place.client, place.secret_file, place.ca_file)
    return Keeper(realm, told.site, secret(place.people_key_file), place.start)


def _look(told: RegistrarSettings, database: Database, keeper: Keeper | None) -> None:
    try:
        found = listing.read(told.listing)
        if found is None:
            return
        keep_projects(database, now, found)
        changed = keeper.keep(found, now().date()) if keeper else 0
        if changed:
            logs.log("people changed", accounts=changed)
    except AirlockError as error:
        logs.log("cannot keep the list", logging.WARNING, **error.document())


if __name__ == "__main__":
    sys.exit(main())
