"""Tiers: what the classification of a project's data asks of everything around it.

One table (SATRE 3.1.17 to 3.1.19). `validate` enforces it, `verify` proves it, the reference prints it. A site or
a project may be stricter than its tier and never weaker; what it leaves unset takes the tier's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from components.model import Classification

NetworkOut = Literal["named-destinations", "none"]
Packages = Literal["mirror", "allow-list", "baked"]
Clipboard = Literal["both", "paste-in", "none"]
Encryption = Literal["any", "required", "own-key", "hardware-key"]
SignInFrom = Literal["anywhere", "named-networks"]
Runtime = Literal["any", "sandboxed"]
Review = Literal["download", "portal"]


@dataclass(frozen=True)
class Tier:
    """The floors of one tier. Everyone signs in with several factors at every tier."""

    level: int
    name: str
    network_out: NetworkOut
    packages: Packages
    clipboard: Clipboard
    reviewers: int
    """How many distinct people release an output."""
    encryption: Encryption
    sign_in: SignInFrom
    runtime: Runtime
    review: Review


TIERS: Final[tuple[Tier, ...]] = (
    Tier(0, "open", "named-destinations", "mirror", "both", 0, "any", "anywhere", "any", "download"),
    Tier(1, "internal", "named-destinations", "mirror", "both", 1, "required", "anywhere", "any", "download"),
    Tier(2, "pseudonymised", "none", "mirror", "paste-in", 1, "own-key", "anywhere", "any", "portal"),
    Tier(3, "sensitive", "none", "allow-list", "none", 2, "own-key", "named-networks", "any", "portal"),
    Tier(
        4,
        "most-sensitive",
        "none",
        "baked",
        "none",
        2,
        "hardware-key",
        "named-networks",
        "sandboxed",
        "portal",
    ),
)

TIER_OF: Final[Mapping[Classification, int]] = {
    "open": 0,
    "internal": 1,
    "pseudonymised": 2,
    "sensitive": 3,
    "most-sensitive": 4,
}
"""The least tier that data of each classification may be held in."""

STRENGTH: Final[Mapping[str, tuple[str, ...]]] = {
    "network_out": ("named-destinations", "none"),
    "packages": ("mirror", "allow-list", "baked"),
    "clipboard": ("both", "paste-in", "none"),
    "encryption": ("any", "required", "own-key", "hardware-key"),
    "sign_in": ("anywhere", "named-networks"),
    "runtime": ("any", "sandboxed"),
    "review": ("download", "portal"),
}
"""The values of each setting, weakest first."""


def weaker(setting: str, value: str, floor: str) -> bool:
    """Tell whether `value` is weaker than `floor` for this setting."""
    order = STRENGTH[setting]
    return order.index(value) < order.index(floor)


def allowed(setting: str, floor: str) -> tuple[str, ...]:
    """Return the values of a setting that reach the floor, weakest first."""
    order = STRENGTH[setting]
    return order[order.index(floor) :]
