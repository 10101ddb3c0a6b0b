"""Synthetic sites of any number of projects, whose loaders have nothing to load: what is timed is the deployer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

SITE: Final = """\
config:
  tre:site:
    version: 1
    name: {site}
    title: Benchmark
    tier: 2
    targets: {{local: {{backend: kubernetes, services: {{outside_port: 30643, sign_in_port: 30644}}}}}}
    identity: {{issuer: embedded, longest_access_days: 3700}}
    defaults:
      image: embedded
      size: {{cpu: 0.2, memory_gib: 0.2}}
      quota: {{cpu: 2, memory_gib: 4, storage_gib: 4, machines: 10}}
      storage: {{inputs_gib: 1, working_gib: 1, outbox_gib: 1}}
    contacts: {{operator: o@example.org, information_governance: g@example.org, security: s@example.org}}
    people:
      - {{name: olive, email: olive@example.org, roles: [operator], expires: 2035-12-31}}
"""

PROJECT: Final = """\
config:
  tre:project:
    version: 1
    site: {site}
    name: {name}
    title: Study {name}
    approval: {{reference: P-1, expires: 2035-12-31}}
    people:
      - {{name: ann-{name}, email: a@{name}.example.org, roles: [data-analyst]}}
      - {{name: cat, email: cat@example.org, roles: [output-checker]}}
    data_sets:
      - {{name: patients, classification: pseudonymised, source: {source}}}
    budget: {{amount: 10, currency: GBP}}
"""
FROM_AIRLOCK: Final = "{airlock: true}"
FROM_IMAGE: Final = "{image: /usr/lib/python3/dist-packages/sklearn/datasets/data/wine_data.csv}"


def write(folder: Path, site: str, projects: int, *, source: str = FROM_AIRLOCK) -> Path:
    """Write a site's files anew with this many projects (`p000`, `p001`, ...) and return their folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / f"Pulumi.{site}.yaml").write_text(SITE.format(site=site))
    for number in range(projects):
        add(folder, site, number, source=source)
    return folder


def add(folder: Path, site: str, number: int, *, source: str = FROM_AIRLOCK) -> str:
    """Add one project and return its name."""
    name = f"p{number:03}"
    text = PROJECT.format(site=site, name=name, source=source)
    (folder / f"Pulumi.{site}-{name}.yaml").write_text(text)
    return name


def document(text: str) -> dict[str, object]:
    """Return a command's JSON document."""
    return json.loads(text)
