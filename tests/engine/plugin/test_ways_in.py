"""The other ways into the plugin: from PATH, for patches, for imports, with another plugin's state."""

import os
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.automation import CommandError
from pulumi_kubernetes import core
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs, ObjectMetaPatchArgs

from providers.kubernetes.plugin.client import Client
from providers.kubernetes.plugin.install import install
from tests.engine.plugin.api_server import ApiServer
from tests.engine.plugin.conftest import MakeStack
from tests.engine.plugin.stacks import Program, new_stack

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


def applied(cluster: Client, name: str, **data: str) -> None:
    """A ConfigMap in the default namespace, made by someone else."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    path = f"/api/v1/namespaces/default/configmaps/{name}"
    cluster.request("PATCH", path, {"fieldManager": "someone"}, body, "application/apply-patch+yaml")


def found(cluster: Client, name: str) -> Any:
    return cluster.request("GET", f"/api/v1/namespaces/default/configmaps/{name}")


def config_map(name: str, **options: Any) -> Program:
    def program() -> None:
        core.v1.ConfigMap(
            "one", metadata=ObjectMetaArgs(name=name), data={"a": "b"}, opts=pulumi.ResourceOptions(**options)
        )

    return program


def test_an_engine_starts_the_plugin_from_path(tmp_path: Path, api: ApiServer) -> None:
    program = install(tmp_path / "bin")
    environment = {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(api.kubeconfig),
    }
    (tmp_path / "state").mkdir()
    stack = new_stack("from-path", tmp_path / "state", environment, config_map("from-path"))
    assert stack.up()["create"] == 2
    stack.destroy()
    assert stack.resources() == {}


def test_a_patch_sets_its_fields_and_takes_them_back(make: MakeStack, cluster: Client) -> None:
    applied(cluster, "patched", theirs="1")

    def program() -> None:
        core.v1.ConfigMapPatch("patch", metadata=ObjectMetaPatchArgs(name="patched"), data={"ours": "2"})

    stack = make("patch", program)
    assert stack.up()["create"] == 2
    assert found(cluster, "patched")["data"] == {"theirs": "1", "ours": "2"}
    assert stack.refresh() == {"same": 2}
    assert stack.preview() == {"same": 2}
    stack.destroy()
    assert found(cluster, "patched")["data"] == {"theirs": "1"}


def test_an_existing_object_is_imported(make: MakeStack, cluster: Client) -> None:
    applied(cluster, "imported", a="b")
    stack = make("import", config_map("imported", import_="default/imported"))
    assert stack.up() == {"create": 1, "import": 1}
    assert stack.resources()["one"]["inputs"]["data"] == {"a": "b"}
    assert stack.preview() == {"same": 2}


def test_an_existing_object_is_read(make: MakeStack, cluster: Client) -> None:
    applied(cluster, "read", a="b")

    def program() -> None:
        pulumi.export("data", core.v1.ConfigMap.get("one", "default/read").data)

    stack = make("read", program)
    stack.up()
    assert stack.stack.outputs()["data"].value == {"a": "b"}
    stack.destroy()
    assert found(cluster, "read")["data"] == {"a": "b"}


def test_the_official_plugin_s_state_is_taken_on(make: MakeStack, cluster: Client) -> None:
    """State that the official plugin wrote names its own field manager, and holds the record of managers."""
    manager = "pulumi-kubernetes-1a2b3c4d"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "official"}, "data": {"a": "b"}}
    path = "/api/v1/namespaces/default/configmaps/official"
    live = cluster.request("PATCH", path, {"fieldManager": manager}, body, "application/apply-patch+yaml")
    stack = make("official", config_map("official"))
    with pytest.raises(CommandError, match="exists already"):
        stack.up()
    deployment = stack.stack.export_stack()
    outputs = {**live, "__inputs": body, "__initialApiVersion": "v1", "__fieldManager": manager}
    resources = dict(deployment.deployment or {})["resources"]
    provider = next(entry for entry in resources if entry["type"] == "pulumi:providers:kubernetes")
    resources.append(
        {
            "urn": "urn:pulumi:official::plugin-tests::kubernetes:core/v1:ConfigMap::one",
            "custom": True,
            "id": "default/official",
            "type": "kubernetes:core/v1:ConfigMap",
            "inputs": body,
            "outputs": outputs,
            "parent": resources[0]["urn"],
            "provider": f"{provider['urn']}::{provider['id']}",
        }
    )
    stack.stack.import_stack(deployment)
    assert stack.refresh() == {"same": 2}
    assert stack.preview() == {"same": 2}

    def changed() -> None:
        core.v1.ConfigMap("one", metadata=ObjectMetaArgs(name="official"), data={"c": "d"})

    assert stack.run(changed).up() == {"same": 1, "update": 1}
    assert found(cluster, "official")["data"] == {"c": "d"}
    managers = [entry["manager"] for entry in found(cluster, "official")["metadata"]["managedFields"]]
    assert managers == [manager]
