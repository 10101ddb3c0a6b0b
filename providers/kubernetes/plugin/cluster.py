"""Single objects in a cluster: read, apply, delete, watch, and what is said about them."""

import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Literal

from providers.kubernetes.plugin.client import Client
from providers.kubernetes.plugin.discovery import Discovery, root
from providers.kubernetes.plugin.errors import ApiError
from providers.kubernetes.plugin.kubeconfig import Endpoint
from providers.kubernetes.plugin.naming import Kind, Reference
from providers.kubernetes.plugin.values import Object, annotation, part, parts

DEFAULT_NAMESPACE = "default"
_NAMESPACE = Kind("v1", "Namespace")
_EVENTS = Kind("v1", "Event")
_ABSENT_SECONDS = 2.0
"""How long a preview believes that a namespace is absent, so that its hundred objects ask once."""
Propagation = Literal["Foreground", "Background", "Orphan"]


class Cluster:
    """One API server, shared by every engine that deploys to it; safe to use from many threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.client = Client(endpoint)
        self.discovery = Discovery(self.client)
        self.default_namespace = endpoint.namespace
        self._absent: dict[str, float] = {}
        self._lock = threading.Lock()

    def reference(self, kind: Kind, namespace: str, name: str) -> Reference:
        """The object's place: namespaced kinds get a namespace, others none. Raises NoSuchKind."""
        if not self.discovery.served(kind).namespaced:
            return Reference(kind, "", name)
        return Reference(kind, namespace or self.default_namespace or DEFAULT_NAMESPACE, name)

    def get(self, reference: Reference) -> Object | None:
        """The live object, or None where there is none."""
        try:
            return self.client.request("GET", self._path(reference))
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def apply(
        self, reference: Reference, body: Object, manager: str, *, force: bool = False, dry_run: bool = False
    ) -> Object:
        """The object after a server-side apply of `body` in the name of `manager`.

        Unknown fields are refused, so that a misspelt restriction is not dropped in silence. Raises ApiError.
        """
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return self.client.request(
            "PATCH", self._path(reference), query, body, "application/apply-patch+yaml"
        )

    def delete(self, reference: Reference, uid: str, propagation: Propagation) -> Object | None:
        """The object as it goes, or None when it is gone already. `uid` (may be empty) guards a successor."""
        options: Object = {"propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            answer = self.client.request(
                "DELETE", self._path(reference), body=options, kind="application/json"
            )
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            if error.status != HTTPStatus.CONFLICT:
                raise
            # Either it is on its way out already, or another object has its name now.
            live = self.get(reference)
            return live if live and uid in ("", part(live, "metadata", "uid")) else None
        # What has not gone at once carries the moment at which its deletion began.
        return answer if part(answer, "metadata", "deletionTimestamp") else None

    def watch(self, reference: Reference, version: str, seconds: int) -> Iterator[Object]:
        """Events of one object from `version` (a resource version) on, for at most `seconds`."""
        path = self._path(reference).rpartition("/")[0]
        query = {"fieldSelector": f"metadata.name={reference.name}", "resourceVersion": version}
        return self.client.watch(path, query, seconds)

    def selected(self, kind: Kind, namespace: str, labels: dict[str, str]) -> list[Object]:
        """The objects of `kind` in `namespace` that have all of `labels`."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        path = self._path(Reference(kind, namespace, "")).rstrip("/")
        return parts(self.client.request("GET", path, {"labelSelector": selector}), "items")

    def warnings(self, live: Object) -> list[Object]:
        """The warning events about a live object, oldest first."""
        uid, namespace = part(live, "metadata", "uid"), part(live, "metadata", "namespace")
        path = self._path(Reference(_EVENTS, namespace or DEFAULT_NAMESPACE, "")).rstrip("/")
        query = {"fieldSelector": f"involvedObject.uid={uid},type=Warning"}
        return sorted(parts(self.client.request("GET", path, query), "items"), key=_last_seen)

    def has_namespace(self, name: str) -> bool:
        """Whether the namespace is there; its absence is remembered for two seconds."""
        if time.monotonic() - self._absent.get(name, -_ABSENT_SECONDS) < _ABSENT_SECONDS:
            return False
        if self.get(Reference(_NAMESPACE, "", name)) is None:
            self._absent[name] = time.monotonic()
            return False
        return True

    def _path(self, reference: Reference) -> str:
        plural = self.discovery.served(reference.kind).plural
        place = f"/namespaces/{reference.namespace}" if reference.namespace else ""
        return f"{root(reference.kind.api_version)}{place}/{plural}/{reference.name}"


def _last_seen(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


PROPAGATION = "pulumi.com/deletionPropagationPolicy"
_WITH_DEPENDENTS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"})


def propagation(body: Object, kind: Kind) -> Propagation:
    """How dependents of an object go with it.

    Kinds that own pods wait for them; for the rest the foreground policy, which the official plugin uses for
    all, would only send each delete through the garbage collector.
    """
    match annotation(body, PROPAGATION).lower():
        case "orphan":
            return "Orphan"
        case "background":
            return "Background"
        case "foreground":
            return "Foreground"
        case _:
            return "Foreground" if kind.kind in _WITH_DEPENDENTS else "Background"
