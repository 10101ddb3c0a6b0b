"""The life of a stack: preview, up, no-op, change, replace, refresh, drift, destroy."""

import pytest
from pulumi_kubernetes import core
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from providers.kubernetes.plugin.client import Client
from tests.engine.plugin.conftest import MakeStack
from tests.engine.plugin.stacks import Program

pytestmark = pytest.mark.engine


def settings(namespace: str, colour: str = "blue", name: str = "settings") -> Program:
    """A namespace and a ConfigMap in it."""

    def program() -> None:
        room = core.v1.Namespace("room", metadata=ObjectMetaArgs(name=namespace))
        assert room.metadata is not None
        core.v1.ConfigMap(
            "settings",
            metadata=ObjectMetaArgs(name=name, namespace=room.metadata.name),
            data={"colour": colour},
        )

    return program


def config_map(cluster: Client, namespace: str, name: str = "settings") -> dict[str, object]:
    return cluster.request("GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}")


def test_preview_up_and_nothing_more_to_do(make: MakeStack, cluster: Client) -> None:
    stack = make("whole", settings("whole"))
    assert stack.preview()["create"] == 3
    assert stack.up()["create"] == 3
    assert config_map(cluster, "whole")["data"] == {"colour": "blue"}
    assert stack.preview() == {"same": 3}
    assert stack.up() == {"same": 3}
