"""Proofs of the workspace's promises about what it can reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.contract import Evidence, Record, Records, Verdict
from providers.kubernetes import names
from providers.kubernetes.evidence.view import (
    ACCOUNT,
    GUARD,
    NETWORK_POLICY,
    View,
    all_of,
    at,
    called,
    listed,
    mapped,
    planted,
    view,
    without,
)
from providers.kubernetes.objects import NAMESPACE_LABEL, NETWORK_POLICIES


def _default_deny(project: View) -> Record | None:
    for policy in project.mine(NETWORK_POLICY):
        spec = mapped(policy.inputs, "spec")
        types = set(listed(spec, "policyTypes"))
        empty = not spec.get("podSelector") and not spec.get("ingress") and not spec.get("egress")
        if empty and types == {"Ingress", "Egress"}:
            return policy
    return None


def _guarded(project: View) -> bool:
    own = project.own_namespace()
    return own is not None and at(own.inputs, "metadata", "annotations", NETWORK_POLICIES) == "cilium"


def _guard(project: View, *entities: str) -> list[Record | None]:
    """Return the cluster-wide deny, where the target has that dialect, if it still denies the entities."""
    if not _guarded(project):
        return []
    guard = project.named(GUARD, names.guard(project.site, f"project-{project.project}"))
    rules = listed(guard.inputs, "spec", "egressDeny") if guard else []
    denied = {entity for rule in rules for entity in listed(rule, "toEntities")}
    return [guard if set(entities) <= denied else None]


def _others_denied(project: View) -> list[Record | None]:
    if not _guarded(project):
        return []
    guard = project.named(GUARD, names.guard(project.site, f"project-{project.project}"))
    both = guard and all(
        any(listed(rule, peers) for rule in listed(guard.inputs, "spec", direction))
        for direction, peers in (("egressDeny", "toEndpoints"), ("ingressDeny", "fromEndpoints"))
    )
    return [guard if both else None]


def _rules(project: View, direction: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for policy in project.mine(NETWORK_POLICY):
        for rule in listed(policy.inputs, "spec", direction):
            yield str(at(policy.inputs, "metadata", "name")), rule


def _peers(project: View, direction: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield (policy's name, rule, peer) for each allowed peer; an empty peer list allows everybody: `{}`."""
    key = {"egress": "to", "ingress": "from"}[direction]
    for policy, rule in _rules(project, direction):
        for peer in listed(rule, key) or [{}]:
            yield policy, rule, peer


def _anybody(peer: Mapping[str, Any]) -> bool:
    return not any(key in peer for key in ("ipBlock", "namespaceSelector", "podSelector"))


def _namespace_of(peer: Mapping[str, Any], own: str) -> str | None:
    """Return the one namespace a peer is in, or None where it may be in several."""
    if "namespaceSelector" not in peer:
        return own
    return mapped(peer, "namespaceSelector", "matchLabels").get(NAMESPACE_LABEL)


def no_route_to_internet(records: Records) -> Verdict:
    """Nothing is allowed out by address, everything else is denied, and the world is denied cluster-wide."""
    project = view(records)
    offences = [
        f"network policy {policy} lets the workspace send to addresses outside the cluster"
        for policy, _, peer in _peers(project, "egress")
        if "ipBlock" in peer or _anybody(peer)
    ]
    means = [_default_deny(project), *_guard(project, "world")]
    return all_of("all traffic out is denied by default", means, offences)


def no_path_to_other_projects(records: Records) -> Verdict:
    """Each peer is one of the namespaces a project may meet, and other projects are denied cluster-wide."""
    project = view(records)
    offences = [
        f"network policy {policy} opens a path ({direction}) to other namespaces"
        for direction in ("ingress", "egress")
        for policy, _, peer in _peers(project, direction)
        if _anybody(peer) or _leads_elsewhere(project, peer)
    ]
    return all_of(
        "project namespaces have no path between them",
        [_default_deny(project), *_others_denied(project)],
        offences,
    )


def _leads_elsewhere(project: View, peer: Mapping[str, Any]) -> bool:
    """Tell whether a peer is in the cluster and neither the project, its site's airlock nor the name server."""
    allowed = (project.namespace, names.site_namespace(project.site, "airlock"))
    inside = "ipBlock" not in peer
    return inside and _namespace_of(peer, project.namespace) not in allowed and not _is_names(project, peer)


def _is_names(project: View, peer: Mapping[str, Any]) -> bool:
    where = _namespace_of(peer, project.namespace)
    labelled = bool(at(peer, "podSelector", "matchLabels"))
    return where is not None and labelled and not where.startswith("tre-p-")


def no_path_to_control_plane(records: Records) -> Verdict:
    """The API server, the node and the metadata address are denied, and no credentials are at hand."""
    project = view(records)
    offences = [
        f"network policy {policy} allows addresses, the control plane's among them"
        for policy, _, peer in _peers(project, "egress")
        if _anybody(peer) or _covers_control_plane(str(at(peer, "ipBlock", "cidr") or ""))
    ]
    accounts = project.mine(ACCOUNT)
    tokens = [
        f"service account {at(each.inputs, 'metadata', 'name')} has its token mounted"
        for each in accounts
        if each.inputs.get("automountServiceAccountToken") is not False and _is_ours(each)
    ]
    account = next((each for each in accounts if at(each.inputs, "metadata", "name") == "workspace"), None)
    means = [_default_deny(project), *_guard(project, "kube-apiserver", "host"), account]
    return all_of(
        "the control plane is out of reach and no credentials are mounted", means, offences + tokens
    )


