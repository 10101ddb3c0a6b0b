"""The life of a stack: preview, up, no-op, change, replace, refresh, drift, destroy."""

from typing import Any

import pulumi
import pytest
from pulumi.automation import CommandError
from pulumi_kubernetes import apiextensions, core, networking, rbac
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from providers.kubernetes.plugin.client import Client
from providers.kubernetes.plugin.errors import FORCE, ApiError
from tests.engine.plugin.conftest import MakeStack
from tests.engine.plugin.stacks import Program

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


def room(name: str) -> core.v1.Namespace:
    return core.v1.Namespace("room", metadata=ObjectMetaArgs(name=name))


def settings(namespace: str, colour: str = "blue", name: str | None = "settings", **options: Any) -> Program:
    """A namespace and a ConfigMap in it."""

    def program() -> None:
        metadata = ObjectMetaArgs(name=name, namespace=room(namespace).metadata.name)  # pyright: ignore
        core.v1.ConfigMap("settings", metadata=metadata, data={"colour": colour}, **options)

    return program


def policies(namespace: str, **annotations: str) -> Program:
    """A namespace with a default-deny policy, a policy with rules, and a role binding."""

    def program() -> None:
        inside = ObjectMetaArgs(namespace=room(namespace).metadata.name)  # pyright: ignore
        networking.v1.NetworkPolicy(
            "deny",
            metadata=ObjectMetaArgs(name="deny", namespace=inside.namespace, annotations=annotations or None),
            spec=networking.v1.NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(), policy_types=["Ingress"]
            ),
        )
        networking.v1.NetworkPolicy(
            "names",
            metadata=ObjectMetaArgs(name="names", namespace=inside.namespace),
            spec=networking.v1.NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(),
                policy_types=["Egress"],
                egress=[
                    networking.v1.NetworkPolicyEgressRuleArgs(
                        ports=[networking.v1.NetworkPolicyPortArgs(port=53, protocol="UDP")],
                        to=[
                            networking.v1.NetworkPolicyPeerArgs(
                                pod_selector=LabelSelectorArgs(match_labels={"app": "dns"})
                            )
                        ],
                    )
                ],
            ),
        )
        core.v1.ResourceQuota(
            "quota",
            metadata=ObjectMetaArgs(name="quota", namespace=inside.namespace),
            spec=core.v1.ResourceQuotaSpecArgs(hard={"limits.cpu": "1000m", "limits.memory": "2048Mi"}),
        )
        rbac.v1.RoleBinding(
            "readers",
            metadata=ObjectMetaArgs(name="readers", namespace=inside.namespace),
            role_ref=rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io", kind="ClusterRole", name="view"
            ),
            subjects=[
                rbac.v1.SubjectArgs(kind="Group", name="readers", api_group="rbac.authorization.k8s.io")
            ],
        )

    return program


def path(namespace: str, kind: str, name: str) -> str:
    root = "/apis/networking.k8s.io/v1" if kind == "networkpolicies" else "/api/v1"
    return f"{root}/namespaces/{namespace}/{kind}/{name}"


def read(cluster: Client, namespace: str, kind: str, name: str) -> Any:
    return cluster.request("GET", path(namespace, kind, name))


def change(cluster: Client, namespace: str, kind: str, name: str, patch: Any) -> None:
    """Change an object behind the stack's back."""
    query = {"fieldManager": "someone"}
    cluster.request("PATCH", path(namespace, kind, name), query, patch, "application/merge-patch+json")


def test_preview_up_and_nothing_more_to_do(make: MakeStack, cluster: Client) -> None:
    stack = make("whole", settings("whole"))
    assert stack.preview()["create"] == 3
    with pytest.raises(ApiError):
        read(cluster, "whole", "configmaps", "settings")
    assert stack.up()["create"] == 3
    assert read(cluster, "whole", "configmaps", "settings")["data"] == {"colour": "blue"}
    assert stack.preview() == {"same": 3}
    assert stack.up() == {"same": 3}


def test_a_change_is_made_in_place(make: MakeStack, cluster: Client) -> None:
    stack = make("change", settings("change"))
    stack.up()
    before = read(cluster, "change", "configmaps", "settings")["metadata"]["uid"]
    stack.run(settings("change", "red"))
    assert stack.preview() == {"same": 2, "update": 1}
    assert stack.up() == {"same": 2, "update": 1}
    live = read(cluster, "change", "configmaps", "settings")
    assert live["data"] == {"colour": "red"}
    assert live["metadata"]["uid"] == before


def test_a_field_left_out_is_removed(make: MakeStack, cluster: Client) -> None:
    def labelled(labels: dict[str, str]) -> Program:
        def program() -> None:
            core.v1.Namespace("room", metadata=ObjectMetaArgs(name="labels", labels=labels))

        return program

    stack = make("labels", labelled({"tier": "2", "old": "yes"}))
    stack.up()
    stack.run(labelled({"tier": "2"}))
    assert stack.up()["update"] == 1
    live = cluster.request("GET", "/api/v1/namespaces/labels")
    assert "old" not in live["metadata"]["labels"]
    assert live["metadata"]["labels"]["tier"] == "2"


