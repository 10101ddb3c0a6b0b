"""Attempts at the API server: objects that it must refuse, sessions it must not open, rights nobody may have.

Each is asked of the real server as the administrator, who holds every right: what is refused to the
administrator is refused by admission, not for want of rights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from components.backend import Scope
from components.contract import Verdict
from providers.kubernetes import names
from providers.kubernetes.evidence.view import at, listed
from providers.kubernetes.identity import USER_PREFIX
from providers.kubernetes.live import jobs
from providers.kubernetes.live.connection import Connection
from providers.kubernetes.live.stage import SMALL

Change = Callable[[dict[str, Any]], None]
_ADMINISTRATION: Final = (
    ("get", "secrets"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("delete", "persistentvolumeclaims"),
    ("update", "configmaps"),
    ("create", "serviceaccounts/token"),
)
"""What nobody may do between interventions (SATRE 1.5.05)."""
_SHELL: Final = ("pods/exec", "pods/attach", "pods/portforward", "pods/log", "secrets")


def verdicts(connection: Connection, scope: Scope, image: str, control: str) -> dict[str, Verdict]:
    """Return a verdict for each promise that requests can try."""
    good = _pod(scope, jobs.template(connection, scope))
    pods = f"/api/v1/namespaces/{names.namespace(scope.site, scope.project)}/pods"
    refused = connection.refusal(pods, good)
    if refused:
        return {
            name: Verdict(False, f"cannot tell: an ordinary pod is refused ({refused})") for name in _BAD_PODS
        }
    found = {name: _tried(connection, pods, good, bad) for name, bad in _BAD_PODS.items()}
    found["workspace/no-copy-out"] = both(_publication(connection, scope), _people(connection, scope, _SHELL))
    found["identity/need-to-know"] = _elsewhere(connection, scope)
    found["data_store/reachable-only-from-project"] = _borrowed(connection, scope)
    found["identity/no-standing-admin"] = _operators(connection, scope)
    return found


def _pod(scope: Scope, made: Mapping[str, Any]) -> dict[str, Any]:
    spec = jobs.pod_spec({**made, "gpu": 0}, ["true"])
    # The areas' own promises are tried elsewhere; here a pod without them keeps the attempts apart.
    spec["volumes"] = [each for each in spec["volumes"] if each["name"] == "tmp"]
    spec["containers"][0].update(volumeMounts=[], resources=SMALL)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "attempt-", "labels": jobs.marks(scope, "probe")},
        "spec": spec,
    }


def _container(pod: dict[str, Any]) -> dict[str, Any]:
    return pod["spec"]["containers"][0]


def _privileged(pod: dict[str, Any]) -> None:
    _container(pod)["securityContext"] = {"privileged": True}


def _as_root(pod: dict[str, Any]) -> None:
    pod["spec"]["securityContext"] = {"runAsUser": 0}


def _host_network(pod: dict[str, Any]) -> None:
    pod["spec"]["hostNetwork"] = True


def _host_path(pod: dict[str, Any]) -> None:
    pod["spec"]["volumes"].append({"name": "host", "hostPath": {"path": "/"}})


def _with_token(pod: dict[str, Any]) -> None:
    pod["spec"]["automountServiceAccountToken"] = True


def _by_tag(pod: dict[str, Any]) -> None:
    _container(pod)["image"] = _container(pod)["image"].partition("@")[0] + ":latest"


def _stranger(pod: dict[str, Any]) -> None:
    _container(pod)["image"] = "registry.example/tool@sha256:" + "0" * 64


def _inputs_writable(pod: dict[str, Any]) -> None:
    pod["spec"]["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": "inputs"}})


def _too_large(pod: dict[str, Any]) -> None:
    huge = {"cpu": "10000", "memory": "100Ti"}
    _container(pod)["resources"] = {"requests": huge, "limits": huge}


_BAD_PODS: Final[Mapping[str, Sequence[Change]]] = {
    "workspace/no-privilege": (_privileged, _as_root, _host_network, _host_path, _with_token),
    "workspace/approved-images-only": (_by_tag, _stranger),
    "workspace/quota-enforced": (_too_large,),
    "data_store/inputs-read-only": (_inputs_writable,),
}


def _tried(connection: Connection, path: str, good: Mapping[str, Any], changes: Sequence[Change]) -> Verdict:
    admitted: list[str] = []
    for change in changes:
        pod = copy.deepcopy(dict(good))
        change(pod)
        if not connection.refusal(path, pod):
            admitted.append(_words(change))
    return _judged("a pod", [_words(change) for change in changes], admitted)


def _words(change: Change) -> str:
    return change.__name__.strip("_").replace("_", " ")


def _judged(what: str, tried: Sequence[str], admitted: Sequence[str]) -> Verdict:
    if admitted:
        return Verdict(False, f"the API server admits {what}: {', '.join(admitted)}", tuple(admitted))
    return Verdict(True, f"the API server refuses {what}: {', '.join(tried)}", tuple(tried))


def _publication(connection: Connection, scope: Scope) -> Verdict:
    place = names.namespace(scope.site, scope.project)
    meta = {"name": "attempt", "labels": jobs.marks(scope, "probe")}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta}
    port = {"ports": [{"port": 80}]}
    backend = {"service": {"name": "attempt", "port": {"number": 80}}}
    bodies = {
        "node port": (
            f"/api/v1/namespaces/{place}/services",
            {**service, "spec": {"type": "NodePort", **port}},
        ),
        "load balancer": (
            f"/api/v1/namespaces/{place}/services",
            {**service, "spec": {"type": "LoadBalancer", **port}},
        ),
        "ingress": (
            f"/apis/networking.k8s.io/v1/namespaces/{place}/ingresses",
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": meta,
                "spec": {"defaultBackend": backend},
            },
        ),
    }
    admitted = [name for name, (path, body) in bodies.items() if not connection.refusal(path, body)]
    return _judged("a way out", list(bodies), admitted)


def _people(connection: Connection, scope: Scope, resources: Sequence[str]) -> Verdict:
    """Ask for every bound person whether they may open a session, read logs or secrets."""
    place = names.namespace(scope.site, scope.project)
    admitted = [
        f"{resource} to {user}"
        for user in _bound(connection, place)
        for resource in resources
        for verb in ("get", "create")
        if connection.allowed(user, verb, resource, place)
    ]
    return _judged("sessions, logs and secrets", resources, admitted)


def _bound(connection: Connection, place: str) -> list[str]:
    bindings = connection.items(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{place}/rolebindings")
    named = {str(subject.get("name")) for each in bindings for subject in listed(each, "subjects")}
    return sorted(name for name in named if name.startswith(USER_PREFIX))


def _operators(connection: Connection, scope: Scope) -> Verdict:
    """Ask for every person with a role over the site whether they may do what only an intervention allows."""
    bindings = connection.items("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings")
    site = [each for each in bindings if at(each, "metadata", "labels", f"{names.LABEL}/site") == scope.site]
    people = sorted({str(subject.get("name")) for each in site for subject in listed(each, "subjects")})
    ours = [each for each in people if each.startswith(USER_PREFIX)]
    places = [names.namespace(scope.site, scope.project)]
    places += [names.site_namespace(scope.site, part) for part in ("keys", "airlock", "identity")]
    admitted = [
        f"{user} may {verb} {resource} in {place}"
        for user in ours
        for place in places
        for verb, resource in _ADMINISTRATION
        if connection.allowed(user, verb, resource, place)
    ]
    if not ours:
        return Verdict(False, "cannot tell: nobody has a role over the site")
    return _judged(
        "operators and auditors", [f"{verb} {resource}" for verb, resource in _ADMINISTRATION], admitted
    )


def _elsewhere(connection: Connection, scope: Scope) -> Verdict:
    """Ask for every bound person whether they may see other projects' jobs; their own is the control."""
    users = _bound(connection, names.namespace(scope.site, scope.project))
    others = {
        project: set(_bound(connection, names.namespace(scope.site, project))) for project in scope.others
    }
    admitted = [
        f"{user} in {project}"
        for project, members in others.items()
        for user in users
        if user not in members
        and connection.allowed(user, "list", "jobs", names.namespace(scope.site, project))
    ]
    return _judged("people in projects that are not theirs", [*scope.others, "nowhere else"], admitted)


def _borrowed(connection: Connection, scope: Scope) -> Verdict:
    """Try to claim this project's input volume from each other project."""
    place = names.namespace(scope.site, scope.project)
    inputs = connection.get(f"/api/v1/namespaces/{place}/persistentvolumeclaims/inputs")
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "attempt"},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": names.storage_class(scope.site, scope.project),
            "volumeName": str(at(inputs, "spec", "volumeName")),
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    admitted = [
        project
        for project in scope.others
        if not connection.refusal(
            f"/api/v1/namespaces/{names.namespace(scope.site, project)}/persistentvolumeclaims", claim
        )
    ]
    return _judged("a claim of this volume from", list(scope.others) or ["no other project"], admitted)


def both(first: Verdict, second: Verdict) -> Verdict:
    """Return one verdict of two on the same promise."""
    if not (first.kept and second.kept):
        return second if first.kept else first
    return Verdict(True, f"{first.because}; {second.because}", (*first.cited, *second.cited))
