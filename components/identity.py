"""Who may come in: the named people of a site or of one project, grouped by role."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic

import pulumi

from components.contract import Component, Model, Promise, Spec, TargetT, promises
from components.model import Role as Role

PROMISES = promises(
    "identity",
    {
        "named-people-only": (
            "Every account belongs to one named person; no group is open to all.",
            "1.5.06 3.2.01 3.2.02",
        ),
        "multi-factor": ("Nobody signs in with one factor alone.", "3.2.04"),
        "need-to-know": (
            "A person reaches the projects they are named in and nothing else.",
            "1.5.03 3.2.03",
        ),
        "access-expires": ("Access ends when the approval or the person's term ends.", "1.4.02"),
        "duties-separated": ("No one both analyses and checks outputs in one project.", "3.3.05 1.5.03"),
        "no-standing-admin": (
            "No person holds administrator rights in between interventions.",
            "1.5.03 1.5.05",
        ),
    },
)


class Person(Model):
    """One named person: `name` is their sign-in name at the issuer."""

    name: str
    email: str
    full_name: str = ""
    roles: tuple[Role, ...]
    expires: datetime.date


class SignIn(Model):
    """How people sign in. `networks` (CIDR) limits where from; empty means anywhere."""

    issuer: str
    multi_factor: bool = True
    networks: tuple[str, ...] = ()


class IdentitySpec(Spec):
    """The people of a scope. `expires` is the day the scope's own approval ends.

    `keeper_image` runs what ends access and stops compute on time, where a backend needs a process for that.
    """

    people: tuple[Person, ...]
    sign_in: SignIn
    expires: datetime.date
    keeper_image: str = ""


@dataclass(frozen=True)
class IdentityOutputs:
    """`issuer` is the OIDC issuer's address; `groups` maps each role in use to its group's name."""

    issuer: pulumi.Input[str]
    groups: pulumi.Input[dict[str, str]]


class Identity(Component[IdentitySpec, TargetT, IdentityOutputs], Generic[TargetT]):
    """The people of one scope, as groups with the least rights their roles need."""

    KIND: ClassVar = "Identity"
    PROMISES: ClassVar[Mapping[str, Promise]] = PROMISES
