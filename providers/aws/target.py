"""Which account and region, and what the organisation brings. Needs no SDK and no account to check."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from components.model import Day, Target


def _like(pattern: str, meaning: str, good: str) -> AfterValidator:
    """Return a check whose message shows a good value, which a bare pattern does not."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} is not {meaning}, for example {good!r}")
        return value

    return AfterValidator(check)


def _private_range(value: str) -> str:
    good = "for example '10.96.0.0/20'"
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not an IPv4 range ({error}), {good}") from error
    if not network.is_private or not 16 <= network.prefixlen <= 22:
        raise ValueError(f"{value!r} is not a private range between /16 and /22, {good}")
    return value


Account = Annotated[str, _like(r"\d{12}", "an account number of 12 digits", "123456789012")]
Region = Annotated[
    str,
    _like(
        r"(?!cn-)[a-z]{2}(-[a-z]+)+-\d",
        "a region outside China, where the doors have other names",
        "eu-west-2",
    ),
]
Role = Annotated[
    str,
    _like(
        r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+",
        "a role",
        "arn:aws:iam::123456789012:role/tre-deployer",
    ),
]
Image = Annotated[str, _like(r"ami-([0-9a-f]{8}|[0-9a-f]{17})", "a machine image", "ami-0123456789abcdef0")]
KeyStore = Annotated[str, _like(r"|cks-[0-9a-f]{17}", "a custom key store of KMS", "cks-0123456789abcdef0")]
Email = Annotated[str, _like(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an address of mail", "tre@example.org")]
Network = Annotated[str, AfterValidator(_private_range)]


class AwsTarget(Target):
    """One account in one region."""

    backend: Literal["aws"]  # pyright: ignore[reportIncompatibleVariableOverride] # frozen: narrowing is safe
    account: Account
    """The account's number. Credentials of another account are refused before anything is made."""
    region: Region
    """Where everything is made, for example `eu-west-2`."""
    deployer: Role
    """The role that the deployer itself assumes. Key policies name it: a key that nobody may manage is lost."""
    machine_image: Image
    """The machines' approved image: Amazon Linux with the ECS agent and Mountpoint for Amazon S3."""
    contacts: Annotated[tuple[Email, ...], Field(min_length=1)]
    """Who is told that a budget is nearly spent."""
    spend_from: Day
    """The day from which spending counts, for example the site's first day."""
    zones: Annotated[tuple[Literal["a", "b", "c", "d", "e", "f"], ...], Field(min_length=2, max_length=3)] = (
        "a",
        "b",
    )
    """Availability zones: desktops and endpoints that outlive the loss of one need two."""
    network: Network = "10.96.0.0/20"
    """The IPv4 range of every project's network; all may have the same, because no two are ever joined."""
    key_store: KeyStore = ""
    """A custom key store on CloudHSM, for projects that ask for a key in hardware of their own."""
    rates: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict[str, float])
    """How many US dollars one unit of another currency costs: AWS keeps budgets in dollars."""
    desktop: Literal["none", "secure-browser"] = "none"
    """How people see their work: `secure-browser` is WorkSpaces Secure Browser, in the project's own network."""
    block_internet_account_wide: bool = False
    """Whether to switch on VPC Block Public Access, which bars the internet to every network of the region:
    only for an account that holds nothing but the TRE."""

    @model_validator(mode="after")
    def _deployer_is_of_the_account(self) -> AwsTarget:
        if f"::{self.account}:" not in self.deployer:
            raise ValueError(
                f"deployer {self.deployer!r} is not a role of account {self.account}, "
                f"for example 'arn:aws:iam::{self.account}:role/tre-deployer'"
            )
        return self


TARGET = AwsTarget
