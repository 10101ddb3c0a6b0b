"""`tre portal`: the airlock on this machine, with nothing around it, to try it and to develop against it."""

from __future__ import annotations

import gc
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

from tre import console, paths
from tre.cli.consent import consent
from tre.cli.sites import json_option, yes_option
from tre.errors import InvalidInput, Problem, TreError, failure

if TYPE_CHECKING:
    from portal.embedded import Laptop

_NAME: Final = "airlock-laptop"
_LOG: Final = "airlock.log"
_LARGEST_LOG: Final = 16 << 20

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where everything is kept; without it, `airlock-laptop` in the state folder.",
)


@click.group(name="portal")
def command() -> None:
    """Run the airlock on this machine alone, to try it."""


@command.command()
@folder_option
@click.option(
    "--port",
    type=click.IntRange(1, 65534),
    default=8420,
    show_default=True,
    help="The outside door's; the inside door has the next one.",
)
@click.option(
    "--scanner", default="", metavar="unix:/path|tcp:host:port", help="A clamd, to look for malware."
)
@click.option("--reset", is_flag=True, help="Erase what is there, and begin anew.")
@yes_option
@json_option
def serve(folder: Path | None, port: int, scanner: str, reset: bool, yes: bool, as_json: bool) -> None:
    """Run both doors and the worker on this machine until Ctrl-C. Killed, the same command goes on.

    Made-up people can sign in; the file that says how is named at the start, and is yours alone.

    \b
    Example:
      tre portal serve --port 8420
    """
    place = _folder(folder)
    _need_portal()
    gc.disable()  # Nothing that is imported is garbage; looking for it takes a sixth of the start.
    from pydantic import ValidationError

    from portal.domain.errors import AirlockError
    from portal.embedded import Laptop

    laptop = Laptop(place, port, scanner)
    if reset:
        _reset(laptop, yes)
    try:
        _free(port)
        _run(laptop, as_json)
    except ValidationError as error:
        raise InvalidInput(Problem("--scanner", str(error.errors()[0]["msg"]))) from error
    except AirlockError as error:
        raise TreError(Problem(error.where or "portal", error.what, error.remedy)) from error


@command.command()
@folder_option
@click.argument("name")
@json_option
def code(folder: Path | None, name: str, as_json: bool) -> None:
    """Print the one-time code of NAME, one of the made-up people, as a phone would show it."""
    _need_portal()
    from portal.domain.clock import now
    from portal.domain.errors import AirlockError
    from portal.embedded import Laptop
    from portal.sign_in.demo import current_code

    try:
        found = current_code(Laptop(_folder(folder)).accounts, name, now)
    except AirlockError as error:
        raise failure(
            error.where or name, error.what, error.remedy or "Run tre portal serve first."
        ) from error
    if as_json:
        console.emit("portal-code", {"name": name, "code": found})
        return
    click.echo(found)


def _folder(given: Path | None) -> Path:
    if given:
        return given.absolute()
    return paths.private_folder(paths.state_folder()) / _NAME


def _need_portal() -> None:
    """Check that the portal's own packages are installed: they come with the extra `portal`."""
    import importlib.util

    if missing := [name for name in ("fastapi", "sqlalchemy") if not importlib.util.find_spec(name)]:
        remedy = "Install the project with its extra `portal`."
        raise failure("tre portal", f"{', '.join(missing)} not installed", remedy)


def _reset(laptop: Laptop, yes: bool) -> None:
    if not laptop.folder.exists():
        return
    consent(
        f"Erase {laptop.folder} with every request, file and account in it?", yes, where="tre portal serve"
    )
    try:
        laptop.erase()
    except FileNotFoundError:
        problem = "is no folder of tre portal serve, so nothing in it is erased"
        raise failure(str(laptop.folder), problem, "Name another folder.") from None
    console.say(f"Erased {laptop.folder}.")


def _free(port: int) -> None:
    """Say early and plainly that a port is taken: before accounts are made or a database is opened."""
    for each in (port, port + 1):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", each))
            except OSError:
                remedy = "End what uses it, or take another with --port."
                raise failure(f"127.0.0.1:{each}", f"port {each} is taken", remedy) from None


def _run(laptop: Laptop, as_json: bool) -> None:
    from portal.serving import run
    from portal.settings import RunAs

    settings = laptop.prepared()
    with _log(laptop.folder / _LOG) as log:
        run(settings, RunAs.BOTH, lambda: _tell(laptop, as_json), log)
    console.say("The airlock has stopped; the same command goes on with it.")


def _log(file: Path) -> TextIO:
    if file.exists() and file.stat().st_size > _LARGEST_LOG:
        file.replace(file.with_suffix(".log.1"))
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", buffering=1)


def _tell(laptop: Laptop, as_json: bool) -> None:
    if as_json:
        document = {
            "outside": laptop.outside,
            "inside": laptop.inside,
            "folder": str(laptop.folder),
            "sign_in": str(laptop.sheet),
            "process": os.getpid(),
        }
        console.emit("portal", document)
        sys.stdout.flush()
    console.say(f"The airlock runs. Open {laptop.outside}")
    console.say(f"  who can sign in   {laptop.sheet} (yours alone)")
    console.say(f"  the inside door   {laptop.inside}, as from a workspace: {laptop.workload_file('demo')}")
    console.say(f"  kept in           {laptop.folder}")
    if not laptop.scanner:
        console.warn(
            "no scanner is set (--scanner): files are not looked at for malware, and their checks say so."
        )
    console.say("Ctrl-C stops it.")
