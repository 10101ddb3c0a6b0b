"""Signing in and out at a door, and what every command that asks a door takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tre import console
from tre.airlock import asking, sessions, signing_in
from tre.airlock import door as doors
from tre.airlock.door import clean
from tre.cli.sites import json_option
from tre.errors import InvalidInput, Problem, Refused, TreError

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

door_option = click.option(
    "--door",
    "address",
    envvar="TRE_AIRLOCK",
    default="http://127.0.0.1:8420",
    show_default=True,
    show_envvar=True,
    help="The door's address.",
)


def common(function: FunctionT) -> FunctionT:
    """Add `--door` and `--json` to a command."""
    return door_option(json_option(function))


@click.command("sign-in")
@common
@click.option("--name", default="", help="Your name, where the door has accounts of its own.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True), help="Holds the password.")
@click.option("--code", default="", help="The one-time code.")
@click.option("--pass-file", type=click.Path(path_type=Path, exists=True), help="Holds a workspace pass.")
@click.option(
    "--workload-file",
    type=click.Path(path_type=Path, exists=True),
    envvar="TRE_WORKLOAD_TOKEN_FILE",
    show_envvar=True,
    help="Holds the workspace's own token (inside a workspace).",
)
def sign_in(
    address: str,
    as_json: bool,
    name: str,
    password_file: Path | None,
    code: str,
    pass_file: Path | None,
    workload_file: Path | None,
) -> None:
    """Sign in at a door. In a workspace, with a pass made at the outside door."""

    given = signing_in.Given(name, password_file, code, pass_file, workload_file)
    session = signing_in.sign_in(address, given, _prompt, console.say)
    sessions.keep(session)
    if as_json:
        console.emit(
            "airlock-session",
            {"door": session.door, "name": session.name, "expires_at": session.expires_at},
        )
    console.say(f"Signed in at {session.door}{' as ' + clean(session.name) if session.name else ''}.")


def _prompt(what: str, secret: bool) -> str:
    if not sys.stdin.isatty():
        problem = Problem(
            "sign-in", f"needs a {what}, and nobody is at a terminal", "See --help for options."
        )
        raise InvalidInput(problem)
    return str(click.prompt(what.capitalize(), hide_input=secret, err=True))


@click.command("sign-out")
@common
def sign_out(address: str, as_json: bool) -> None:
    """End the session at a door, there and here."""

    place = doors.origin(address)
    try:
        sessions.opened(place).call("DELETE", "/session")
    except Refused:
        console.say("Nobody was signed in.")
    except TreError as error:
        console.warn(f"The door was not told: {error}")
    sessions.forget(place)
    if as_json:
        console.emit("airlock-session", {"door": place, "name": "", "expires_at": ""})


@click.command("pass")
@common
@click.argument("project")
def make_pass(address: str, as_json: bool, project: str) -> None:
    """Make a workspace pass for PROJECT (outside door): it signs one workspace in, once."""
    made = asking.opened(address).post(f"/projects/{project}/passes")
    if as_json:
        console.emit("airlock-pass", made)
        return
    console.say(f"For {made['minutes']} minutes, once, in a workspace of {clean(made['project'])}:")
    click.echo(clean(made["pass"]))
