"""Mistakes that other Kubernetes TREs made, each held off by a test.

Left out, because nothing here uses the part in question: JupyterHub's and Guacamole's defaults, KasmVNC, Longhorn's
own policies, Argo's Helm chart.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

import pytest

from components.contract import Record, of_type
from providers.kubernetes.evidence import view
from providers.kubernetes.evidence.network import no_route_to_internet
from providers.kubernetes.evidence.view import at, listed
from providers.kubernetes.workspace import guard_rules
from tests.conformance.test_backends import recorded

PROJECT = "tre-p-demo--heart"


@functools.cache
def records() -> Sequence[Record]:
    return recorded("kubernetes")


def _named(type_: str, namespace: str = "") -> set[str]:
    return {
        str(at(each.inputs, "metadata", "name"))
        for each in of_type(records(), type_)
        if not namespace or at(each.inputs, "metadata", "namespace") == namespace
    }


def test_every_policy_is_registered_by_name() -> None:
    """A policy file whose name was misspelt was once skipped in silence: here each is counted."""
    walls = {"default-deny", "allow-within-project", "allow-names", "allow-airlock"}
    assert _named(view.NETWORK_POLICY, PROJECT) == walls
    site = {"tre-demo--site-airlock", "tre-demo--site-identity"}
    assert _named(view.GUARD) == {"tre-demo--project-heart"} | site
    admission = {"images", "privilege", "volumes", "services", "routes", "claims", "labels", "sessions"}
    assert _named(view.POLICY) == _named(view.BINDING) == {f"tre-demo--{name}" for name in admission}


def test_nothing_runs_before_the_wall_stands() -> None:
    """A cluster that is open until a later step locks it down is open: the loader waits for default-deny."""
    wall = next(each for each in records() if each.name == "default-deny")
    loader = next(each for each in records() if each.name == "load")
    assert wall.urn in loader.after


def test_an_empty_rule_means_everybody_in_the_standard_dialect() -> None:
    everybody: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
    metadata = {"name": "all", "namespace": PROJECT}
    planted = Record(view.NETWORK_POLICY, "all", {"metadata": metadata, "spec": everybody})
    assert not no_route_to_internet([*records(), planted]).kept


def test_an_absent_rule_list_means_nobody() -> None:
    wall = next(each for each in records() if each.name == "default-deny")
    assert set(wall.inputs["spec"]) == {"podSelector", "policyTypes"}


def test_the_guard_denies_in_ciliums_dialect_and_opens_nothing() -> None:
    """In Cilium's dialect an empty rule denies and an allow-list switches on: the guard has deny rules alone."""
    rules = guard_rules("demo", "heart")
    assert set(rules) == {"endpointSelector", "enableDefaultDeny", "egressDeny", "ingressDeny"}
    assert rules["enableDefaultDeny"] == {"ingress": False, "egress": False}


def test_no_policy_goes_by_outside_names() -> None:
    """Rules on outside names let through whatever shares an address, and any name lets DNS tunnel."""
    text = json.dumps([dict(each.inputs) for each in records()], default=str)
    assert "toFQDNs" not in text
    assert "matchPattern" not in text


def test_no_role_reaches_secrets() -> None:
    granted = [
        (each.name, resource)
        for each in of_type(records(), view.ROLE, view.CLUSTER_ROLE)
        for rule in listed(each.inputs, "rules")
        for resource in listed(rule, "resources")
        if resource in ("secrets", "*") and "" in listed(rule, "apiGroups")
    ]
    assert granted == []


def test_no_object_but_a_secret_carries_the_key() -> None:
    key = next(
        each
        for each in of_type(records(), view.SECRET)
        if at(each.inputs, "metadata", "name") == "volume-key-heart"
    )
    # Pulumi wraps what it keeps secret in its state: a plain value here would be one that it does not.
    value = str(at(key.inputs, "stringData", "value", "passphrase"))
    assert len(value) >= 64
    others = json.dumps([dict(each.inputs) for each in records() if each is not key], default=str)
    assert value not in others


def test_only_namespaces_of_our_own_are_managed() -> None:
    """Destroying a stack that took over `default` once tried to delete it."""
    assert all(name.startswith("tre-") for name in _named(view.NAMESPACE))


@pytest.mark.parametrize("kind", [view.GUARD, view.POLICY, view.BINDING, view.STORAGE_CLASS])
def test_cluster_wide_names_carry_the_site(kind: str) -> None:
    """Two sites may share a cluster."""
    assert all(name.startswith(("tre-demo--", "tre-s-demo--")) for name in _named(kind))
