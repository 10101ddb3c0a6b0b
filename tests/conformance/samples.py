"""Neutral specs that every backend is asked to build: a typical project and one with the longest names."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Any

from components.airlock import AirlockOutputs, AirlockSpec
from components.contract import Spec
from components.data_store import DataSet, DataStoreSpec, Source
from components.identity import IdentitySpec, Passage, Person, SignIn
from components.workspace import Budget, WorkspaceSpec

DIGEST = "sha256:" + "a" * 64
IMAGE = f"registry.example.org/workspace@{DIGEST}"
END = datetime.date(2030, 1, 31)


@dataclass(frozen=True)
class Sample:
    """Everything a project's program is given."""

    site_identity: IdentitySpec
    identity: IdentitySpec
    data_store: DataStoreSpec
    workspace: WorkspaceSpec
    airlock: AirlockSpec
    airlock_outputs: AirlockOutputs


def _people() -> tuple[Person, ...]:
    return (
        Person(name="ada", email="ada@example.org", roles=("data-analyst",), expires=END),
        Person(name="grace", email="grace@example.org", roles=("output-checker",), expires=END),
        Person(name="mary", email="mary@example.org", roles=("data-steward",), expires=END),
    )


def _staff() -> tuple[Person, ...]:
    return (
        Person(name="linus", email="linus@example.org", roles=("operator",), expires=END),
        Person(name="dorothy", email="dorothy@example.org", roles=("auditor",), expires=END),
    )


def sample(
    site: str = "demo", project: str = "heart", tier: int = 3, issuer: str = "https://login.example.org"
) -> Sample:
    """Return the specs of one project at the given names and tier."""
    common: dict[str, Any] = {"site": site, "scope": project, "tier": tier}
    heart = DataSet(
        name="patients",
        classification="sensitive",
        source=Source(kind="image", path="/usr/share/data/patients.csv"),
        sha256="b" * 64,
    )
    login = SignIn(issuer=issuer)
    return Sample(
        site_identity=IdentitySpec(
            site=site,
            scope="site",
            tier=tier,
            people=_staff(),
            sign_in=login,
            expires=END,
            keeper_image=IMAGE,
            service_image=IMAGE,
            database_image=IMAGE,
        ),
        identity=IdentitySpec(
            **common,
            people=_people(),
            sign_in=login,
            expires=END,
            passage=Passage(title="Heart failure", reviewers=2),
        ),
        data_store=DataStoreSpec(**common, data_sets=(heart,), loader_image=IMAGE),
        workspace=WorkspaceSpec(
            **common,
            image=IMAGE,
            image_registries=("registry.example.org",),
            budget=Budget(amount=1000),
        ),
        airlock=AirlockSpec(
            site=site,
            scope="site",
            tier=tier,
            image=IMAGE,
            sign_in=login,
            database_image=IMAGE,
            scanner_image=IMAGE,
        ),
        airlock_outputs=AirlockOutputs(
            inside="https://inside.example.org",
            place=f"tre-{site}-airlock",
            port=8443,
            outside="https://o.example.org",
        ),
    )


LONGEST = sample(site="s" * 16, project="p" * 20)


def erasing(made: Sample) -> Sample:
    """Return the same specs with their erasure confirmed."""
    specs = {name: value for name, value in vars(made).items() if isinstance(value, Spec)}
    return replace(made, **{name: spec.model_copy(update={"erase": True}) for name, spec in specs.items()})