def test_another_name_replaces(make: MakeStack, cluster: Client) -> None:
    stack = make("rename", settings("rename"))
    stack.up()
    stack.run(settings("rename", name="other"))
    assert stack.up() == {"same": 2, "replace": 1}
    assert read(cluster, "rename", "configmaps", "other")["data"] == {"colour": "blue"}
    with pytest.raises(ApiError):
        read(cluster, "rename", "configmaps", "settings")


def test_an_immutable_object_of_fixed_name_is_deleted_first(make: MakeStack, cluster: Client) -> None:
    stack = make("sealed", settings("sealed", immutable=True))
    stack.up()
    stack.run(settings("sealed", "red", immutable=True))
    assert stack.preview() == {"same": 2, "replace": 1}
    assert stack.up() == {"same": 2, "replace": 1}
    assert read(cluster, "sealed", "configmaps", "settings")["data"] == {"colour": "red"}


def test_a_missing_name_is_made_and_kept(make: MakeStack) -> None:
    stack = make("autoname", settings("autoname", name=None))
    stack.up()
    first = stack.resources()["settings"]["id"]
    assert first.startswith("autoname/settings-")
    assert stack.preview() == {"same": 3}
    stack.run(settings("autoname", "red", name=None))
    stack.up()
    assert stack.resources()["settings"]["id"] == first


def test_defaults_of_the_server_are_no_drift(make: MakeStack) -> None:
    stack = make("defaults", policies("defaults"))
    stack.up()
    assert stack.refresh() == {"same": 6}
    assert stack.preview() == {"same": 6}


def test_a_narrowed_deny_policy_is_drift_and_is_put_right(make: MakeStack, cluster: Client) -> None:
    stack = make("narrowed", policies("narrowed"))
    stack.up()
    narrowed = {"spec": {"podSelector": {"matchLabels": {"app": "none"}}}}
    change(cluster, "narrowed", "networkpolicies", "deny", narrowed)
    assert stack.refresh() == {"same": 5, "update": 1}
    recorded = stack.resources()["deny"]["inputs"]["spec"]["podSelector"]
    assert recorded == {"matchLabels": {"app": "none"}}
    with pytest.raises(CommandError, match=r'"someone" using .*: \.spec\.podSelector'):
        stack.up()
    stack.run(policies("narrowed", **{FORCE: "true"}))
    assert stack.up() == {"same": 5, "update": 1}
    assert read(cluster, "narrowed", "networkpolicies", "deny")["spec"]["podSelector"] == {}
    assert stack.refresh() == {"same": 6}


def test_a_widened_rule_inside_a_list_is_drift(make: MakeStack, cluster: Client) -> None:
    stack = make("widened", policies("widened"))
    stack.up()
    rule = read(cluster, "widened", "networkpolicies", "names")["spec"]["egress"][0]
    rule["to"][0]["namespaceSelector"] = {}
    change(cluster, "widened", "networkpolicies", "names", {"spec": {"egress": [rule]}})
    assert stack.refresh() == {"same": 5, "update": 1}


def test_what_others_add_beside_our_fields_is_no_drift(make: MakeStack, cluster: Client) -> None:
    stack = make("beside", settings("beside"))
    stack.up()
    change(cluster, "beside", "configmaps", "settings", {"metadata": {"labels": {"theirs": "yes"}}})
    assert stack.refresh() == {"same": 3}


def test_an_object_deleted_by_hand_is_made_again(make: MakeStack, cluster: Client) -> None:
    stack = make("deleted", settings("deleted"))
    stack.up()
    cluster.request("DELETE", path("deleted", "configmaps", "settings"))
    assert stack.refresh()["delete"] == 1
    assert stack.up()["create"] == 1
    assert read(cluster, "deleted", "configmaps", "settings")["data"] == {"colour": "blue"}


def test_deleting_what_is_gone_succeeds(make: MakeStack, cluster: Client) -> None:
    stack = make("gone", settings("gone"))
    stack.up()
    cluster.request("DELETE", path("gone", "configmaps", "settings"))
    stack.destroy()
    with pytest.raises(ApiError):
        cluster.request("GET", "/api/v1/namespaces/gone")
    assert "settings" not in stack.resources()


def test_a_custom_resource_follows_its_definition(make: MakeStack, cluster: Client) -> None:
    stack = make("custom", widgets("large"))
    assert stack.up()["create"] == 4
    found = cluster.request("GET", "/apis/tests.example/v1/namespaces/custom/widgets/one")
    assert found["spec"] == {"size": "large"}
    stack.run(widgets("small"))
    assert stack.up() == {"same": 3, "update": 1}
    assert stack.refresh() == {"same": 4}


def widgets(size: str) -> Program:
    """A custom resource definition and one custom resource of it."""
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "string"}}}},
    }

    def program() -> None:
        definition = apiextensions.v1.CustomResourceDefinition(
            "widgets",
            metadata=ObjectMetaArgs(name="widgets.tests.example"),
            spec={
                "group": "tests.example",
                "scope": "Namespaced",
                "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}},
                ],
            },  # pyright: ignore[reportArgumentType]  the SDK takes plain dictionaries too
        )
        apiextensions.CustomResource(
            "one",
            api_version="tests.example/v1",
            kind="Widget",
            metadata=ObjectMetaArgs(name="one", namespace=room("custom").metadata.name),  # pyright: ignore
            spec={"size": size},
            opts=pulumi.ResourceOptions(depends_on=[definition]),
        )

    return program
