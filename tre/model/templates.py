"""The short, commented files that `tre init` and `tre project add` write. What a person gave is always quoted."""

from __future__ import annotations

import datetime
import json
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tre.model.tiers import TIERS
from tre.paths import checkout
from tre.registry import target_models

_COMMENT: Final[Mapping[str, Any]] = {"initial_indent": "        # ", "subsequent_indent": "        # "}


@dataclass(frozen=True)
class SiteAnswers:
    """What only a person can say about a new site."""

    name: str
    title: str
    tier: int
    backend: str
    target: Mapping[str, str]
    operator: str
    operator_email: str
    governance_email: str
    security_email: str
    expires: datetime.date
    networks: Sequence[str]
    image: str
    portal_image: str


@dataclass(frozen=True)
class ProjectAnswers:
    """What only a person can say about a new project. `people` are (name, e-mail, roles), `data` (name,
    classification, path in the image or `airlock`)."""

    site: str
    name: str
    title: str
    approval: str
    expires: datetime.date
    people: Sequence[tuple[str, str, str]]
    data: Sequence[tuple[str, str, str]]
    amount: str
    currency: str
    target: str


def site_text(answers: SiteAnswers, folder: Path) -> str:
    """Return the text of a new site's file."""
    networks = ", ".join(map(_quoted, answers.networks))
    return f"""\
# One TRE. Check it with `tre validate {answers.name}`; add projects with `tre project add {answers.name} NAME`.
{_editor("site", folder)}
config:
  tre:site:
    version: 1
    name: {answers.name}
    title: {_quoted(answers.title)}
    # The highest tier of data that it may hold:
    # {", ".join(f"{tier.level} {tier.name}" for tier in TIERS)}
    tier: {answers.tier}

    # Where projects may run; a project may name one of several targets.
    targets:
      main:
        backend: {answers.backend}
{_target(answers.backend, answers.target)}
    identity:
      issuer: embedded # or the https address of your own OpenID Connect issuer
      networks: [{networks}] # where people may sign in from; needed from tier 3 on

    # What projects start from. What is left out comes from each project's tier.
    defaults:
      image: {answers.image}
      size: {{ cpu: 1, memory_gib: 2 }} # one workspace
      quota: {{ cpu: 2, memory_gib: 4, storage_gib: 20, machines: 10 }} # a whole project
      retention_days: 365 # how long data is kept after a project's end

    airlock:
      image: {answers.portal_image}

    contacts:
      operator: {_quoted(answers.operator_email)}
      information_governance: {_quoted(answers.governance_email)}
      security: {_quoted(answers.security_email)}

    # The site's own staff: operator, auditor. A project's people stand in its own file.
    people:
      - name: {_quoted(answers.operator)}
        email: {_quoted(answers.operator_email)}
        roles: [operator]
        expires: "{answers.expires.isoformat()}"
"""


def project_text(answers: ProjectAnswers, folder: Path) -> str:
    """Return the text of a new project's file."""
    target = f"    target: {answers.target}\n" if answers.target else ""
    return f"""\
# One approved study. Check it with `tre validate {answers.site}`; deploy it with `tre up {answers.site}`.
{_editor("project", folder)}
config:
  tre:project:
    version: 1
    site: {answers.site}
    name: {answers.name}
    title: {_quoted(answers.title)}
{target}
    # The decision that lets the study happen. Everyone's access ends with it at the latest.
    approval:
      reference: {_quoted(answers.approval)}
      expires: "{answers.expires.isoformat()}"

    # data-analyst, data-steward, information-asset-owner, output-checker, project-manager.
    # Nobody checks the outputs of a project in which they analyse.
    people:
{_people(answers.people)}
    # The most sensitive data set sets the project's tier:
    # {", ".join(f"{tier.name} {tier.level}" for tier in TIERS)}
{_data(answers.data)}
    # Computing stops when it is spent.
    budget: {{ amount: {answers.amount}, currency: {_quoted(answers.currency)} }}
"""


def needed_keys(backend: str) -> list[str]:
    """Return the keys that a backend's target cannot do without, besides `backend` itself."""
    fields = target_models()[backend].model_fields
    return [name for name, each in fields.items() if each.is_required() and name != "backend"]


def _quoted(text: str) -> str:
    # A JSON string is also a YAML one, whatever a title holds.
    return json.dumps(text, ensure_ascii=False)


def _editor(kind: str, folder: Path) -> str:
    """Return the line that tells editors where the file's schema is."""
    schema, place = checkout() / "docs" / "schema" / f"{kind}.json", folder.absolute()
    if schema.exists() and place.is_relative_to(checkout()):
        return f"# yaml-language-server: $schema={os.path.relpath(schema, place)}"
    return f"# For completion in editors: tre schema {kind} > {kind}.schema.json"


def _target(backend: str, given: Mapping[str, str]) -> str:
    fields = target_models()[backend].model_fields
    lines = [f"        {key}: {_value(text, key, backend)}" for key, text in given.items()]
    others = [name for name in fields if name != "backend" and name not in given]
    if others:
        lines += textwrap.wrap(f"Other keys, all optional: {', '.join(others)}.", 100, **_COMMENT)
    return "\n".join(lines) + "\n"


def _value(text: str, key: str, backend: str) -> str:
    """Return a target's value as YAML: text is quoted, anything else stands as it was given, on one line."""
    field = target_models()[backend].model_fields.get(key)
    return _quoted(text) if field is None or field.annotation is str else text.replace("\n", " ")


def _people(people: Sequence[tuple[str, str, str]]) -> str:
    return "".join(
        f"      - name: {_quoted(name)}\n        email: {_quoted(email)}\n        roles: [{roles}]\n"
        for name, email, roles in people
    )


def _data(data: Sequence[tuple[str, str, str]]) -> str:
    if not data:
        return "    data_sets: [] # none yet, so the project has the site's tier\n"
    entries = "".join(
        f"      - name: {_quoted(name)}\n        classification: {classification}\n        source: {_source(place)}\n"
        for name, classification, place in data
    )
    return f"    data_sets:\n{entries}"


def _source(place: str) -> str:
    return "{ airlock: true }" if place == "airlock" else f"{{ image: {_quoted(place)} }}"
