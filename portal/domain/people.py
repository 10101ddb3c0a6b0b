"""Who is asking: a person with roles in projects, as a token says and nobody else.

Groups are those that the deployer makes: `tre:<site>:<project>:<role>`, and `tre:<site>:site:<role>` for the site's
own staff. A group of another site or of no known role gives nothing.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

SITE: Final = "site"
"""The scope of the site's own staff; no project has this name."""


class Role(enum.StrEnum):
    """SATRE's roles, where the airlock knows them."""

    DATA_ANALYST = "data-analyst"
    OUTPUT_CHECKER = "output-checker"
    INFORMATION_ASSET_OWNER = "information-asset-owner"
    DATA_STEWARD = "data-steward"
    PROJECT_MANAGER = "project-manager"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class Door(enum.StrEnum):
    """Through which door a person asks: workspaces reach the inside one alone, staff the outside one alone."""

    INSIDE = "inside"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class Grant:
    """One role in one project, or in `site`."""

    project: str
    role: Role


@dataclass(frozen=True)
class Person:
    """One named person. `subject` is what the issuer calls them for ever, `name` their sign-in name.

    `bound_to` is the one project that a workspace speaks for; empty at the outside door.
    """

    subject: str
    name: str
    full_name: str = ""
    email: str = ""
    grants: frozenset[Grant] = frozenset()
    door: Door = Door.OUTSIDE
    bound_to: str = ""
    signed_in: datetime.datetime | None = field(default=None, compare=False)

    def roles(self, project: str) -> frozenset[Role]:
        """Return the person's roles in a project; the site's auditors and operators have theirs in every one.

        At the inside door a person has the roles of the workspace's own project alone.
        """
        if self.bound_to and project != self.bound_to:
            return frozenset()
        return frozenset(g.role for g in self.grants if g.project == project != SITE) | self.site_wide

    def projects(self) -> frozenset[str]:
        """Return the projects in which the person has a role of their own."""
        named = {grant.project for grant in self.grants if grant.project != SITE}
        return frozenset({self.bound_to} & named if self.bound_to else named)

    @property
    def site_wide(self) -> frozenset[Role]:
        """Return the roles that the person has in every project."""
        if self.bound_to:
            return frozenset()
        return frozenset(g.role for g in self.grants if g.project == SITE and g.role in _SITE_WIDE)


_SITE_WIDE: Final = frozenset({Role.AUDITOR, Role.OPERATOR})
_PARTS: Final = 4


def grants(site: str, groups: Iterable[str]) -> frozenset[Grant]:
    """Return what a token's groups grant at this site; a group that it does not know grants nothing."""
    return frozenset(filter(None, (_grant(site, group) for group in groups)))


def _grant(site: str, group: str) -> Grant | None:
    parts = group.split(":")
    if len(parts) != _PARTS or parts[:2] != ["tre", site] or not parts[2]:
        return None
    try:
        return Grant(parts[2], Role(parts[3]))
    except ValueError:
        return None
