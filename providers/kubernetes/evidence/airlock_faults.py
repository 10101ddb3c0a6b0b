"""Faults of the airlock that its proofs must notice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from components.contract import Fault, Record, Records, changed, with_record
from providers.kubernetes import names
from providers.kubernetes.evidence.site import (
    SERVICE_LABEL,
    listing,
    scope,
)
from providers.kubernetes.evidence.view import (
    CONFIG_MAP,
    DEPLOYMENT,
    GUARD,
    NETWORK_POLICY,
    at,
    called,
    respecified,
    view,
    without,
)


def planted(type_: str, name: str, part: str = "airlock", **inputs: Any) -> Fault:
    """Return a fault that adds an object to a namespace of the site."""

    def plant(records: Records) -> Records:
        metadata = {"name": name, "namespace": names.site_namespace(view(records).site, part)}
        return with_record(Record(type_, name, {**inputs, "metadata": metadata}))(records)

    return plant


def intruder(name: str, claim: str = "", secret: str = "") -> Fault:
    """Return a fault that runs something in the airlock's namespace with a volume or a secret."""
    source: dict[str, Any] = (
        {"persistentVolumeClaim": {"claimName": claim}} if claim else {"secret": {"secretName": secret}}
    )
    pod = {"containers": [{"volumeMounts": [{"name": "v"}]}], "volumes": [{"name": "v", **source}]}
    return planted(DEPLOYMENT, name, spec={"replicas": 1, "template": {"spec": pod}})


def stopped(name: str) -> Fault:
    """Return a fault that runs no pod of a service."""
    return respecified(DEPLOYMENT, name, replicas=0)


def rewritten(edit: Callable[[dict[str, Any]], None]) -> Fault:
    """Return a fault that changes what is said of the project to the registrar."""

    def plant(records: Records) -> Records:
        found = scope(view(records))
        told = json.loads(json.dumps(listing(found)))
        edit(told)
        return changed(lambda each: each is found, data={"scope.json": json.dumps(told)})(records)

    return plant


def without_reviewers(told: dict[str, Any]) -> None:
    """Let outputs leave without a review."""
    told["project"]["reviewers"] = 0


def analyst_decides(told: dict[str, Any]) -> None:
    """Make somebody both analyse and check."""
    told["people"][0]["groups"] = ["tre:x:y:data-analyst", "tre:x:y:output-checker"]


def endless(told: dict[str, Any]) -> None:
    """Let requests wait without end."""
    told["project"]["days"] = {}


def malware_passes(told: dict[str, Any]) -> None:
    """Let no check block a request."""
    told["project"]["rules"] = {"blocking": []}


def opened_path(direction: str) -> Fault:
    """Return a fault that joins the outside door and the projects, in one direction."""
    key = {"egress": "to", "ingress": "from"}[direction]
    peer = {"namespaceSelector": {"matchLabels": {"tre/site": "demo"}}}
    selector = {"matchLabels": {SERVICE_LABEL: "outside"}}
    return planted(NETWORK_POLICY, "path", spec={"podSelector": selector, direction: [{key: [peer]}]})


def as_owner(role: str) -> Fault:
    """Return a fault that signs a program in as the owner of the database."""
    text = json.dumps({"database": {"url": "postgresql+psycopg://owner@database:5432/airlock"}})
    return changed(called(CONFIG_MAP, f"{role}-settings"), data={"settings.json": text})


NO_GUARD: Final = without(lambda record: record.type == GUARD and record.name.endswith("airlock-guard"))
NO_WALL: Final = without(
    lambda record: (
        record.type == NETWORK_POLICY
        and str(at(record.inputs, "metadata", "namespace")).endswith("--airlock")
        and str(at(record.inputs, "metadata", "name")) == "default-deny"
    )
)
