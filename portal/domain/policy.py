"""What a project allows: written by the deployer or the laptop's own file, read by both doors, changed by neither."""

from __future__ import annotations

import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

GIB: Final = 1 << 30
DOWNLOAD_TIER: Final = 1
"""Up to this tier reviewers may download what they review; above it they look at it in the portal."""


class Model(BaseModel):
    """Frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Model):
    """How much one request may hold."""

    files: int = Field(default=10_000, ge=1, description="Files in one request.")
    file_bytes: int = Field(default=64 * GIB, ge=1, description="Bytes of one file.")
    request_bytes: int = Field(default=256 * GIB, ge=1, description="Bytes of one request.")
    open_requests: int = Field(default=100, ge=1, description="Requests of one person that have not ended.")


class Days(Model):
    """How long a request may wait in a state before the worker ends it, and how long ended bytes are kept. Days."""

    draft: float = Field(default=30, gt=0)
    review: float = Field(default=14, gt=0)
    changes: float = Field(default=14, gt=0)
    pickup: float = Field(default=7, gt=0)
    retention: float = Field(
        default=30, gt=0, description="From the end of a request to the removal of its bytes."
    )


class RiskAppetite(Model):
    """The statistical disclosure rules in force (SATRE 3.3.09 wants them beside every decision)."""

    smallest_count: int = Field(default=10, ge=1, description="Counts below this are pointed out.")
    dominance_share: float = Field(default=0.9, gt=0, le=1)
    statement: str = Field(default="", max_length=2000)


CheckName = Literal[
    "malware",
    "type",
    "archive",
    "opaque",
    "small-counts",
    "free-text",
    "acro",
    "metadata",
    "size",
    "readable",
]


class Rules(Model):
    """Which verdicts block a request, and which kinds of file it may hold. Everything else advises."""

    blocking: frozenset[CheckName] = frozenset({"malware", "archive", "opaque"})
    allowed_types: frozenset[str] | None = Field(
        default=None, description="Endings such as `csv` that files may have; none given: any."
    )
    opaque_role: Literal["", "information-asset-owner"] = Field(
        default="", description="Who must be among the deciders where a model or binary file is let through."
    )
    largest_table_bytes: int = Field(default=64 << 20, ge=1, description="Tables above this are not read.")


class Project(Model):
    """One project as the airlock knows it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    title: str = Field(default="", max_length=300)
    tier: int = Field(ge=0, le=4)
    reviewers: int = Field(
        ge=0, le=5, description="Distinct people who must approve an output; 0: none, recorded."
    )
    expires: datetime.date
    limits: Limits = Limits()
    days: Days = Days()
    rules: Rules = Rules()
    appetite: RiskAppetite = RiskAppetite()

    @property
    def download_in_review(self) -> bool:
        """Tell whether reviewers may download what they review (mission's table of tiers)."""
        return self.tier <= DOWNLOAD_TIER
