"""Which subscription and region, and what the organisation brings. Needs no SDK and no account to check."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.model import Day, Target

_GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


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


_EXAMPLE = "00000000-0000-4000-8000-000000000000"
_GROUP = f"/subscriptions/{_EXAMPLE}/resourceGroups/tre-shared/providers"
Subscription = Annotated[str, _like(_GUID, "a subscription's id in lower case", _EXAMPLE)]
Tenant = Annotated[str, _like(_GUID, "a tenant's id in lower case", _EXAMPLE)]
Region = Annotated[str, _like(r"(?!china|usgov)[a-z]+[a-z0-9]*", "a region of the public cloud", "uksouth")]
Image = Annotated[
    str,
    _like(
        rf"/subscriptions/{_GUID}/resourceGroups/[\w.()-]+/providers/Microsoft\.Compute/galleries/[\w.]+"
        r"/images/[\w.-]+/versions/\d+\.\d+\.\d+",
        "one version of an image in a Compute Gallery",
        f"{_GROUP}/Microsoft.Compute/galleries/tre/images/machine/versions/1.0.0",
    ),
]
Registry = Annotated[
    str,
    _like(
        rf"/subscriptions/{_GUID}/resourceGroups/[\w.()-]+/providers/Microsoft\.ContainerRegistry/registries"
        r"/[a-zA-Z0-9]{5,50}",
        "a container registry",
        f"{_GROUP}/Microsoft.ContainerRegistry/registries/treimages",
    ),
]
Key = Annotated[
    str,
    _like(r"ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( .*)?", "a public key", "ssh-rsa AAAAB3NzaC1yc2E… operators"),
]
Email = Annotated[str, _like(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an address of mail", "tre@example.org")]
Network = Annotated[str, AfterValidator(_private_range)]


class AzureTarget(Target):
    """One subscription in one region."""

    backend: Literal["azure"]  # pyright: ignore[reportIncompatibleVariableOverride] # frozen: narrowing is safe
    subscription: Subscription
    """The subscription's id."""
    tenant: Tenant
    """The id of the tenant whose identities are used."""
    region: Region
    """Where everything is made, for example `uksouth`."""
    machine_image: Image
    """The machines' approved image, one fixed version: Linux with Docker, blobfuse2, curl and jq."""
    registry: Registry
    """A Premium registry in the mode "RBAC Registry + ABAC Repository Permissions", for copies of approved images."""
    break_glass_key: Key
    """The public half of a key kept in a safe: Azure makes no Linux machine without one. No network lets it be used."""
    contacts: Annotated[tuple[Email, ...], Field(min_length=1)]
    """Who is told that a budget is nearly spent."""
    spend_from: Day
    """The first day of a month, from which spending counts."""
    billing_currency: Annotated[str, _like(r"[A-Z]{3}", "a currency", "GBP")] = "GBP"
    """The currency of the subscription's bills, in which Azure keeps budgets."""
    network: Network = "10.96.0.0/20"
    """The IPv4 range of every project's network; all may have the same, because no two are ever joined."""
    records_locked: bool = False
    """Whether the policy that keeps the records is locked, so that not even the subscription's owner can shorten
    it. Azure makes it unlocked: set this from the second deployment on. It cannot be undone."""


TARGET = AzureTarget
