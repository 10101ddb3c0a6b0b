"""Depth *deployed*: the live objects, put into the shape of registrations and judged by the same proofs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from components.backend import Scope
from components.contract import Record, Records, Verdict
from providers.kubernetes import names
from providers.kubernetes.evidence import EVIDENCE
from providers.kubernetes.evidence.view import CLAIM, at
from providers.kubernetes.live.connection import Connection, Object

# Reading cannot judge these: an object that states a rule is not the rule at work.
NOT_READABLE: Final = frozenset({"identity/multi-factor"})

_NAMESPACED: Final = (
    (
        "/api/v1",
        ("persistentvolumeclaims", "pods", "configmaps", "resourcequotas", "limitranges", "serviceaccounts"),
    ),
    ("/apis/networking.k8s.io/v1", ("networkpolicies",)),
    ("/apis/rbac.authorization.k8s.io/v1", ("roles", "rolebindings")),
)
_OF_SERVICES: Final = (
    ("/api/v1", ("configmaps", "persistentvolumeclaims", "services")),
    ("/apis/apps/v1", ("deployments", "statefulsets")),
    ("/apis/batch/v1", ("jobs", "cronjobs")),
    ("/apis/networking.k8s.io/v1", ("networkpolicies",)),
)
"""What tells of the site's own services. Their Secrets are not read."""
_CLUSTER_WIDE: Final = (
    "/apis/storage.k8s.io/v1/storageclasses",
    "/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
)
_OURS_CLUSTER_WIDE: Final = ("/apis/rbac.authorization.k8s.io/v1/clusterroles",)


def verdicts(connection: Connection, scope: Scope) -> Mapping[str, Verdict]:
    """Judge every promise that reading can judge, for one project."""
    records = observed(connection, scope)
    return {name: evidence.proof(records) for name, evidence in EVIDENCE.items() if name not in NOT_READABLE}


def observed(connection: Connection, scope: Scope) -> Records:
    """Return a project's live objects as records. Secrets are read by name and kept without their data."""
    objects = [*_of_project(connection, scope), *_of_site(connection, scope)]
    volumes = {
        str(at(each, "metadata", "name")): each for each in connection.items("/api/v1/persistentvolumes")
    }
    component = Record("tre:index:DataStore", scope.project, {"site": scope.site, "scope": scope.project})
    return [component, *(_record(each, volumes) for each in objects)]


def _of_project(connection: Connection, scope: Scope) -> Iterable[Object]:
    place = names.namespace(scope.site, scope.project)
    own = connection.get(f"/api/v1/namespaces/{place}")
    if own:
        yield own
    for root, resources in _NAMESPACED:
        for resource in resources:
            yield from connection.items(f"{root}/namespaces/{place}/{resource}")


def _of_site(connection: Connection, scope: Scope) -> Iterable[Object]:
    keys = f"/api/v1/namespaces/{names.site_namespace(scope.site, 'keys')}"
    key = connection.get(f"{keys}/secrets/{names.key_secret(scope.project)}")
    if key:
        yield {name: value for name, value in key.items() if name not in ("data", "stringData")}
    sign_in = connection.get(f"{keys}/configmaps/sign-in")
    if sign_in:
        yield sign_in
    for part in ("airlock", "identity"):
        place = names.site_namespace(scope.site, part)
        for root, resources in _OF_SERVICES:
            for resource in resources:
                yield from connection.items(f"{root}/namespaces/{place}/{resource}")
    keeper = names.site_namespace(scope.site, "keeper")
    yield from connection.items(f"/apis/batch/v1/namespaces/{keeper}/cronjobs")
    for path in _CLUSTER_WIDE:
        yield from connection.items(path)
    for path in _OURS_CLUSTER_WIDE:
        yield from connection.items(path, f"{names.LABEL}/site={scope.site}")
    yield from connection.items("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings")


def _record(live: Object, volumes: Mapping[str, Object]) -> Record:
    """Return a live object as a record. What keeps it on destroy, live, is its volume's reclaim policy."""
    version = str(live["apiVersion"])
    type_ = f"kubernetes:{version if '/' in version else f'core/{version}'}:{live['kind']}"
    keeps = True
    inputs: dict[str, Any] = dict(live)
    if type_ == CLAIM:
        volume = volumes.get(str(at(live, "spec", "volumeName")))
        keeps = volume is None or at(volume, "spec", "persistentVolumeReclaimPolicy") == "Retain"
        inputs["volume"] = at(volume, "metadata", "annotations") if volume else None
    return Record(type_, str(at(live, "metadata", "name")), inputs, protect=keeps, retain=keeps)


def projects(connection: Connection, site: str) -> Sequence[str]:
    """Return the projects of a site that have a namespace in the cluster."""
    found = connection.items("/api/v1/namespaces", f"{names.LABEL}/site={site}")
    marked = [str(at(each, "metadata", "labels", f"{names.LABEL}/project")) for each in found]
    return sorted({each for each in marked if each != "site"})