def _is_ours(record: Record) -> bool:
    return at(record.inputs, "metadata", "labels", f"{names.LABEL}/project") is not None


def _covers_control_plane(cidr: str) -> bool:
    # Private, link-local and catch-all ranges may hold the API server, the node or the metadata service.
    return cidr.startswith(("0.", "10.", "127.", "169.254.", "172.", "192.168.", "::", "fc", "fd", "fe80"))


def inside_names_only(records: Records) -> Verdict:
    """The cluster's name server is the only one that may be asked."""
    project = view(records)
    offences = [
        f"network policy {policy} lets the workspace ask other name servers"
        for policy, rule, peer in _peers(project, "egress")
        if _allows_port(rule, 53) and not _stays_inside(project, peer) and not _is_names(project, peer)
    ]
    named = [
        policy
        for policy in project.mine(NETWORK_POLICY)
        if any(
            _allows_port(rule, 53) and listed(rule, "ports")
            for rule in listed(policy.inputs, "spec", "egress")
        )
    ]
    return all_of(
        "names are asked of the cluster's own server alone",
        [_default_deny(project), *(named or [None])],
        offences,
    )


def _stays_inside(project: View, peer: Mapping[str, Any]) -> bool:
    return (
        not _anybody(peer)
        and "ipBlock" not in peer
        and _namespace_of(peer, project.namespace) == project.namespace
    )


def _allows_port(rule: Mapping[str, Any], number: int) -> bool:
    allowed = [each.get("port") for each in listed(rule, "ports")]
    return not allowed or number in [int(port) for port in allowed if port is not None]


def egress_only_through_airlock(records: Records) -> Verdict:
    """Outside its own namespace and the name server, the inside door is the one place to send to."""
    project = view(records)
    door = {f"{names.LABEL}/door": "inside"}
    offences = [
        f"network policy {policy} lets the workspace send elsewhere than to the airlock"
        for policy, _, peer in _peers(project, "egress")
        if _anybody(peer) or "ipBlock" in peer or _leads_elsewhere(project, peer)
    ]
    doors = [
        policy
        for policy in project.mine(NETWORK_POLICY)
        if at(policy.inputs, "spec", "egress", 0, "to", 0, "podSelector", "matchLabels") == door
    ]
    means = [_default_deny(project), *(doors or [None])]
    return all_of("the airlock's inside door is the only place to send to", means, offences)


def _egress(*peers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"policyTypes": ["Egress"], "podSelector": {}, "egress": [{"to": list(peers), **more}]}


_NO_DEFAULT_DENY: Final = without(called(NETWORK_POLICY, "default-deny"))
_ALLOW_ALL: Final = planted(
    NETWORK_POLICY, "allow-all", spec={"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
)
_ALLOW_WORLD: Final = planted(
    NETWORK_POLICY, "allow-world", spec=_egress({"ipBlock": {"cidr": "203.0.113.0/24"}})
)
_ALLOW_NEIGHBOUR: Final = planted(
    NETWORK_POLICY,
    "neighbour",
    spec=_egress({"namespaceSelector": {"matchLabels": {"tre/project": "other"}}}),
)
_NO_GUARD: Final = without(lambda record: record.type == GUARD)


EVIDENCE: Final[Mapping[str, Evidence]] = {
    "no-route-to-internet": Evidence(
        no_route_to_internet,
        {
            "no default deny": _NO_DEFAULT_DENY,
            "allow all": _ALLOW_ALL,
            "a route out": _ALLOW_WORLD,
            "no guard": _NO_GUARD,
        },
    ),
    "no-path-to-other-projects": Evidence(
        no_path_to_other_projects,
        {
            "no default deny": _NO_DEFAULT_DENY,
            "allow all": _ALLOW_ALL,
            "a neighbour": _ALLOW_NEIGHBOUR,
            "no guard": _NO_GUARD,
        },
    ),
    "no-path-to-control-plane": Evidence(
        no_path_to_control_plane,
        {
            "no default deny": _NO_DEFAULT_DENY,
            "allow all": _ALLOW_ALL,
            "the metadata address": planted(
                NETWORK_POLICY, "metadata", spec=_egress({"ipBlock": {"cidr": "169.254.169.254/32"}})
            ),
            "no guard": _NO_GUARD,
        },
    ),
    "inside-names-only": Evidence(
        inside_names_only,
        {
            "another name server": planted(
                NETWORK_POLICY,
                "names",
                spec=_egress(
                    {"ipBlock": {"cidr": "203.0.113.53/32"}}, ports=[{"port": 53, "protocol": "UDP"}]
                ),
            ),
            "allow all": _ALLOW_ALL,
        },
    ),
    "egress-only-through-airlock": Evidence(
        egress_only_through_airlock,
        {"allow all": _ALLOW_ALL, "a route out": _ALLOW_WORLD, "a neighbour": _ALLOW_NEIGHBOUR},
    ),
}
