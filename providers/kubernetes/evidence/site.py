"""What a site's own part registers, as its proofs read it: programs, what they mount and are told, their walls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.contract import Record
from providers.kubernetes import names
from providers.kubernetes.evidence.view import (
    CONFIG_MAP,
    CRON_JOB,
    DEPLOYMENT,
    GUARD,
    JOB,
    NETWORK_POLICY,
    STATEFUL_SET,
    View,
    at,
    listed,
    mapped,
)
from providers.kubernetes.objects import NAMESPACE_LABEL, NETWORK_POLICIES

SERVICE_LABEL: Final = f"{names.LABEL}/service"
WRITERS: Final = {
    "output-uploads": {"inside", "worker"},
    "input-uploads": {"outside", "worker"},
    "held": {"worker"},
    "released-outputs": {"worker"},
    "released-inputs": {"worker"},
}
"""Who may write each area; the worker alone writes what was checked and what is released."""
READERS: Final = {"held": {"outside"}, "released-outputs": {"outside"}, "released-inputs": {"inside"}}


def place_of(project: View, part: str = "airlock") -> str:
    """Return the namespace of a part of the site."""
    return names.site_namespace(project.site, part)


def standing_in(project: View, *types: str, part: str = "airlock") -> list[Record]:
    """Return the objects of these types in a namespace of the site."""
    place = place_of(project, part)
    return [each for each in project.all(*types) if at(each.inputs, "metadata", "namespace") == place]


def named(project: View, type_: str, name: str, part: str = "airlock") -> Record | None:
    """Return the object of this type and name in a namespace of the site."""
    found = [each for each in standing_in(project, type_, part=part) if name_of(each) == name]
    return found[0] if found else None


def name_of(record: Record) -> str:
    """Return an object's name in the cluster."""
    return str(at(record.inputs, "metadata", "name"))


def running(project: View, name: str, part: str = "airlock") -> Record | None:
    """Return a service's pods, if any are asked for and, read back, ready."""
    found = named(project, DEPLOYMENT, name, part) or named(project, STATEFUL_SET, name, part)
    if found is None or not at(found.inputs, "spec", "replicas"):
        return None
    status = mapped(found.inputs, "status")
    return None if status and not (status.get("availableReplicas") or status.get("readyReplicas")) else found


def scope(project: View) -> Record | None:
    """Return the list of the project's people and rules that the registrar reads."""
    return named(project, CONFIG_MAP, f"scope-{project.project}", "identity")


def listing(found: Record | None) -> Mapping[str, Any]:
    """Return what a list says; nothing where it is not there."""
    text = at(found and found.inputs, "data", "scope.json")
    return json.loads(str(text)) if text else {}


def pod_of(record: Record) -> Mapping[str, Any]:
    """Return the pod's settings of something that runs pods."""
    if record.type == CRON_JOB:
        return mapped(record.inputs, "spec", "jobTemplate", "spec", "template", "spec")
    return mapped(record.inputs, "spec", "template", "spec")


def programs(project: View) -> list[Record]:
    """Return everything that runs in the airlock's namespace."""
    return standing_in(project, DEPLOYMENT, STATEFUL_SET, CRON_JOB, JOB)


def mounts(record: Record) -> Iterator[tuple[str, bool]]:
    """Yield (claim, whether it is written) for each volume that lasts."""
    pod = pod_of(record)
    for volume in listed(pod, "volumes"):
        claim = at(volume, "persistentVolumeClaim", "claimName")
        if claim:
            closed = at(volume, "persistentVolumeClaim", "readOnly")
            yield str(claim), not closed or is_written(pod, str(at(volume, "name")))


def is_written(pod: Mapping[str, Any], volume: str) -> bool:
    """Tell whether a container of a pod may write a volume."""
    mounted = [each for one in listed(pod, "containers") for each in listed(one, "volumeMounts")]
    return any(at(each, "name") == volume and not at(each, "readOnly") for each in mounted)


def strays(project: View, *areas: str) -> list[str]:
    """Return who sees or writes one of these areas and should not."""
    found: list[str] = []
    for record in programs(project):
        for claim, written in mounts(record):
            may = set(WRITERS.get(claim, ())) | set(() if written else READERS.get(claim, ()))
            if claim in areas and name_of(record) not in may:
                found.append(f"{name_of(record)} {'writes' if written else 'sees'} {claim}")
    return found


def holders(project: View, secret: str) -> set[str]:
    """Return what runs with a Secret of the airlock."""
    return {
        name_of(each)
        for each in programs(project)
        if any(at(volume, "secret", "secretName") == secret for volume in listed(pod_of(each), "volumes"))
    }


def told_to(project: View, role: str) -> tuple[Record | None, Mapping[str, Any]]:
    """Return the settings that a program is given, and what they say."""
    found = named(project, CONFIG_MAP, f"{role}-settings")
    text = at(found and found.inputs, "data", "settings.json")
    # A setting that hangs on another resource is not known before a deployment.
    return found, json.loads(str(text)) if text and str(text).startswith("{") else {}


def signs_in_as(project: View, role: str) -> Record | None:
    """Return a process's settings, if it signs in to the database as its own role."""
    found, told = told_to(project, role)
    return found if str(at(told, "database", "url")).startswith(f"postgresql+psycopg://{role}@") else None


def walled(project: View) -> list[Record | None]:
    """Return what denies by default in the airlock's namespace, and outright between it and the projects."""
    deny = named(project, NETWORK_POLICY, "default-deny")
    spec = mapped(deny and deny.inputs, "spec")
    shut = not spec.get("ingress") and not spec.get("egress") and not spec.get("podSelector")
    means = [deny if deny and shut and len(listed(spec, "policyTypes")) == 2 else None]
    own = project.own_namespace()
    if own is not None and at(own.inputs, "metadata", "annotations", NETWORK_POLICIES) == "cilium":
        guard = project.named(GUARD, names.guard(project.site, "site-airlock"))
        both = (
            guard
            and listed(guard.inputs, "spec", "egressDeny")
            and listed(guard.inputs, "spec", "ingressDeny")
        )
        means.append(guard if both else None)
    return means


def peers(record: Record, direction: str, key: str) -> Iterator[Mapping[str, Any]]:
    """Yield whom a policy lets in (`ingress`, `from`) or out to (`egress`, `to`)."""
    for rule in listed(record.inputs, "spec", direction):
        yield from listed(rule, key) or [{}]


def selects(policy: Record, service: str) -> bool:
    """Tell whether a policy is about a service's pods: by its label, or because it is about all."""
    wanted = mapped(policy.inputs, "spec", "podSelector", "matchLabels")
    return not wanted or wanted.get(SERVICE_LABEL) == service or service in wanted.values()


def ways(project: View, service: str, direction: str) -> list[str]:
    """Return the policies that open a path between a service and the projects, or everybody in the cluster."""
    key = {"egress": "to", "ingress": "from"}[direction]
    return [
        f"network policy {name_of(policy)} opens a path between {service} and workspaces"
        for policy in standing_in(project, NETWORK_POLICY)
        if selects(policy, service)
        for peer in peers(policy, direction, key)
        if reaches_projects(project, peer)
    ]


def reaches_projects(project: View, peer: Mapping[str, Any]) -> bool:
    """Tell whether a peer of a policy is, or may be, in a project's namespace."""
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" not in peer:
        return "podSelector" not in peer
    place = mapped(peer, "namespaceSelector", "matchLabels").get(NAMESPACE_LABEL)
    return place is None or str(place).startswith(f"tre-p-{project.site}--")
