"""Requests to a target's API server, by path."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from providers.kubernetes.plugin.client import Client
from providers.kubernetes.plugin.errors import ApiError, PluginError
from providers.kubernetes.plugin.kubeconfig import endpoint, located
from providers.kubernetes.target import KubernetesTarget
from tre.errors import failure

Object = Mapping[str, Any]
Self_ = TypeVar("Self_")
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")
_APPLY: Final = "application/apply-patch+yaml"
_JSON: Final = "application/json"
MANAGER: Final = "tre"
_QUICK: Final = (0.3, 0.6, 1.2)
"""Seconds between tries: a person waits for the answer."""


class Connection:
    """One API server. Paths are Kubernetes' own (`/api/v1/namespaces/demo/pods`)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self, path: str) -> Object | None:
        """Return an object, or None where there is none."""
        try:
            return self._client.request("GET", path)
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def items(self, path: str, selector: str = "") -> list[Object]:
        """Return a collection's objects, each with its own `apiVersion` and `kind`; none where unknown."""
        try:
            found = self._client.request("GET", path, {"labelSelector": selector} if selector else None)
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return []
            raise
        kind = str(found.get("kind", "")).removesuffix("List")
        listed = cast("list[Object]", found.get("items") or [])
        return [{**each, "apiVersion": found["apiVersion"], "kind": kind} for each in listed]

    def apply(self, path: str, body: Object) -> Object:
        """Make an object so, by server-side apply."""
        query = {"fieldManager": MANAGER, "force": "true"}
        return self._client.request("PATCH", path, query, body, _APPLY)

    def create(self, path: str, body: Object, *, dry_run: bool = False) -> Object:
        """Create an object, or with `dry_run` ask whether it would be admitted."""
        return self._client.request("POST", path, {"dryRun": "All"} if dry_run else None, body, _JSON)

    def merge(self, path: str, body: Object) -> Object:
        """Change some fields of an object (JSON merge patch, RFC 7386)."""
        return self._client.request("PATCH", path, None, body, "application/merge-patch+json")

    def delete(self, path: str, *, grace_seconds: int = 0) -> None:
        """Delete an object and what it owns; one that is gone is no error.

        With no grace a pod is forgotten at once, while its processes may still end.
        """
        try:
            self._client.request(
                "DELETE", path, {"propagationPolicy": "Background", "gracePeriodSeconds": str(grace_seconds)}
            )
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def refusal(self, path: str, body: Object) -> str:
        """Try to create an object without keeping it; return the server's refusal, empty if it would admit it."""
        try:
            self.create(path, body, dry_run=True)
        except ApiError as error:
            if error.status in (HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY):
                return error.message
            raise
        return ""

    def text(self, path: str) -> str:
        """Return a path's answer as text (a pod's log)."""
        return self._client.text(path)

    def allowed(
        self, user: str, verb: str, resource: str, namespace: str, groups: Iterable[str] = ()
    ) -> bool:
        """Ask the API server's own authoriser whether a user may do something (SubjectAccessReview)."""
        main, _, sub = resource.partition("/")
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user,
                "groups": [*groups, "system:authenticated"],
                "resourceAttributes": {
                    "namespace": namespace,
                    "verb": verb,
                    "resource": main,
                    "subresource": sub,
                },
            },
        }
        answer = self._client.request(
            "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", None, review, _JSON
        )
        return bool(answer.get("status", {}).get("allowed"))


def spoken(
    method: Callable[Concatenate[Self_, Parameters], Result],
) -> Callable[Concatenate[Self_, Parameters], Result]:
    """Turn what the API server or the network says into a failure that a person can act on."""

    @functools.wraps(method)
    def call(self: Self_, *given: Parameters.args, **named: Parameters.kwargs) -> Result:
        try:
            return method(self, *given, **named)
        except PluginError as error:
            raise failure(
                "cluster", str(error), "`tre doctor` looks at the cluster; then run this again."
            ) from error

    return call


def kubeconfig_of(target: KubernetesTarget) -> str:
    """Return the path of a target's kubeconfig: its own, or the local cluster's."""
    if target.kubeconfig:
        return os.path.expanduser(target.kubeconfig)  # noqa: PTH111 # kept as text, for the provider's setting
    from providers.kubernetes import cluster

    return str(cluster.kubeconfig_path())


def _runs_here() -> bool:
    from providers.kubernetes import cluster

    return cluster.running()


def connect(target: KubernetesTarget) -> Connection:
    """Open a connection to a target's cluster.

    Raises:
        TreError: the kubeconfig is missing or wrong, or the local cluster does not run.
    """
    path = kubeconfig_of(target)
    # Nobody else may be asked in its place: while it is down, its address belongs to whatever routes it.
    if not target.kubeconfig and not _runs_here():
        raise failure("local cluster", "is not running", "Start it with `tre cluster up`.")
    remedy = "Set the target's `kubeconfig`, or start a cluster of your own with `tre cluster up`."
    if not os.path.isfile(path):  # noqa: PTH113 # as above
        raise failure("kubeconfig", f"there is no file {path}", remedy)
    try:
        return Connection(Client(endpoint(located(path, {}, target.context)), _QUICK))
    except PluginError as error:
        raise failure(f"kubeconfig {path}", str(error), remedy) from error
