"""The audit policy, and the key under which Secrets are kept."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from providers.kubernetes.cluster import audit, configuration
from providers.kubernetes.cluster.network import Node
from providers.kubernetes.cluster.places import State

NODE = ("system:node:tre", ["system:nodes"])
PERSON = ("tre:administrator", ["tre:administrators"])


def level(who: tuple[str, list[str]], verb: str, group: str, resource: str) -> str:
    """Return what the first rule that matches says, as the API server would read the policy."""
    for rule in audit.policy()["rules"]:
        if _matches(rule, who, verb, group, resource):
            return str(rule["level"])
    raise AssertionError("no rule matches")


def _matches(
    rule: Mapping[str, Any], who: tuple[str, list[str]], verb: str, group: str, resource: str
) -> bool:
    user, groups = who
    known = user in rule.get("users", [user]) and bool(set(groups) & set(rule.get("userGroups", groups)))
    resources: Sequence[Mapping[str, Any]] = rule.get("resources", [{"group": group}])
    touched = any(r["group"] == group and resource in r.get("resources", [resource]) for r in resources)
    return known and verb in rule.get("verbs", [verb]) and touched


@pytest.mark.parametrize("who", [NODE, PERSON, ("tre:volumes", ["system:authenticated"])])
@pytest.mark.parametrize("verb", ["get", "list", "create", "update", "delete"])
def test_whoever_touches_a_secret_is_recorded_without_what_is_in_it(
    who: tuple[str, list[str]], verb: str
) -> None:
    assert level(who, verb, "", "secrets") == "Metadata"


@pytest.mark.parametrize(
    ("group", "resource"),
    [
        ("", "pods/exec"),
        ("", "pods/portforward"),
        ("networking.k8s.io", "networkpolicies"),
        ("rbac.authorization.k8s.io", "rolebindings"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ],
)
def test_what_opens_a_barrier_is_recorded_with_the_request(group: str, resource: str) -> None:
    assert level(PERSON, "create", group, resource) == "Request"


def test_all_that_people_do_is_recorded() -> None:
    for verb in ("get", "list", "watch", "create", "patch", "delete"):
        assert level(PERSON, verb, "", "pods") == "Metadata"


def test_the_heartbeat_of_the_parts_is_not() -> None:
    assert level(NODE, "update", "coordination.k8s.io", "leases") == "None"
    assert level(NODE, "delete", "", "pods") == "Metadata"


def test_the_key_of_secrets_is_made_once_and_private(tmp_path: Path) -> None:
    state = State(tmp_path)
    configuration.ensure_encryption(state)
    first = (tmp_path / "secrets-encryption.json").read_text()
    configuration.ensure_encryption(state)
    assert (tmp_path / "secrets-encryption.json").read_text() == first
    assert stat.S_IMODE((tmp_path / "secrets-encryption.json").stat().st_mode) == 0o600
    (rule,) = json.loads(first)["resources"]
    assert rule["resources"] == ["secrets"]
    assert [list(provider) for provider in rule["providers"]] == [["secretbox"]]


def test_the_kubelet_serves_no_stranger() -> None:
    kubelet = configuration.kubelet(Node(3))
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    assert kubelet["authorization"] == {"mode": "Webhook"}
    assert kubelet["readOnlyPort"] == 0
    assert kubelet["cgroupRoot"] == "/tre3"
