"""The list of projects and people, as the deployer wrote it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from portal.domain.errors import Invalid, Unavailable
from portal.domain.policy import Model, Project


class Named(Model):
    """One person of one project or of the site: `expires` is the last day on which `groups` count."""

    name: str = Field(pattern=r"^[a-z][a-z0-9._-]{0,63}$")
    email: str = ""
    full_name: str = ""
    groups: tuple[str, ...]
    expires: datetime.date


class Scope(Model):
    """One project with its people; the site's own staff have no project."""

    project: Project | None = None
    people: tuple[Named, ...] = ()


class Listing(Model):
    """Every scope that the airlock knows of."""

    scopes: tuple[Scope, ...]

    def projects(self) -> dict[str, Project]:
        """Return the projects by name."""
        return {scope.project.name: scope.project for scope in self.scopes if scope.project}


@dataclass(frozen=True)
class Account:
    """One person over all scopes. `last_day` is the last on which any group counts."""

    name: str
    email: str
    full_name: str
    groups: frozenset[str]
    last_day: datetime.date


def read(file: Path) -> Listing | None:
    """Return the list, or None where it has not been written yet.

    Raises:
        Invalid: it is not a list of this form. Nothing may be concluded from it.
        Unavailable: it cannot be read.
    """
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"the list of people cannot be read: {error.strerror}", "", str(file)) from None
    try:
        return Listing.model_validate_json(text)
    except ValidationError as error:
        what = f"the list of people has {error.error_count()} faults"
        raise Invalid(what, "Deploy the site and its projects again.", str(file)) from None


def accounts(listing: Listing, today: datetime.date) -> dict[str, Account]:
    """Return each person who is listed, with the groups that count today."""
    found: dict[str, Account] = {}
    for named in _people(listing):
        groups = frozenset(named.groups) if named.expires >= today else frozenset[str]()
        had = found.get(named.name)
        found[named.name] = Account(
            named.name,
            named.email,
            named.full_name or (had.full_name if had else ""),
            groups | had.groups if had else groups,
            max(named.expires, had.last_day) if had else named.expires,
        )
    return found


def _people(listing: Listing) -> Iterable[Named]:
    return (named for scope in listing.scopes for named in scope.people)
