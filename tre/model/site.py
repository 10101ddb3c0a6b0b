"""A site: one TRE, where it runs, who runs it, and what its projects start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import Field

from components.model import Day, Model, Target
from tre.model.tiers import Clipboard, Encryption, Packages, Review
from tre.model.words import (
    Email,
    Host,
    Image,
    Issuer,
    Level,
    Line,
    Name,
    Network,
    PersonName,
    PromiseName,
    SiteName,
)
from tre.registry import target_models

if TYPE_CHECKING:
    AnyTarget = Target
else:
    AnyTarget = Annotated[Union[tuple(target_models().values())], Field(discriminator="backend")]  # noqa: UP007

Days = Annotated[int, Field(ge=1, le=36_500)]
Gib = Annotated[int, Field(ge=1, le=1_000_000)]
Cores = Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]
Memory = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
SiteRole = Literal["operator", "auditor"]


class Size(Model):
    """One workspace."""

    cpu: Cores = Field(default=1, description="Cores.")
    memory_gib: Memory = Field(default=2, description="Memory in GiB.")
    gpu: Annotated[int, Field(ge=0, le=64)] = Field(default=0, description="GPU devices.")


class Quota(Model):
    """What a whole project may hold at once."""

    cpu: Cores = Field(default=2, description="Cores of all its workspaces and jobs together.")
    memory_gib: Memory = Field(default=4, description="Memory in GiB.")
    storage_gib: Gib = Field(default=20, description="Storage in GiB: inputs, working area and outbox.")
    machines: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=10, description="Pods or virtual machines."
    )


class Areas(Model):
    """The sizes of a project's three areas, in GiB."""

    inputs_gib: Gib = Field(default=1, description="Input data, which researchers read only.")
    working_gib: Gib = Field(default=5, description="The working area.")
    outbox_gib: Gib = Field(default=1, description="Results on their way to the airlock.")


class Settings(Model):
    """How workspaces are. What is unset comes from the site's defaults, and then from the tier."""

    image: Image | None = Field(
        default=None, description='The workspace image by digest, or "embedded" on the local cluster.'
    )
    size: Size | None = Field(default=None, description="The size of one workspace.")
    count: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="How many workspaces run side by side."
    )
    deadline_hours: Annotated[int, Field(ge=1, le=8760)] | None = Field(
        default=None, description="The longest that one computation may take."
    )
    clipboard: Clipboard | None = Field(
        default=None,
        description="Which way text may be copied between a person's own machine and a workspace.",
    )
    packages: Packages | None = Field(default=None, description="Where software packages may come from.")
    destinations: tuple[Host, ...] | None = Field(
        default=None, max_length=50, description="Hosts outside that a workspace may reach, at tiers 0 and 1."
    )
    sandboxed: bool | None = Field(
        default=None, description="Whether each workspace gets a kernel of its own."
    )
    encryption: Encryption | None = Field(default=None, description="How data at rest is encrypted.")


class Defaults(Settings):
    """What a project of this site starts from."""

    quota: Quota = Field(default=Quota(), description="What a whole project may hold at once.")
    storage: Areas = Field(default=Areas(), description="The sizes of a project's areas.")
    retention_days: Days = Field(default=365, description="How long data is kept after a project's end.")


class SignIn(Model):
    """How people sign in."""

    issuer: Issuer = Field(
        default="embedded",
        description="\"embedded\" for the TRE's own sign-in service, or an existing OpenID Connect issuer's address.",
    )
    multi_factor: bool = Field(default=True, description="Whether a second factor is asked for.")
    networks: tuple[Network, ...] = Field(
        default=(),
        max_length=200,
        description="Networks (CIDR) that people sign in from; needed from tier 3 on.",
    )
    longest_access_days: Days = Field(
        default=1830, description="How far ahead an approval or a person's access may end."
    )


class Contacts(Model):
    """Who answers for the site: mailboxes that several people read."""

    operator: Email = Field(description="Runs the TRE.")
    information_governance: Email = Field(description="Answers for what data is held and why.")
    security: Email = Field(description="Takes reports of incidents.")


class StaffMember(Model):
    """One named person who runs or audits the site."""

    name: PersonName = Field(description="Sign-in name at the issuer.")
    email: Email = Field(description="Where messages reach this person alone.")
    full_name: Line | None = Field(default=None, description="The name that others see.")
    roles: tuple[SiteRole, ...] = Field(description="What this person does for the site.")
    expires: Day = Field(description="The last day of this person's access.")


class AirlockSettings(Model):
    """How outputs are reviewed. What is unset comes from the tier."""

    image: Image = Field(
        default="embedded", description='The airlock\'s image by digest, or "embedded" on the local cluster.'
    )
    reviewers: Annotated[int, Field(ge=0, le=5)] | None = Field(
        default=None, description="How many distinct people release an output."
    )
    review: Review | None = Field(
        default=None, description="Where a reviewer sees an output: after download, or in the portal only."
    )
    review_days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=14, description="Days after which a request that nobody decided ends."
    )
    pickup_days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=7, description="Days for which a released output waits to be fetched."
    )
    record_retention_days: Days = Field(default=3650, description="How long the airlock's record is kept.")


class Site(Model):
    """One TRE."""

    version: Literal[1] = Field(description="The version of this file's format.")
    name: SiteName = Field(description="The site's name; also the file's: Pulumi.<name>.yaml.")
    title: Line = Field(description="What people call it.")
    tier: Level = Field(description="The highest tier of data that the site may hold, 0 to 4.")
    targets: dict[Name, AnyTarget] = Field(
        min_length=1, description="Where projects may run: named accounts, subscriptions or clusters."
    )
    target: Name | None = Field(
        default=None, description="The target of the site's own services, and of projects that name none."
    )
    identity: SignIn = Field(default=SignIn(), description="How people sign in.")
    defaults: Defaults = Field(default=Defaults(), description="What projects start from.")
    contacts: Contacts = Field(description="Who answers for the site.")
    people: tuple[StaffMember, ...] = Field(
        min_length=1, max_length=200, description="The people who run and audit the site."
    )
    airlock: AirlockSettings = Field(default=AirlockSettings(), description="How outputs are reviewed.")
    require: tuple[PromiseName, ...] = Field(
        default=(),
        max_length=200,
        description="Promises that must not be missing, even where a backend declares that it cannot keep them.",
    )

    @property
    def default_target(self) -> str:
        """The name of the target that the site's own services use: the named one, else the only one."""
        return self.target or next(iter(self.targets))
