"""Proofs of the workspace's promises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.contract import Evidence, Record, Records, Verdict, changed
from providers.kubernetes import names
from providers.kubernetes.evidence.view import (
    ACCOUNT,
    BINDING,
    CONFIG_MAP,
    CRON_JOB,
    GUARD,
    LIMITS,
    NAMESPACE,
    NETWORK_POLICY,
    POD,
    POLICY,
    QUOTA,
    ROLE,
    View,
    all_of,
    at,
    called,
    keeper,
    listed,
    mapped,
    planted,
    respecified,
    view,
    without,
)
from providers.kubernetes.objects import NAMESPACE_LABEL, NETWORK_POLICIES

_PSA: Final = "pod-security.kubernetes.io"
_FORBIDDEN: Final = {
    "*",
    "pods/*",
    "pods/exec",
    "pods/attach",
    "pods/portforward",
    "pods/log",
    "pods/proxy",
    "pods/ephemeralcontainers",
    "secrets",
    "services/proxy",
}


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


def no_privilege(records: Records) -> Verdict:
    """Pod Security `restricted` is enforced at a pinned version, and admission refuses privilege by itself."""
    project = view(records)
    own = project.own_namespace()
    labels = mapped(own and own.inputs, "metadata", "labels")
    pinned = str(labels.get(f"{_PSA}/enforce-version", "")).startswith("v")
    restricted = labels.get(f"{_PSA}/enforce") == "restricted" and pinned
    means = [own if restricted else None, *project.admits("privilege")]
    return all_of("privilege is refused by Pod Security and by admission", means)


def approved_images_only(records: Records) -> Verdict:
    """Admission refuses every image that is not of an approved registry and named by digest."""
    project = view(records)
    loose = [
        f"pod {at(pod.inputs, 'metadata', 'name')} runs {at(each, 'image')}, which is not named by digest"
        for pod in project.mine(POD)
        for each in listed(pod.inputs, "spec", "containers")
        if "@sha256:" not in str(at(each, "image"))
    ]
    return all_of("only images of approved registries run, by digest", project.admits("images"), loose)


def no_copy_out(records: Records) -> Verdict:
    """Admission refuses sessions and publication, and no role grants shells, logs, secrets or forwarded ports."""
    project = view(records)
    offences = [
        f"role {at(role.inputs, 'metadata', 'name')} grants {', '.join(granted)}"
        for role in project.mine(ROLE)
        if (granted := _granted(role))
    ]
    means = project.admits("sessions", "services", "routes")
    return all_of("shells, forwarded ports and publication are refused", means, offences)


def _granted(role: Record) -> list[str]:
    resources = {each for rule in listed(role.inputs, "rules") for each in listed(rule, "resources")}
    return sorted(resources & _FORBIDDEN)


def quota_enforced(records: Records) -> Verdict:
    """A quota caps cores, memory, storage and pods, and limits give every container a bound."""
    project = view(records)
    needed = {"limits.cpu", "limits.memory", "requests.storage", "pods", "services.loadbalancers"}
    quotas = [each for each in project.mine(QUOTA) if needed <= set(at(each.inputs, "spec", "hard") or {})]
    limits = project.mine(LIMITS)
    return all_of("the project's share is capped", [*(quotas or [None]), *(limits or [None])])


def budget_capped(records: Records) -> Verdict:
    """The project's budget is written down, and the keeper stops its compute when that is spent."""
    project = view(records)
    told = [each for each in project.mine(CONFIG_MAP) if at(each.inputs, "data", "budget.json")]
    bounded = [each for each in told if json.loads(str(at(each.inputs, "data", "budget.json")))["amount"] > 0]
    means, silent = keeper(project)
    return all_of("the keeper stops compute when the budget is spent", [*(bounded or [None]), *means], silent)


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
    "no-privilege": Evidence(
        no_privilege,
        {
            "labelled privileged": lambda records: [
                Record(r.type, r.name, _relabelled(r.inputs, f"{_PSA}/enforce", "privileged"), r.component)
                if r.type == NAMESPACE
                else r
                for r in records
            ],
            "no binding": without(called(BINDING, "--privilege")),
        },
    ),
    "approved-images-only": Evidence(
        approved_images_only,
        {
            "policy that fails open": respecified(POLICY, "--images", failurePolicy="Ignore"),
            "binding that only warns": respecified(BINDING, "--images", validationActions=["Warn"]),
            "a pod by tag": planted(
                POD, "loose", spec={"containers": [{"image": "example.org/tool:latest"}]}
            ),
        },
    ),
    "no-copy-out": Evidence(
        no_copy_out,
        {
            "a role with shells": planted(
                ROLE, "shell", rules=[{"resources": ["pods/exec"], "verbs": ["create"]}]
            ),
            "a role with logs": planted(ROLE, "logs", rules=[{"resources": ["pods/log"], "verbs": ["get"]}]),
            "sessions allowed": without(called(BINDING, "--sessions")),
        },
    ),
    "quota-enforced": Evidence(
        quota_enforced,
        {
            "no quota": without(lambda record: record.type == QUOTA),
            "no cap on memory": respecified(QUOTA, "quota", hard={"pods": "10"}),
        },
    ),
    "budget-capped": Evidence(
        budget_capped,
        {
            "no keeper": without(lambda record: record.type == CRON_JOB),
            "a keeper that is suspended": respecified(CRON_JOB, "keeper", suspend=True),
            "no budget": changed(called(CONFIG_MAP, "workspace"), data={}),
        },
    ),
    "egress-only-through-airlock": Evidence(
        egress_only_through_airlock,
        {"allow all": _ALLOW_ALL, "a route out": _ALLOW_WORLD, "a neighbour": _ALLOW_NEIGHBOUR},
    ),
}


def _relabelled(inputs: Mapping[str, Any], label: str, value: str) -> dict[str, Any]:
    metadata = dict(inputs["metadata"])
    return {**inputs, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), label: value}}}
