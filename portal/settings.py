"""How one airlock is set up: one file (JSON or YAML), named by `TRE_PORTAL_SETTINGS`, read once at start.

No secret stands in the file: it names the files in which secrets are, and those are read when they are needed.
"""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, ValidationError, field_validator

from portal.domain.errors import Invalid
from portal.domain.people import Door
from portal.domain.policy import Model, Project
from portal.sign_in.files import read_secret
from portal.sign_in.settings import InsideSettings, OutsideSettings, SessionSettings
from portal.store.places import INSIDE, OUTSIDE, WORKER, Area, Mode, Place

VARIABLE: Final = "TRE_PORTAL_SETTINGS"
_PORT: Final = r"^(unix:/.+|tcp:[^:/]+:[0-9]{1,5})?$"
Port = Annotated[int, Field(ge=0, le=65535)]


class RunAs(enum.StrEnum):
    """What a process is. `both` is a laptop's: both doors and the worker, each with rights of its own."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    WORKER = "worker"
    BOTH = "both"


class DatabasePlace(Model):
    """Where the database is. A password never stands in the address; it is read from a file."""

    url: str = Field(description="`sqlite:///path` or `postgresql+psycopg://user@host/name`.")
    password_file: Path | None = None
    role_password_files: dict[str, Path] = Field(
        default={}, description="For `migrate`: the password that each part's role gets."
    )
    ca_file: Path | None = Field(
        default=None, description="Whom to trust; given, the server must prove who it is."
    )

    @field_validator("url")
    @classmethod
    def _no_password(cls, url: str) -> str:
        if urlsplit(url).password:
            raise ValueError("the address holds a password; put it into a file and name it in password_file")
        return url

    def address(self) -> str:
        """Return the whole address, with the secret: never to be shown."""
        parts = urlsplit(self.url)
        if self.password_file is None:
            return self._with_trust(self.url)
        user, _, host = parts.netloc.rpartition("@")
        password = quote(secret(self.password_file), safe="")
        return self._with_trust(urlunsplit(parts._replace(netloc=f"{user}:{password}@{host}")))

    def _with_trust(self, address: str) -> str:
        if self.ca_file is None:
            return address
        joint = "&" if "?" in address else "?"
        return f"{address}{joint}sslmode=verify-full&sslrootcert={quote(str(self.ca_file))}"


class AreaPlace(Model):
    """Where one area is. A role does there what `portal.store.places` allows it, or less, if `mode` says less."""

    address: str
    mode: Mode | None = None
    options: dict[str, str] = Field(default={}, description="Plain options of the store: region, endpoint.")
    secrets: dict[str, Path] = Field(default={}, description="Options that are secret, each in its file.")
    sole: bool = Field(default=False, description="No process of another airlock writes there.")

    def place(self, allowed: Mode) -> Place:
        """Return the area for a role that may do `allowed` there."""
        mode = (
            allowed if self.mode in {None, Mode.BOTH} or allowed is self.mode else _less(allowed, self.mode)
        )
        return Place(self.address, mode, self.options, self.secrets, self.sole)


def _less(allowed: Mode, wanted: Mode | None) -> Mode:
    return (wanted or Mode.NONE) if allowed is Mode.BOTH else Mode.NONE


class DoorPlace(Model):
    """Where one door listens, and under which address people know it."""

    address: str = Field(
        description="The door's origin as people see it, such as `https://airlock.example.org`."
    )
    host: str = "127.0.0.1"
    port: Port = 8080
    hosts: frozenset[str] = Field(
        default=frozenset(), description="Other names under which the door may be asked."
    )
    certificate: Path | None = None
    key: Path | None = None
    proxies: frozenset[str] = Field(
        default=frozenset(), description="Addresses whose word on the caller's address is taken."
    )

    @field_validator("address")
    @classmethod
    def _origin(cls, address: str) -> str:
        parts = urlsplit(address)
        bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not bare:
            raise ValueError("an origin is http:// or https:// and a host, and nothing after it")
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def secure(self) -> bool:
        """Tell whether people reach the door through TLS."""
        return self.address.startswith("https:")

    def names(self) -> frozenset[str]:
        """Return every `Host` under which the door answers, in lower case."""
        return frozenset({urlsplit(self.address).netloc.lower(), *(name.lower() for name in self.hosts)})


class SignInPlace(Model):
    """How people sign in at either door, and how long they stay so."""

    outside: OutsideSettings | None = None
    inside: InsideSettings | None = None
    sessions: SessionSettings = SessionSettings()
    device_client_id: str = Field(
        default="", description="The issuer's public client for the command line (RFC 8628)."
    )


class Mail(Model):
    """Where notices go by mail. No notice holds content."""

    host: str
    port: Port = 587
    sender: str
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = Field(default=None, description="Certificates that vouch for the server alone.")
    link: str = Field(default="", description="The portal's address, where this process has no outside door.")


class Webhook(Model):
    """Where notices go over HTTP, signed with a secret."""

    address: str
    secret_file: Path
    ca_file: Path | None = Field(default=None, description="Certificates that vouch for the address alone.")


class Rate(Model):
    """A token bucket: so many calls at once, refilled at so many a second."""

    burst: int = Field(ge=1)
    each_second: float = Field(gt=0)


class Rates(Model):
    """How often one may ask. Counted in each process: two replicas allow twice as much."""

    person: Rate = Rate(burst=2000, each_second=200)
    address: Rate = Rate(burst=4000, each_second=400)
    sign_in: Rate = Rate(burst=20, each_second=0.2)
    """For each address, on what tells a password, code or pass."""


class Bodies(Model):
    """How much one call may send, and how slowly. Bytes and seconds."""

    document: int = Field(default=4 << 20, ge=1024, description="Bytes of a JSON body or form.")
    part: int = Field(default=64 << 30, ge=1024, description="Bytes of one part of a file.")
    patience: float = Field(
        default=30, gt=0, description="Seconds without a byte, after which a body is given up."
    )
    slowest: int = Field(
        default=1024, ge=0, description="Bytes a second that a body must bring, after `patience`."
    )


class TelemetryPlace(Model):
    """Where traces and metrics go (OTLP over HTTP); empty: nowhere."""

    endpoint: str = ""
    ca_file: Path | None = Field(default=None, description="Certificates that vouch for the endpoint alone.")
    metrics_every: float = Field(default=15, gt=0, description="Seconds.")


class Settings(Model):
    """One airlock, as one of its processes sees it."""

    site: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    title: str = Field(default="", max_length=200)
    database: DatabasePlace
    areas: dict[Area, AreaPlace]
    outside: DoorPlace | None = None
    inside: DoorPlace | None = None
    sign_in: SignInPlace = SignInPlace()
    scanner: str = Field(default="", pattern=_PORT, description="`tcp:host:port` or `unix:/path` of clamd.")
    signing_key_file: Path | None = Field(
        default=None, description="Signs the record; the worker alone has it."
    )
    mail: Mail | None = None
    webhook: Webhook | None = None
    projects: tuple[Project, ...] = Field(default=(), description="Registered at start: a laptop's own.")
    projects_file: Path | None = Field(
        default=None,
        description="The deployer's list of projects, registered by `python -m portal register`.",
    )
    migrate: bool = Field(
        default=False, description="Bring the database up to date at start: a laptop's own."
    )
    rates: Rates = Rates()
    bodies: Bodies = Bodies()
    telemetry: TelemetryPlace = TelemetryPlace()
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def places(self, role: RunAs) -> dict[Area, Place]:
        """Return where the areas are, narrowed to what a role may do."""
        modes = {RunAs.INSIDE: INSIDE, RunAs.OUTSIDE: OUTSIDE}.get(role, WORKER)
        return {
            area: place.place(modes[area]) for area, place in self.areas.items() if modes[area] != Mode.NONE
        }

    def door(self, door: Door) -> DoorPlace:
        """Return where a door is.

        Raises:
            Invalid: the settings do not set it up.
        """
        place = self.outside if door is Door.OUTSIDE else self.inside
        if place is None:
            raise Invalid(f"the settings say nothing of the {door} door", f"Add `{door}` to them.", door)
        return place


def read(file: Path | None = None) -> Settings:
    """Read the settings from a file, or from the one that `TRE_PORTAL_SETTINGS` names.

    Raises:
        Invalid: there is no such file, or it is not settings; says where and why.
    """
    named = file or _named()
    try:
        text = named.read_text()
    except OSError as error:
        raise Invalid(f"cannot be read: {error.strerror}", "Name another file.", str(named)) from None
    try:
        return Settings.model_validate(_parsed(text, named))
    except ValidationError as error:
        raise Invalid(_told(error), "Correct the file.", str(named)) from None


def _named() -> Path:
    name = os.environ.get(VARIABLE, "")
    if not name:
        raise Invalid("no settings are named", f"Set {VARIABLE} to their file.", VARIABLE)
    return Path(name)


def _parsed(text: str, file: Path) -> Any:
    import yaml  # JSON is YAML; only read here, so that nothing else waits for it

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Invalid(f"is neither JSON nor YAML: {error}", "Correct the file.", str(file)) from None


def _told(error: ValidationError) -> str:
    # Without the input: somebody may have written a secret where none belongs.
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}"
        for each in error.errors(include_input=False, include_url=False)
    )


def secret(file: Path) -> str:
    """Return the secret in a file, without the line's end.

    Raises:
        Unavailable: it cannot be read, is empty, or everybody on the machine can read it.
    """
    return read_secret(file).decode()
