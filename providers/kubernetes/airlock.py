"""The airlock's place on Kubernetes, and the walls that close every other way in or out of the site's projects.

The two doors move in with the portal service. The namespace, its policies and the admission policies stand
from the first deployment, so that a workspace can name the inside door before there is one.
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, Service, ServicePortArgs, ServiceSpecArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicySpecArgs,
)

from components.airlock import Airlock, AirlockOutputs
from providers.kubernetes import admission, names
from providers.kubernetes.objects import default_deny, meta, pod_security, ports
from providers.kubernetes.target import KubernetesTarget

INSIDE_PORT: Final = 8443
INSIDE: Final = {f"{names.LABEL}/door": "inside"}


class KubernetesAirlock(Airlock[KubernetesTarget]):
    """The airlock's namespace, open to the site's projects on the inside door's port and to nothing else."""

    def build(self) -> AirlockOutputs:
        place = names.site_namespace(self.spec.site, "airlock")
        namespace = Namespace(
            "airlock-namespace",
            metadata=meta(self.spec, place, extra=pod_security(self.target.pod_security_version)),
            opts=self.child(),
        )
        self._network(place, namespace)
        self._inside_door(place, namespace)
        for policy in admission.all_policies(self.spec.site, self.target.registries):
            admission.register(self.spec, policy, self.child())
        return AirlockOutputs(
            inside=pulumi.Output.from_input(f"https://inside.{place}.svc.cluster.local:{INSIDE_PORT}"),
            place=namespace.metadata.name,
            port=pulumi.Output.from_input(INSIDE_PORT),
            outside=pulumi.Output.from_input(""),
        )

    def _network(self, place: str, namespace: Namespace) -> None:
        NetworkPolicy(
            "airlock-default-deny",
            metadata=meta(self.spec, "default-deny", place),
            spec=default_deny(),
            opts=self.child(depends_on=[namespace]),
        )
        NetworkPolicy(
            "airlock-inside-door",
            metadata=meta(self.spec, "inside-door", place),
            spec=NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=INSIDE),
                policy_types=["Ingress"],
                ingress=[NetworkPolicyIngressRuleArgs(from_=[self._projects()], ports=ports(INSIDE_PORT))],
            ),
            opts=self.child(depends_on=[namespace]),
        )

    def _projects(self) -> NetworkPolicyPeerArgs:
        project = LabelSelectorRequirementArgs(
            key=f"{names.LABEL}/project", operator="NotIn", values=["site"]
        )
        return NetworkPolicyPeerArgs(
            namespace_selector=LabelSelectorArgs(
                match_labels={f"{names.LABEL}/site": self.spec.site}, match_expressions=[project]
            )
        )

    def _inside_door(self, place: str, namespace: Namespace) -> None:
        Service(
            "airlock-inside",
            metadata=meta(self.spec, "inside", place, annotations={"pulumi.com/skipAwait": "true"}),
            spec=ServiceSpecArgs(
                type="ClusterIP", selector=INSIDE, ports=[ServicePortArgs(port=INSIDE_PORT, name="https")]
            ),
            opts=self.child(depends_on=[namespace]),
        )
