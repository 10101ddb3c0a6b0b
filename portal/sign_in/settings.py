"""What a site says about sign-in. Secrets are never here: only the files that hold them."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from portal.domain.policy import Model

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "Ed25519",
    "EdDSA",
)
"""Signatures by key pairs alone: with none of these can a public key be taken for a shared secret."""
Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519", "EdDSA"
]


def loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(text: str) -> str:
    """Return an address over which secrets may go: https, or http to this machine itself.

    Raises:
        ValueError: it is neither, or holds a password or a fragment.
    """
    parts = urlsplit(text)
    plain = parts.scheme == "http" and loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise ValueError("an address begins with https://, or http:// on this machine itself")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("an address holds neither a name, a password nor a fragment")
    return text


class SecondFactor(Model):
    """What a token must show of how the person signed in: one of these `amr` values (RFC 8176) or `acr` values."""

    required: bool = True
    amr: frozenset[str] = frozenset({"mfa", "otp", "hwk"})
    acr: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _can_be_met(self) -> SecondFactor:
        if self.required and not self.amr | self.acr:
            raise ValueError("a second factor is required and no value of amr or acr is accepted")
        return self


class OidcSettings(Model):
    """Sign-in by an OpenID Connect issuer: code flow for browsers, access tokens for programs."""

    kind: Literal["issuer"] = "issuer"
    issuer: str = Field(description="Exactly as the issuer calls itself in its tokens.")
    discovery: str = Field(
        default="", description="Where its description is read, if not below the issuer's own address."
    )
    ca_file: Path | None = Field(default=None, description="Certificates that vouch for the issuer alone.")
    client_id: str = Field(min_length=1)
    client_secret_file: Path | None = Field(default=None, description="None: a public client, held by PKCE.")
    cookie_key_file: Path = Field(description="At least 32 random bytes that all replicas of the door share.")
    audience: str = Field(min_length=1, description="What an access token for the portal's API is made for.")
    accepted_clients: frozenset[str] = Field(
        default=frozenset(), description="Clients whose access tokens the API takes; none given: any."
    )
    typed_tokens: bool = Field(
        default=True,
        description="Access tokens must call themselves so (RFC 9068 `at+jwt`, or claim `typ: Bearer`).",
    )
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: tuple[str, ...] = Field(default=("groups",), min_length=1, description="A path of keys.")
    expires_claim: tuple[str, ...] = Field(
        default=(), description="Path to the day an account ends, if told."
    )
    second_factor: SecondFactor = SecondFactor()
    prompt: Literal["", "login"] = Field(
        default="",
        description="`login`: each sign-in asks for both factors, whoever is still signed in there.",
    )
    algorithms: frozenset[Algorithm] = frozenset({"RS256", "PS256", "ES256", "Ed25519", "EdDSA"})
    leeway: int = Field(default=60, ge=0, le=300, description="Seconds by which clocks may differ.")

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        return address(value)

    @field_validator("discovery")
    @classmethod
    def _discovery(cls, value: str) -> str:
        return address(value) if value else value

    @model_validator(mode="after")
    def _audience_of_its_own(self) -> OidcSettings:
        if self.audience == self.client_id:
            raise ValueError(
                "audience must differ from client_id: else an ID token passes for an access token"
            )
        return self


class LocalSettings(Model):
    """Accounts in a file, for a laptop."""

    kind: Literal["accounts"] = "accounts"
    accounts_file: Path


class WorkloadSettings(Model):
    """Tokens that the cluster's own issuer gives to workspaces. One of `jwks_url` and `jwks_file` is set."""

    kind: Literal["issuer"] = "issuer"
    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1, description="The inside door's own; no other service takes it.")
    jwks_url: str = ""
    jwks_file: Path | None = None
    ca_file: Path | None = Field(default=None, description="Certificates that vouch for `jwks_url` alone.")
    token_file: Path | None = Field(default=None, description="What the door shows when it asks `jwks_url`.")
    namespace_claim: tuple[str, ...] = Field(
        min_length=1, description="Path of keys to the workload's namespace."
    )
    namespace_pattern: str = Field(
        description="Regular expression of a whole namespace with a group `project`."
    )
    algorithms: frozenset[Algorithm] = frozenset({"RS256", "ES256", "Ed25519", "EdDSA"})
    leeway: int = Field(default=60, ge=0, le=300)

    @field_validator("jwks_url")
    @classmethod
    def _jwks_url(cls, value: str) -> str:
        return address(value) if value else value

    @field_validator("namespace_pattern")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            groups = re.compile(value).groupindex
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if "project" not in groups:
            raise ValueError("the pattern names no group (?P<project>...)")
        return value

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> WorkloadSettings:
        if bool(self.jwks_url) == bool(self.jwks_file):
            raise ValueError("set one of jwks_url and jwks_file")
        return self


class SecretSettings(Model):
    """A laptop's stand-in for workload tokens: for each project a file (0600) with a random secret."""

    kind: Literal["secrets"] = "secrets"
    files: Mapping[str, Path] = Field(min_length=1)


class SessionSettings(Model):
    """How long who signed in stays so, and the cookie that says it."""

    idle_minutes: int = Field(default=30, ge=1)
    absolute_minutes: int = Field(default=12 * 60, ge=1)
    inside_minutes: int = Field(default=8 * 60, ge=1, description="Absolute limit at the inside door.")
    pass_minutes: int = Field(default=10, ge=1, le=60)
    cookie: str = Field(default="tre", pattern=r"^[a-z][a-z0-9-]{0,30}$")
    secure: bool = Field(default=True, description="False for http on this machine itself, and nowhere else.")

    @property
    def cookie_name(self) -> str:
        """Return the cookie's whole name; `__Host-` makes browsers hold it to this host and to https."""
        return f"__Host-{self.cookie}" if self.secure else self.cookie

    @property
    def idle(self) -> datetime.timedelta:
        """Return after how long without a request a session ends."""
        return datetime.timedelta(minutes=self.idle_minutes)


OutsideSettings = Annotated[OidcSettings | LocalSettings, Field(discriminator="kind")]
"""How people sign in at the outside door."""
InsideSettings = Annotated[WorkloadSettings | SecretSettings, Field(discriminator="kind")]
"""How the inside door knows a workspace."""


def claim(claims: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """Return what stands at a path of keys in a token's claims, or None."""
    found: Any = claims
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return found  # pyright: ignore[reportUnknownVariableType]
