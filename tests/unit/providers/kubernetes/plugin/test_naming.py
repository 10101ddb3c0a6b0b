"""Which object a resource is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.kubernetes.plugin import naming
from providers.kubernetes.plugin.naming import AUTONAMED, Kind, Reference
from providers.kubernetes.plugin.values import UNKNOWN, Object, Secret

PARENTED = "urn:pulumi:demo::tre::tre:index:Workspace$kubernetes:apps/v1:Deployment::desk"


def urn(token: str, name: str = "one") -> str:
    return f"urn:pulumi:demo::tre::{token}::{name}"


def test_a_urn_tells_type_and_name() -> None:
    assert naming.type_token(PARENTED) == "kubernetes:apps/v1:Deployment"
    assert naming.resource_name(urn("kubernetes:core/v1:Pod", "a::b")) == "a::b"


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("kubernetes:core/v1:Namespace", Kind("v1", "Namespace")),
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", Kind("networking.k8s.io/v1", "NetworkPolicy")),
        ("kubernetes:core/v1:NamespacePatch", Kind("v1", "Namespace")),
    ],
)
def test_a_type_token_tells_the_kind(token: str, kind: Kind) -> None:
    assert naming.kind_of({}, urn(token)) == kind


def test_inputs_tell_the_kind_of_a_custom_resource() -> None:
    inputs: Object = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy"}
    token = "kubernetes:apiextensions.k8s.io:CustomResource"
    assert naming.kind_of(inputs, urn(token)) == Kind("cilium.io/v2", "CiliumNetworkPolicy")
    with pytest.raises(ValueError, match="needs apiVersion and kind"):
        naming.kind_of({}, urn(token))


@pytest.mark.parametrize(
    ("token", "patch", "supported"),
    [
        ("kubernetes:core/v1:ConfigMap", False, True),
        ("kubernetes:core/v1:ConfigMapPatch", True, True),
        ("kubernetes:core/v1:ConfigMapList", False, False),
        ("kubernetes:helm.sh/v3:Release", False, False),
        ("kubernetes:yaml:ConfigFile", False, False),
        ("kubernetes:apiextensions.k8s.io:CustomResource", False, True),
    ],
)
def test_what_a_type_is(token: str, patch: bool, supported: bool) -> None:
    assert naming.is_patch(urn(token)) is patch
    assert naming.is_supported(urn(token)) is supported


def test_ids_are_the_official_plugin_s() -> None:
    pod = Kind("v1", "Pod")
    assert Reference(pod, "demo", "one").id == "demo/one"
    assert Reference(Kind("v1", "Namespace"), "", "demo").id == "demo"
    assert naming.split_id("demo/one") == ("demo", "one")
    assert naming.split_id("demo") == ("", "demo")


def test_a_given_name_is_kept() -> None:
    inputs = {"metadata": {"name": "given"}}
    assert naming.with_name(inputs, {}, urn("kubernetes:core/v1:Pod"), b"") == inputs


def test_a_missing_name_is_made_the_same_from_the_same_seed() -> None:
    first, second = (naming.with_name({}, {}, urn("kubernetes:core/v1:Pod"), b"seed") for _ in range(2))
    assert first == second
    assert re.fullmatch(r"one-[0-9a-f]{8}", first["metadata"]["name"])
    assert first["metadata"]["annotations"] == {AUTONAMED: "true"}
    assert naming.is_autonamed(first)


def test_an_automatic_name_is_kept_and_a_given_one_is_not() -> None:
    automatic = {"metadata": {"name": "one-12345678", "annotations": {AUTONAMED: "true"}}}
    given = {"metadata": {"name": "given"}}
    token = urn("kubernetes:core/v1:Pod")
    assert naming.with_name({}, automatic, token, b"")["metadata"]["name"] == "one-12345678"
    assert naming.with_name({}, given, token, b"")["metadata"]["name"] != "given"


@pytest.mark.parametrize("metadata", [UNKNOWN, Secret({"name": "x"})])
def test_metadata_that_cannot_be_read_is_left_alone(metadata: object) -> None:
    inputs: Object = {"metadata": metadata}
    assert naming.with_name(inputs, {}, urn("kubernetes:core/v1:Pod"), b"") == inputs


@given(st.text(alphabet="abc-", min_size=1, max_size=400), st.binary(max_size=16))
def test_automatic_names_are_never_too_long(base: str, seed: bytes) -> None:
    assert len(naming.automatic_name(base, seed)) <= 253
