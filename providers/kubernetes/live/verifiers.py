"""People and a project of the verification's own: listed for as long as it runs, then taken off the list.

They are made-up people who hold roles in the verified project, so everything that they do stands in the record under
a name that says what it is. Their requests hold made-up bytes, and end refused, blocked, failed or expired.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import secrets
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from components.backend import Entrance, Scope
from providers.kubernetes import names
from providers.kubernetes.identity import SCOPE_LABEL
from providers.kubernetes.live import entering
from providers.kubernetes.live.connection import Connection
from providers.kubernetes.live.visiting import Visitor, patiently
from providers.kubernetes.target import KubernetesTarget

PROJECT: Final = "tre-verification"
"""A project without a workspace, in which drafts end after seconds."""
ASKER, CHECKER, BOTH, STEWARD, AUDITOR, GONE = (
    f"tre-verifier-{each}" for each in ("asks", "checks", "both", "brings", "audits", "gone")
)
_SECONDS: Final = 120.0
_DRAFT_DAYS: Final = 5 / 86_400


@dataclass(frozen=True)
class Verifiers:
    """Made-up people who are signed in, by name, and how they came in. `gone` is listed, and their time is over."""

    entrance: Entrance
    visitors: Mapping[str, Visitor]

    def __getitem__(self, name: str) -> Visitor:
        return self.visitors[name]


@contextlib.contextmanager
def listed(connection: Connection, target: KubernetesTarget, scopes: Sequence[Scope]) -> Generator[Verifiers]:
    """List the made-up people, sign them in, and take them off the list afterwards.

    Raises:
        TreError: they could not sign in.
    """
    site = scopes[0].site
    place = names.site_namespace(site, "identity")
    name = f"verification-{secrets.token_hex(4)}"
    path = f"/api/v1/namespaces/{place}/configmaps"
    _sweep(connection, path)
    connection.create(path, _document(name, site, scopes))
    people = [ASKER, CHECKER, BOTH, STEWARD, AUDITOR, GONE]
    entrance = entering.entrance(connection, target, site, people)
    visitors = {each: Visitor(entrance, each) for each in people}
    try:
        for each in people:
            if each != GONE:
                patiently(visitors[each], _SECONDS)
        yield Verifiers(entrance, visitors)
    finally:
        connection.delete(f"{path}/{name}")
        for each in visitors.values():
            each.close()


def _sweep(connection: Connection, path: str) -> None:
    """Take off the list whom a killed verification left on it."""
    for each in connection.items(path):
        if str(each["metadata"]["name"]).startswith("verification-"):
            connection.delete(f"{path}/{each['metadata']['name']}")


def _document(name: str, site: str, scopes: Sequence[Scope]) -> dict[str, Any]:
    projects = [scope.project for scope in scopes]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {SCOPE_LABEL: "true"}},
        "data": {"scope.json": json.dumps({"project": _project(), "people": _people(site, projects)})},
    }


def _project() -> dict[str, Any]:
    tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
    return {
        "name": PROJECT,
        "title": "Verification",
        "tier": 2,
        "reviewers": 1,
        "expires": tomorrow.isoformat(),
        "days": {"draft": _DRAFT_DAYS},
    }


def _people(site: str, projects: Sequence[str]) -> list[dict[str, Any]]:
    today = datetime.datetime.now(datetime.UTC).date()
    tomorrow, yesterday = today + datetime.timedelta(days=1), today - datetime.timedelta(days=1)
    roles: Mapping[str, Sequence[tuple[str, str]]] = {
        ASKER: [(each, "data-analyst") for each in projects],
        CHECKER: [(each, "output-checker") for each in projects],
        BOTH: [(each, role) for each in projects for role in ("data-analyst", "output-checker")],
        STEWARD: [(PROJECT, "data-steward")],
        AUDITOR: [("site", "auditor")],
        GONE: [(each, "data-analyst") for each in projects],
    }
    return [
        {
            "name": name,
            "email": f"{name}@verification.invalid",
            "full_name": f"Made-up {name.rpartition('-')[2].title()}",
            "groups": [names.group(site, project, role) for project, role in held],
            "expires": (yesterday if name == GONE else tomorrow).isoformat(),
        }
        for name, held in roles.items()
    ]
