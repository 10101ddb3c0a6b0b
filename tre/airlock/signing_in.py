"""Signing in at a door, in whichever way the door takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tre.airlock import device
from tre.airlock.door import Door, DoorError, origin
from tre.airlock.session import Session
from tre.errors import InvalidInput, Problem

_NOT_THIS_WAY: Final = 405
Ask = Callable[[str, bool], str]
"""Asks a person for something by its name, hidden where it is a secret."""


@dataclass(frozen=True)
class Given:
    """What was given beforehand; the rest is asked for."""

    name: str = ""
    password_file: Path | None = None
    code: str = ""
    pass_file: Path | None = None
    workload_file: Path | None = None


def sign_in(address: str, given: Given, ask: Ask, say: Callable[[str], None]) -> Session:
    """Return a session at the door of this address.

    Raises:
        TreError: the door or its issuer said no, or does not answer.
    """
    place = origin(address)
    how = _how(Door(place))
    if how is None:
        return _inside(place, given, ask)
    if how["kind"] == "accounts":
        return _with_password(place, given, ask)
    return device.sign_in(place, str(how["issuer"]), str(how["client_id"]), how["scopes"], _teller(say))


def _how(door: Door) -> Mapping[str, Any] | None:
    """Return how the outside door signs people in, or nothing for the inside door, which takes passes alone."""
    try:
        how: Mapping[str, Any] = door.get("/sign-in")
    except DoorError as error:
        if error.status == _NOT_THIS_WAY:
            return None
        raise
    return how


def _teller(say: Callable[[str], None]) -> Callable[[str, str], None]:
    return lambda address, code: say(
        f"Open {address} in a browser, on any device, and confirm the code {code}."
    )


def _with_password(place: str, given: Given, ask: Ask) -> Session:
    name = given.name or ask("name", False)
    password = given.password_file.read_text().strip() if given.password_file else ask("password", True)
    code = given.code or ask("one-time code", False)
    made = Door(place).post("/sign-in", {"name": name, "password": password, "code": code})
    return Session(place, str(made["name"]), str(made["token"]), str(made["expires_at"]))


def _inside(place: str, given: Given, ask: Ask) -> Session:
    if given.workload_file is None:
        problem = Problem(
            place, "this is an inside door, which wants a workload token", "Add --workload-file."
        )
        raise InvalidInput(problem)
    workload = given.workload_file.absolute()
    text = given.pass_file.read_text().strip() if given.pass_file else ask("workspace pass", True)
    door = Door(place, lambda: {"Tre-Workload": workload.read_text().strip()})
    made = door.post("/sign-in", {"pass": text})
    return Session(
        place, str(made["name"]), str(made["token"]), str(made["expires_at"]), workload_file=str(workload)
    )
