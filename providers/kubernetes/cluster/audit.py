"""What the API server records: who did what, and the request too for what opens or closes a barrier.

Secrets are recorded as metadata alone, whoever touches them: a log that holds secrets would be one more place to
lose them. The parts' own heartbeat is left out: a thousand lines an hour in which what people did would be lost.
"""

from __future__ import annotations

from typing import Any, Final

_SECRETS: Final = {
    "level": "Metadata",
    "resources": [{"group": "", "resources": ["secrets", "serviceaccounts/token"]}],
}

_BARRIERS: Final = {
    "level": "Request",
    "resources": [
        {
            "group": "",
            "resources": ["pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"],
        },
        {"group": "networking.k8s.io", "resources": ["networkpolicies"]},
        {"group": "cilium.io", "resources": ["ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"]},
        {"group": "rbac.authorization.k8s.io"},
        {"group": "admissionregistration.k8s.io"},
    ],
}

_PARTS: Final = (
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "tre:cilium",
    "tre:cilium-operator",
    "tre:volumes",
)

_WATCHED: Final = (
    "configmaps",
    "endpoints",
    "events",
    "namespaces",
    "nodes",
    "nodes/status",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "pods/status",
    "services",
)

_HEARTBEAT: Final[dict[str, Any]] = {
    "level": "None",
    "verbs": ["get", "list", "watch", "update", "patch"],
    "resources": [
        {"group": "", "resources": list(_WATCHED)},
        {"group": "coordination.k8s.io"},
        {"group": "discovery.k8s.io"},
        {"group": "node.k8s.io"},
        {"group": "storage.k8s.io"},
        {"group": "cilium.io", "resources": ["ciliumendpoints", "ciliumidentities", "ciliumnodes"]},
    ],
}


def policy() -> dict[str, Any]:
    """Return the audit policy (audit.k8s.io/v1). The first rule that matches a request decides."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            _SECRETS,
            {**_HEARTBEAT, "users": list(_PARTS)},
            {**_HEARTBEAT, "userGroups": ["system:nodes"]},
            _BARRIERS,
            {"level": "Metadata"},
        ],
    }
