"""Secrets and certificates as objects of a cluster."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

from components.contract import Component
from providers.kubernetes.doors import authority
from providers.kubernetes.doors.seal import Seal
from providers.kubernetes.objects import meta

AUTHORITY = "authority"
"""Name of the ConfigMap that holds the authority's certificate, for whoever checks a service's."""


class Certified:
    """The authority of one component's services, and what it signs."""

    def __init__(
        self, component: Component[Any, Any, Any], seal: Seal, part: str, place: str, after: pulumi.Resource
    ) -> None:
        self._component, self._seal, self._place, self._after = component, seal, place, after
        self._name = f"TRE {component.spec.site} {part}"
        self.certificate: pulumi.Output[str] = pulumi.Output.unsecret(
            seal.seed("authority").apply(lambda seed: authority.authority(seed, self._name).certificate)
        )
        ConfigMap(
            f"{part}-authority",
            metadata=meta(component.spec, AUTHORITY, place),
            data={"ca.crt": self.certificate},
            opts=component.child(depends_on=[after]),
        )

    def hold(self, name: str, values: Mapping[str, pulumi.Input[str]]) -> Secret:
        """Keep secrets in the component's namespace for its pods."""
        return Secret(
            f"{name}-secret",
            metadata=meta(self._component.spec, name, self._place),
            string_data={key: pulumi.Output.secret(value) for key, value in values.items()},
            opts=self._component.child(depends_on=[self._after]),
        )

    def serve(self, name: str, hosts: Sequence[str]) -> Secret:
        """Certify a service under its names, with its key and the authority beside it."""
        year, own = datetime.datetime.now(datetime.UTC).year, self._name
        seeds = pulumi.Output.all(self._seal.seed("authority"), self._seal.seed(f"certificate {name}"))
        pair = seeds.apply(lambda both: authority.service(both[0], both[1], own, hosts, year))
        return self.hold(
            f"{name}-tls",
            {
                "tls.crt": pair.apply(lambda made: made.certificate),
                "tls.key": pair.apply(lambda made: made.key),
                "ca.crt": self.certificate,
            },
        )


def stamp(*told: pulumi.Input[Any]) -> pulumi.Output[str]:
    """Return what changes when anything of this changes, and tells nothing of it."""
    return pulumi.Output.unsecret(pulumi.Output.all(*told).apply(_digest))


def _digest(told: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
