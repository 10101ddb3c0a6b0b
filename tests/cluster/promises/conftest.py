"""A site of its own with two projects, deployed by the command into the local cluster, and taken down at the end."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from components.backend import Scope
from providers.kubernetes.live import KubernetesLive
from providers.kubernetes.target import KubernetesTarget, Services
from tre import cli

SITE = """\
config:
  tre:site:
    version: 1
    name: proof
    title: Proof of promises
    tier: 2
    # Other ports than the demonstration's: both may run in one cluster.
    targets: {local: {backend: kubernetes, services: {outside_port: 30543, sign_in_port: 30544}}}
    identity: {issuer: embedded, longest_access_days: 3700}
    defaults:
      image: embedded
      size: {cpu: 0.2, memory_gib: 0.2}
      quota: {cpu: 2, memory_gib: 4, storage_gib: 4, machines: 10}
      storage: {inputs_gib: 1, working_gib: 1, outbox_gib: 1}
    contacts: {operator: o@example.org, information_governance: g@example.org, security: s@example.org}
    people:
      - {name: olive, email: olive@example.org, roles: [operator], expires: 2035-12-31}
"""

PROJECT = """\
config:
  tre:project:
    version: 1
    site: proof
    name: {name}
    title: Study {name}
    approval: {{reference: P-1, expires: 2035-12-31}}
    people:
      - {{name: ann-{name}, email: a@{name}.example.org, roles: [data-analyst]}}
      - {{name: cat, email: cat@example.org, roles: [output-checker]}}
    data_sets:
      - name: wine
        classification: pseudonymised
        source: {{image: /usr/lib/python3/dist-packages/sklearn/datasets/data/wine_data.csv}}
    budget: {{amount: 10, currency: GBP}}
"""
PROJECTS = ("alpha", "beta")
TARGET = KubernetesTarget(backend="kubernetes", services=Services(outside_port=30543, sign_in_port=30544))


@pytest.fixture(scope="package")
def site(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Deploy the site and return the folder of its files."""
    folder = tmp_path_factory.mktemp("proof")
    (folder / "Pulumi.proof.yaml").write_text(SITE)
    for name in PROJECTS:
        (folder / f"Pulumi.proof-{name}.yaml").write_text(PROJECT.format(name=name))
    assert cli.execute(["up", "proof", "--yes", "--folder", str(folder)]) == 0
    yield folder
    erase = ["--erase-data", "--confirm-erase", "proof", "--folder", str(folder)]
    assert cli.execute(["destroy", "proof", "--yes", *erase]) == 0
    running = KubernetesLive(TARGET)
    assert {name: running.remains(Scope("proof", name, 2)) for name in (*PROJECTS, "")} == {
        name: [] for name in (*PROJECTS, "")
    }


@pytest.fixture(scope="package")
def live(site: Path) -> KubernetesLive:
    """Return the running TRE, to read back and to try out."""
    return KubernetesLive(TARGET)


@pytest.fixture(scope="package")
def alpha() -> Scope:
    """Return the project that faults are planted in; `beta` is its neighbour."""
    return Scope("proof", "alpha", 2, ("beta",))
