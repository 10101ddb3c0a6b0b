"""A project's workspace on Kubernetes: policies, quota and the pod template that jobs are made from."""

from __future__ import annotations

import json
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    LimitRange,
    LimitRangeItemArgs,
    LimitRangeSpecArgs,
    ResourceQuota,
    ResourceQuotaSpecArgs,
    ServiceAccount,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from components.workspace import Workspace, WorkspaceOutputs
from providers.kubernetes import names
from providers.kubernetes.objects import allow_egress, meta, peer, ports
from providers.kubernetes.target import KubernetesTarget

SERVICE_ACCOUNT = "workspace"
AUTHORITY = "airlock-authority"
"""Name of the ConfigMap that holds the certificate by which a workspace knows the inside door."""
TEMPLATE = "workspace"
"""Name of the ConfigMap that tells how a job's pod is made (`job.py` reads it)."""


class KubernetesWorkspace(Workspace[KubernetesTarget]):
    """Compute of one project: default-deny stands already (the data store's); this opens what is allowed."""

    def build(self) -> WorkspaceOutputs:
        place = names.namespace(self.spec.site, self.spec.scope)
        self._account(place)
        self._network(place)
        if self.target.network_policies == "cilium":
            self._guard()
        self._share(place)
        self._template(place)
        return WorkspaceOutputs(place=pulumi.Output.from_input(place))

    def _account(self, place: str) -> None:
        ServiceAccount(
            SERVICE_ACCOUNT,
            metadata=meta(self.spec, SERVICE_ACCOUNT, place),
            automount_service_account_token=False,
            opts=self.child(),
        )

    def _network(self, place: str) -> None:
        """Open the three paths a workspace has: its own pods, the name server, the airlock's inside door."""
        own = NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs())
        door = peer_of_airlock(self.airlock.place)
        policies = {
            "within-project": NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(),
                policy_types=["Ingress", "Egress"],
                ingress=[NetworkPolicyIngressRuleArgs(from_=[own])],
                egress=[NetworkPolicyEgressRuleArgs(to=[own])],
            ),
            "names": allow_egress(
                peer(self.target.dns.namespace, self.target.dns.labels),
                ports(53, protocols=("UDP", "TCP")),
            ),
            "airlock": NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(),
                policy_types=["Egress"],
                egress=[
                    NetworkPolicyEgressRuleArgs(
                        to=[door], ports=[NetworkPolicyPortArgs(port=self.airlock.port, protocol="TCP")]
                    )
                ],
            ),
        }
        for name, spec in policies.items():
            NetworkPolicy(
                f"allow-{name}",
                metadata=meta(self.spec, f"allow-{name}", place),
                spec=spec,
                opts=self.child(),
            )

    def _guard(self) -> None:
        """Deny outright, cluster-wide: a deny wins over any policy that somebody adds to the namespace."""
        CustomResource(
            "guard",
            api_version="cilium.io/v2",
            kind="CiliumClusterwideNetworkPolicy",
            metadata=meta(self.spec, names.guard(self.spec.site, f"project-{self.spec.scope}")),
            spec=guard_rules(self.spec.site, self.spec.scope),
            opts=self.child(),
        )

    def _share(self, place: str) -> None:
        quota, size = self.spec.quota, self.spec.size
        hard = {
            "requests.cpu": str(quota.cpu),
            "limits.cpu": str(quota.cpu),
            "requests.memory": f"{quota.memory_gib}Gi",
            "limits.memory": f"{quota.memory_gib}Gi",
            "requests.storage": f"{quota.storage_gib}Gi",
            "pods": str(quota.machines),
            "services.nodeports": "0",
            "services.loadbalancers": "0",
            "requests.nvidia.com/gpu": str(size.gpu * self.spec.count),
        }
        ResourceQuota(
            "quota",
            metadata=meta(self.spec, "quota", place),
            spec=ResourceQuotaSpecArgs(hard=hard),
            opts=self.child(),
        )
        LimitRange(
            "limits",
            metadata=meta(self.spec, "limits", place),
            spec=LimitRangeSpecArgs(
                limits=[
                    LimitRangeItemArgs(
                        type="Container",
                        default={"cpu": str(size.cpu), "memory": f"{size.memory_gib}Gi"},
                        default_request={"cpu": "50m", "memory": "64Mi"},
                        max={"cpu": str(quota.cpu), "memory": f"{quota.memory_gib}Gi"},
                    )
                ]
            ),
            opts=self.child(),
        )

    def _template(self, place: str) -> None:
        settings: dict[str, Any] = {
            "image": self.spec.image,
            "cpu": self.spec.size.cpu,
            "memory_gib": self.spec.size.memory_gib,
            "gpu": self.spec.size.gpu,
            "deadline_seconds": self.spec.deadline_hours * 3600,
            "runtime_class": self.target.runtime_class if self.spec.sandboxed else "",
            "user_namespaces": self.target.user_namespaces,
            "own_volumes": not self.target.storage.sets_owner,
        }
        text = pulumi.Output.json_dumps(
            {
                **settings,
                "inputs": self.data.inputs,
                "working": self.data.working,
                "outbox": self.data.outbox,
                "airlock": self.airlock.inside,
                "authority": self.airlock.authority,
            }
        )
        ConfigMap(
            "authority",
            metadata=meta(self.spec, AUTHORITY, place),
            data={"ca.crt": self.airlock.authority},
            opts=self.child(),
        )
        ConfigMap(
            "template",
            metadata=meta(self.spec, TEMPLATE, place),
            data={"template.json": text, "budget.json": json.dumps(self.spec.budget.model_dump())},
            opts=self.child(),
        )


def peer_of_airlock(place: pulumi.Input[str]) -> NetworkPolicyPeerArgs:
    """Return the peer of the airlock's inside door: pods with its label in the airlock's namespace."""
    return NetworkPolicyPeerArgs(
        namespace_selector=LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": place}),
        pod_selector=LabelSelectorArgs(match_labels={f"{names.LABEL}/door": "inside"}),
    )


def guard_rules(site: str, project: str) -> dict[str, Any]:
    """Return Cilium's deny rules of one project: the world, the node, the API server, every other project.

    `enableDefaultDeny: false` because a deny rule alone must not switch on an allow-list of its own.
    """
    prefix = "k8s:io.cilium.k8s.namespace.labels"
    mine = {f"{prefix}.{names.LABEL}/site": site, f"{prefix}.{names.LABEL}/project": project}
    others = [
        {
            "matchExpressions": [
                {"key": f"{prefix}.{names.LABEL}/project", "operator": "Exists"},
                {"key": f"{prefix}.{names.LABEL}/project", "operator": "NotIn", "values": [project, "site"]},
            ]
        }
    ]
    return {
        "endpointSelector": {"matchLabels": mine},
        "enableDefaultDeny": {"ingress": False, "egress": False},
        "egressDeny": [
            {"toEntities": ["world", "host", "remote-node", "kube-apiserver"]},
            {"toEndpoints": others},
        ],
        "ingressDeny": [{"fromEntities": ["world"]}, {"fromEndpoints": others}],
    }
