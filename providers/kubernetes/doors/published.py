"""Under which addresses people reach the site's services, and the images these run."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

import pulumi
from pulumi_kubernetes.core.v1 import Service, ServicePortArgs, ServiceSpecArgs

from components.contract import Component
from components.errors import Unbuildable
from components.model import Target
from providers.kubernetes.doors.pods import SERVICE
from providers.kubernetes.objects import meta
from providers.kubernetes.target import KubernetesTarget

_ABSENT: Final = "cluster.invalid"
"""The host of a local cluster that has never run: an offline plan needs some name, and this one leads nowhere."""
_EMBEDDED: Final = "embedded"


def host(target: KubernetesTarget) -> str:
    """Return the name or address under which browsers reach the cluster.

    Raises:
        Unbuildable: it is a cluster of your own, and its target does not say.
    """
    if target.services.host:
        return target.services.host
    if not target.embedded:
        raise Unbuildable(
            "services.host",
            "nothing says under which name people reach the cluster",
            "Name it in the target.",
        )
    return _local()


def _local() -> str:
    from providers.kubernetes import cluster

    file = cluster.kubeconfig_path()
    if not file.exists():
        return _ABSENT
    server = str(json.loads(file.read_text())["clusters"][0]["cluster"]["server"])
    return urlsplit(server).hostname or _ABSENT


def image(target: Target, told: str, own: str, key: str) -> str:
    """Return the image of a service: the local cluster's, as the program was told, or the target's own.

    Raises:
        Unbuildable: it is a cluster of your own, and its target names none.
    """
    if told and told != _EMBEDDED:
        return told
    if not own:
        raise Unbuildable(f"services.{key}", "no image is named", "Name one by its digest in the target.")
    return own


def publish(
    component: Component[Any, KubernetesTarget, Any],
    service: str,
    place: str,
    port: int,
    published: int,
    after: pulumi.Resource,
) -> None:
    """Make a service reachable for people. The caller's address is kept, because policies judge it."""
    exposure = component.target.services.exposure
    Service(
        service,
        metadata=meta(component.spec, service, place, annotations={"pulumi.com/skipAwait": "true"}),
        spec=ServiceSpecArgs(
            type=exposure,
            external_traffic_policy="Local",
            selector={SERVICE: service},
            ports=[
                ServicePortArgs(
                    name="https",
                    port=published,
                    target_port=port,
                    node_port=published if exposure == "NodePort" else None,
                )
            ],
        ),
        opts=component.child(depends_on=[after]),
    )
