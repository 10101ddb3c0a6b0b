"""Who may come in: the named people of a site or of one project, grouped by role."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Generic

import pulumi

from components.contract import Component, Model, Promise, Spec, TargetT, promises
from components.model import Role as Role
from components.secret_file import SecretFile

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


EMBEDDED: Final = "embedded"
"""The issuer that the TRE runs itself."""


class Person(Model):
    """One named person: `name` is their sign-in name at the issuer."""

    name: str
    email: str
    full_name: str = ""
    roles: tuple[Role, ...]
    expires: datetime.date


class SignIn(Model):
    """How people sign in. `networks` (CIDR) limits where from; empty means anywhere.

    The rest is about an institution's own issuer. `client` and `command_line_client` are the airlock's clients
    there, the first a confidential one where `client_secret` is given. `authority` (PEM) vouches for the issuer
    where no public authority does. `groups_claim` is the path of keys to a person's groups in a token, and
    `second_factor` the values of `amr` (RFC 8176) or `acr` that show one.
    """

    issuer: str
    multi_factor: bool = True
    networks: tuple[str, ...] = ()
    client: str = ""
    client_secret: SecretFile | None = None
    command_line_client: str = ""
    authority: str = ""
    groups_claim: tuple[str, ...] = ("groups",)
    second_factor: tuple[str, ...] = ()


class Passage(Model):
    """What a project's requests must meet at the airlock: the part of its rules that the deployer's files decide.

    `reviewers` is how many distinct people release an output; days are calendar days.
    """

    title: str = ""
    reviewers: int = 1
    review_days: int = 14
    pickup_days: int = 7
    retention_days: int = 30


class IdentitySpec(Spec):
    """The people of a scope. `expires` is the day the scope's own approval ends.

    `keeper_image` runs what ends access and stops compute on time, where a backend needs a process for that.
    `service_image` is the TRE's own sign-in service and `database_image` its database, where the issuer is
    `EMBEDDED`. `passage` is a project's; the site has none.
    """

    people: tuple[Person, ...]
    sign_in: SignIn
    expires: datetime.date
    keeper_image: str = ""
    service_image: str = ""
    database_image: str = ""
    passage: Passage | None = None


@dataclass(frozen=True)
class IdentityOutputs:
    """`issuer` is the OIDC issuer's address; `groups` maps each role in use to its group's name.

    `place` is where a backend keeps the list of people for the airlock. `access` is what the airlock needs to use
    the TRE's own sign-in service, its secrets among them; empty where the issuer is the institution's own.
    """

    issuer: pulumi.Input[str]
    groups: pulumi.Input[dict[str, str]]
    place: pulumi.Input[str] = ""
    access: pulumi.Input[dict[str, str]] = field(default_factory=dict[str, str])


class Identity(Component[IdentitySpec, TargetT, IdentityOutputs], Generic[TargetT]):
    """The people of one scope, as groups with the least rights their roles need."""

    KIND: ClassVar = "Identity"
    PROMISES: ClassVar[Mapping[str, Promise]] = PROMISES
