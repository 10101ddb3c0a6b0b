"""A site: one TRE, where it runs, who runs it, and what its projects start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import Field, model_validator

from components.model import Day, Model, Target
from tre.model.tiers import Clipboard, Encryption, Packages, Review
from tre.model.words import (
    Certificate,
    Claim,
    Email,
    Host,
    Image,
    Issuer,
    Level,
    Line,
    Name,
    Network,
    PersonName,
    Port,
    PromiseName,
    SiteName,
    WebAddress,
    problem,
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
    client: Line = Field(
        default="tre-portal", description="The airlock's client at an existing issuer (code flow with PKCE)."
    )
    client_secret_file: Line | None = Field(
        default=None, description="File (mode 600) with that client's secret; none: a public client."
    )
    command_line_client: Line = Field(
        default="tre-command-line",
        description="The command line's public client at an existing issuer (device flow).",
    )
    authority: Certificate | None = Field(
        default=None,
        description="Certificates (PEM) that vouch for an existing issuer; none: the public authorities.",
    )
    groups_claim: Claim = Field(
        default="groups",
        description="Where an existing issuer's tokens name a person's groups: keys, joined by dots.",
    )
    second_factor: tuple[Line, ...] = Field(
        default=("mfa", "otp", "hwk"),
        max_length=20,
        description="Values of `amr` or `acr` by which an existing issuer's tokens show a second factor.",
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


class Receiver(Model):
    """A server of the institution's that the airlock sends to."""

    authority: Certificate | None = Field(
        default=None,
        description="Certificates (PEM) that vouch for the server; none: the public authorities.",
    )
    networks: tuple[Network, ...] = Field(
        default=(), max_length=20, description="Networks (CIDR) that the server is in; none: anywhere."
    )


class MailSettings(Receiver):
    """The mail server that takes the airlock's notices, which hold no content."""

    server: Host = Field(description="The server's name.")
    port: Port = Field(default=587, description="The server's port.")
    sender: Email = Field(description="Whom the mail comes from.")
    encryption: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the connection is encrypted: after STARTTLS, from the first byte, or not.",
    )
    user: Line | None = Field(default=None, description="Sign-in name, where the server asks for one.")
    password_file: Line | None = Field(default=None, description="File (mode 600) with the password.")

    @model_validator(mode="after")
    def _sends_no_password_in_clear(self) -> MailSettings:
        if bool(self.user) != bool(self.password_file):
            raise problem(
                "a user and a password belong together", "Give both user and password_file, or neither."
            )
        if self.user and self.encryption == "none":
            raise problem(
                "a password would go over the network in clear", "Set encryption to starttls or tls."
            )
        return self


class WebhookSettings(Receiver):
    """The web address that takes the airlock's notices, which hold no content."""

    address: WebAddress = Field(description="Where notices are posted as JSON.")
    secret_file: Line = Field(description="File (mode 600) with the secret by which each notice is signed.")


class NoticeSettings(Model):
    """Where the airlock says that a request moved."""

    mail: MailSettings | None = Field(default=None, description="By mail, to those whom it concerns.")
    webhook: WebhookSettings | None = Field(default=None, description="By web request, to a system of yours.")


class TelemetrySettings(Receiver):
    """The collector that takes the outside door's traces and metrics, which name no person and hold no content."""

    address: WebAddress = Field(description="Where OpenTelemetry data go, by OTLP over HTTP.")


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
    notices: NoticeSettings = Field(
        default=NoticeSettings(),
        description="Where the airlock says that a request moved; never what is in it.",
    )
    telemetry: TelemetrySettings | None = Field(
        default=None, description="Where the outside door's traces and metrics go; none: nowhere."
    )


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
