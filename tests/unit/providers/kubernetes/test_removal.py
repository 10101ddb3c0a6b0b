"""What goes with a namespace when a stack is erased."""

from __future__ import annotations

from typing import Any

from providers.kubernetes.removal import goes_with

_GROUPS = {
    **dict.fromkeys(("Namespace", "Secret"), "core/v1"),
    **dict.fromkeys(("Role", "ClusterRole"), "rbac.authorization.k8s.io/v1"),
    **dict.fromkeys(("Deployment", "StatefulSet"), "apps/v1"),
}


def _object(kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {
        "urn": f"urn:{name}",
        "type": f"kubernetes:{_GROUPS[kind]}:{kind}",
        "inputs": {"metadata": metadata},
    }


def test_what_stands_in_a_namespace_of_the_same_stack_goes_with_it() -> None:
    there = [_object("Namespace", "place"), _object("Secret", "key", "place"), _object("Role", "r", "place")]
    assert goes_with(there) == {"urn:key": "urn:place", "urn:r": "urn:place"}


def test_what_computes_and_what_stands_elsewhere_is_deleted_by_itself() -> None:
    there = [
        {"urn": "urn:stack", "type": "pulumi:pulumi:Stack"},
        _object("Namespace", "place"),
        _object("Deployment", "door", "place"),
        _object("StatefulSet", "database", "place"),
        _object("Secret", "key", "keys"),
        _object("ClusterRole", "auditor"),
    ]
    assert goes_with(there) == {}


def test_what_the_state_knew_before_its_namespace_is_deleted_by_itself() -> None:
    assert goes_with([_object("Role", "r", "place"), _object("Namespace", "place")]) == {}
