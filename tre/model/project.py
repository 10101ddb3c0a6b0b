"""A project: one approved study, its people, its data, and what it computes with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.model import Classification, Day, Model
from tre.model.site import Areas, Days, Quota, Settings
from tre.model.words import (
    Currency,
    Email,
    FilePath,
    Level,
    Line,
    Name,
    PersonName,
    ProjectName,
    Sha256,
    SiteName,
)

ProjectRole = Literal[
    "data-analyst", "data-steward", "information-asset-owner", "output-checker", "project-manager"
]


class Approval(Model):
    """The decision that lets the study happen."""

    reference: Line = Field(description="What the approving body calls its decision.")
    expires: Day = Field(description="The last day of the approval.")


class Member(Model):
    """One named person of the project."""

    name: PersonName = Field(description="Sign-in name at the issuer.")
    email: Email = Field(description="Where messages reach this person alone.")
    full_name: Line | None = Field(default=None, description="The name that others see.")
    roles: tuple[ProjectRole, ...] = Field(description="What this person does in the project.")
    expires: Day | None = Field(
        default=None, description="The last day of this person's access; the approval's where unset."
    )


class DataSource(Model):
    """Where a data set comes from: exactly one of the two."""

    image: FilePath | None = Field(default=None, description="A file in the loader's image.")
    airlock: Literal[True] | None = Field(
        default=None, description="It comes in by the airlock's outside door."
    )


class DataSetEntry(Model):
    """One input data set."""

    name: Name = Field(description="The name researchers see it under.")
    classification: Classification = Field(description="How sensitive it is; it sets the project's tier.")
    source: DataSource = Field(description="Where it comes from.")
    sha256: Sha256 = Field(default="", description="Its content's digest, where it is known beforehand.")


class BudgetEntry(Model):
    """What the project may spend over its whole life."""

    amount: Annotated[float, Field(gt=0, le=1_000_000_000, allow_inf_nan=False)] = Field(
        description="How much."
    )
    currency: Currency = Field(default="GBP", description="In which currency (ISO 4217).")


class Project(Model):
    """One approved study in a site."""

    version: Literal[1] = Field(description="The version of this file's format.")
    site: SiteName = Field(description="The site that it belongs to.")
    name: ProjectName = Field(description="The project's name; the file's is Pulumi.<site>-<name>.yaml.")
    title: Line = Field(description="What people call the study.")
    approval: Approval = Field(description="The decision that lets it happen.")
    tier: Level | None = Field(
        default=None, description="A tier stricter than the one that the data sets ask for."
    )
    people: tuple[Member, ...] = Field(min_length=1, max_length=500, description="Everyone who takes part.")
    data_sets: tuple[DataSetEntry, ...] = Field(max_length=200, description="The input data.")
    workspace: Settings = Field(default=Settings(), description="Where its people compute.")
    quota: Quota | None = Field(default=None, description="What the whole project may hold at once.")
    storage: Areas | None = Field(default=None, description="The sizes of its areas.")
    budget: BudgetEntry = Field(description="What it may spend.")
    retention_days: Days | None = Field(default=None, description="How long its data is kept after its end.")
    target: Name | None = Field(default=None, description="Which of the site's targets it runs on.")
