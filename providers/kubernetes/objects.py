"""Small typed builders for objects that several components register alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    PodSecurityContextArgs,
    SeccompProfileArgs,
    SecurityContextArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from components.contract import Spec
from providers.kubernetes import names

ANALYST_USER: Final = 1000
"""User and group id of everything that runs for researchers; the workspace image has it."""
LOADER_USER: Final = 10001
"""User id of the loader, the only one that may write inputs."""

NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
NETWORK_POLICIES: Final = f"{names.LABEL}/network-policies"
"""Annotation of a project's namespace: which dialect of policies its walls are built in."""


FIRM: Final = {"pulumi.com/patchForce": "true"}
"""Annotation by which a deployment sets right what somebody changed by hand, instead of stopping at it."""


def labels(spec: Spec) -> dict[str, str]:
    """Return the labels that say which site, scope and tier an object belongs to."""
    return {
        f"{names.LABEL}/site": spec.site,
        f"{names.LABEL}/project": spec.scope,
        f"{names.LABEL}/tier": str(spec.tier),
        "app.kubernetes.io/managed-by": "tre",
    }


def pod_security(version: str) -> dict[str, str]:
    """Return the namespace labels of Pod Security `restricted`, pinned to a version of the standard."""
    prefix = "pod-security.kubernetes.io"
    return {
        f"{prefix}/{mode}{suffix}": value
        for mode in ("enforce", "audit", "warn")
        for suffix, value in (("", "restricted"), ("-version", version))
    }


def meta(
    spec: Spec,
    name: str,
    namespace: pulumi.Input[str] = "",
    *,
    annotations: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
) -> ObjectMetaArgs:
    """Return an object's metadata with a fixed name: the same object at every deployment.

    `extra` are labels beside those of the site and scope; without a `namespace` the object is cluster-wide.
    """
    return ObjectMetaArgs(
        name=name,
        namespace=None if namespace == "" else namespace,
        labels={**labels(spec), **(extra or {})},
        annotations={**FIRM, **(annotations or {})},
    )


def pod_user(user: int, *, own_volumes: bool) -> PodSecurityContextArgs:
    """Return a pod's security context under Pod Security `restricted`.

    `own_volumes` has the kubelet hand writable volumes to the user's group, for drivers that do not do it. It
    is off where the driver does: a group that owns the inputs could write them.
    """
    return PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=user,
        fs_group=user if own_volumes else None,
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def confined() -> SecurityContextArgs:
    """Return a container's security context under Pod Security `restricted`, with a read-only root."""
    return SecurityContextArgs(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=CapabilitiesArgs(drop=["ALL"]),
    )


def default_deny() -> NetworkPolicySpecArgs:
    """Return the policy that lets nothing in or out.

    In the standard dialect an absent rule list denies; `[{}]` would allow all. (In Cilium's own dialect it is
    the other way round, which is why each dialect is written in one place.)
    """
    return NetworkPolicySpecArgs(pod_selector=LabelSelectorArgs(), policy_types=["Ingress", "Egress"])


def peer(namespace: str, pod_labels: Mapping[str, str] | None = None) -> NetworkPolicyPeerArgs:
    """Return a peer: the pods of one namespace, all or those with labels."""
    return NetworkPolicyPeerArgs(
        namespace_selector=LabelSelectorArgs(match_labels={NAMESPACE_LABEL: namespace}),
        pod_selector=LabelSelectorArgs(match_labels=dict(pod_labels)) if pod_labels else None,
    )


def ports(*numbers: int, protocols: Sequence[str] = ("TCP",)) -> list[NetworkPolicyPortArgs]:
    """Return ports of a policy rule."""
    return [NetworkPolicyPortArgs(port=number, protocol=each) for number in numbers for each in protocols]


def allow_egress(
    to: NetworkPolicyPeerArgs, through: Sequence[NetworkPolicyPortArgs]
) -> NetworkPolicySpecArgs:
    """Return a policy that lets every pod of its namespace send to one peer."""
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(),
        policy_types=["Egress"],
        egress=[NetworkPolicyEgressRuleArgs(to=[to], ports=list(through))],
    )


def allow_ingress(
    source: NetworkPolicyPeerArgs, through: Sequence[NetworkPolicyPortArgs]
) -> NetworkPolicySpecArgs:
    """Return a policy that lets one peer send to every pod of its namespace."""
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(),
        policy_types=["Ingress"],
        ingress=[NetworkPolicyIngressRuleArgs(from_=[source], ports=list(through))],
    )
