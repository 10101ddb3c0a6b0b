"""`python -m portal inside|outside|worker|both|migrate|register|check`: what the image runs.

`migrate` runs as the owner of the tables: it brings them up to date, and gives each part its role and rights.
`register` writes the deployer's projects down. `check` asks whether everything that the settings name answers.

Settings come from the file that `TRE_PORTAL_SETTINGS` names. Ends with 0, or with 1 and one JSON line on stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from portal import settings as reading
from portal.domain.errors import AirlockError, Invalid
from portal.settings import RunAs, Settings
from portal.web import logs

_COMMANDS = [*RunAs, "migrate", "register", "check"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m portal", description=__doc__)
    parser.add_argument("command", choices=[str(each) for each in _COMMANDS])
    given = parser.parse_args(arguments)
    logs.set_up("info")
    try:
        _do(str(given.command), reading.read())
    except AirlockError as error:
        logs.log("cannot run", logging.ERROR, **error.document())
        return 1
    return 0


def _do(command: str, settings: Settings) -> None:
    if command == "migrate":
        _migrate(settings)
    elif command == "register":
        _register(settings)
    elif command == "check":
        asyncio.run(_check(settings))
    else:
        from portal.serving import run

        run(settings, RunAs(command), lambda: logs.log("ready", role=command))


def _migrate(settings: Settings) -> None:
    """Bring the database up to date, and give each part its rights; on SQLite there are no roles."""
    from portal.database.migrating import upgrade

    place = settings.database
    upgrade(place.address())
    if not place.url.startswith("sqlite:"):
        from portal.database import grants

        passwords = {role: reading.secret(file) for role, file in place.role_password_files.items()}
        grants.apply(place.address(), passwords)
    logs.log("migrated")


def _register(settings: Settings) -> None:
    """Register the deployer's projects, and end those that it no longer names."""
    from portal.parts import register

    if settings.projects_file is None:
        raise Invalid("the settings name no list of projects", "Add `projects_file`.", "projects_file")
    logs.log("registered", projects=register(settings, settings.projects_file))


async def _check(settings: Settings) -> None:
    """Ask once whether everything that the settings name is there."""
    from portal.domain.errors import Unavailable
    from portal.parts import open_parts, scanner

    parts = open_parts(settings.model_copy(update={"migrate": False, "projects": ()}), RunAs.BOTH)
    try:
        found = await parts.readiness(RunAs.BOTH).parts()
        await scanner(settings.scanner).probe()
        logs.log("checked", **found)
        if set(found.values()) != {"ok"}:
            raise Unavailable("not everything that the settings name answers", "", ", ".join(found))
    finally:
        await parts.close()


if __name__ == "__main__":
    sys.exit(main())
