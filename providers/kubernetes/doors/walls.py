"""Who may speak to whom among the site's own services: everything else is denied already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicy,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicySpecArgs,
)

from components.contract import Component, Spec
from providers.kubernetes import names
from providers.kubernetes.doors.pods import SERVICE
from providers.kubernetes.objects import default_deny, meta, peer, ports
from providers.kubernetes.target import KubernetesTarget

Peer = NetworkPolicyPeerArgs
_PROJECT: Final = f"{names.LABEL}/project"
_HTTPS: Final = 443


class Walls:
    """The policies of one namespace of the site: nothing in or out but what is named here."""

    def __init__(
        self, component: Component[Any, KubernetesTarget, Any], place: str, after: pulumi.Resource
    ) -> None:
        self._component, self._place, self._after = component, place, after
        self._part = place.rpartition("--")[2]
        self._policy("default-deny", default_deny())
        dns = component.target.dns
        asks = NetworkPolicyEgressRuleArgs(
            to=[peer(dns.namespace, dns.labels)], ports=ports(53, protocols=("UDP", "TCP"))
        )
        self._policy(
            "names",
            NetworkPolicySpecArgs(pod_selector=LabelSelectorArgs(), policy_types=["Egress"], egress=[asks]),
        )

    def let_in(
        self, service: str, port: int, *sources: Peer, labels: Mapping[str, str] | None = None
    ) -> None:
        """Let these in to a service's port; `labels` are those of its pods where they have another mark."""
        pods = LabelSelectorArgs(match_labels=dict(labels)) if labels else of(service)
        rule = NetworkPolicyIngressRuleArgs(from_=list(sources), ports=ports(port))
        self._policy(
            f"into-{service}",
            NetworkPolicySpecArgs(pod_selector=pods, policy_types=["Ingress"], ingress=[rule]),
        )

    def let_out(self, service: str, *ways: tuple[Peer, int]) -> None:
        """Let a service out to these, each at its port."""
        rules = [NetworkPolicyEgressRuleArgs(to=[where], ports=ports(port)) for where, port in ways]
        self._policy(
            f"out-of-{service}",
            NetworkPolicySpecArgs(pod_selector=of(service), policy_types=["Egress"], egress=rules),
        )

    def let_out_to_api_server(self, service: str) -> None:
        """Let a service out to the API server, and where the dialect cannot say that, to any address by HTTPS."""
        if self._component.target.network_policies != "cilium":
            self.let_out(f"{service}", *((anywhere(()), port) for port in (_HTTPS, 6443)))
            return
        CustomResource(
            f"{self._part}-{service}-api-server",
            api_version="cilium.io/v2",
            kind="CiliumNetworkPolicy",
            metadata=meta(self._component.spec, f"{service}-to-api-server", self._place),
            spec={
                "endpointSelector": {"matchLabels": {SERVICE: service}},
                "egress": [{"toEntities": ["kube-apiserver"]}],
            },
            opts=self._component.child(depends_on=[self._after]),
        )

    def guard(self, but: Mapping[str, str] | None = None) -> None:
        """Deny outright every path between the namespace and the projects, but for pods so labelled (Cilium)."""
        if self._component.target.network_policies != "cilium":
            return
        spec = self._component.spec
        CustomResource(
            f"{self._part}-guard",
            api_version="cilium.io/v2",
            kind="CiliumClusterwideNetworkPolicy",
            metadata=meta(spec, names.guard(spec.site, f"site-{self._part}")),
            spec=guard_rules(self._place, but or {}),
            opts=self._component.child(depends_on=[self._after]),
        )

    def _policy(self, name: str, spec: NetworkPolicySpecArgs) -> None:
        NetworkPolicy(
            f"{self._part}-{name}",
            metadata=meta(self._component.spec, name, self._place),
            spec=spec,
            opts=self._component.child(depends_on=[self._after]),
        )


def guard_rules(place: str, but: Mapping[str, str]) -> dict[str, Any]:
    """Return Cilium's deny rules of one namespace of the site: a deny wins over whatever else is added."""
    prefix = "k8s:io.cilium.k8s.namespace.labels"
    projects = [
        {
            "matchExpressions": [
                {"key": f"{prefix}.{_PROJECT}", "operator": "Exists"},
                {"key": f"{prefix}.{_PROJECT}", "operator": "NotIn", "values": ["site"]},
            ]
        }
    ]
    selector: dict[str, Any] = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": place}}
    if but:
        selector["matchExpressions"] = [
            {"key": f"k8s:{label}", "operator": "NotIn", "values": [value]} for label, value in but.items()
        ]
    return {
        "endpointSelector": selector,
        "enableDefaultDeny": {"ingress": False, "egress": False},
        "egressDeny": [{"toEndpoints": projects}],
        "ingressDeny": [{"fromEndpoints": projects}],
    }


def of(service: str) -> LabelSelectorArgs:
    """Return the selector of a service's pods."""
    return LabelSelectorArgs(match_labels={SERVICE: service})


def here(*services: str) -> Peer:
    """Return services of the same namespace."""
    wanted = LabelSelectorRequirementArgs(key=SERVICE, operator="In", values=list(services))
    return NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs(match_expressions=[wanted]))


def there(place: pulumi.Input[str], service: str) -> Peer:
    """Return a service of another namespace of the site."""
    return NetworkPolicyPeerArgs(
        namespace_selector=LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": place}),
        pod_selector=of(service),
    )


def anywhere(networks: Sequence[str]) -> Peer:
    """Return what lies outside the cluster (in Cilium's reading of an address range; the guard says it twice)."""
    return NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=networks[0] if networks else "0.0.0.0/0"))


def people(networks: Sequence[str]) -> list[Peer]:
    """Return where people come from: these networks, or anywhere outside the cluster."""
    return [anywhere((each,)) for each in networks] or [anywhere(())]


def projects_of(spec: Spec) -> Peer:
    """Return the workspaces of every project of the site."""
    project = LabelSelectorRequirementArgs(key=_PROJECT, operator="NotIn", values=["site"])
    return NetworkPolicyPeerArgs(
        namespace_selector=LabelSelectorArgs(
            match_labels={f"{names.LABEL}/site": spec.site}, match_expressions=[project]
        )
    )


def ways_to(address: str, networks: Sequence[str]) -> list[tuple[Peer, int]]:
    """Return the ways to an https address in these networks, or anywhere outside the cluster, each with its port."""
    port = urlsplit(address).port or _HTTPS
    return [(peer, port) for peer in people(networks)]
