"""One plugin process that serves many engines at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pulumi
import pulumi_kubernetes
import pytest
from pulumi.automation import CommandError
from pulumi_kubernetes import core
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from tests.engine.plugin.api_server import ApiServer
from tests.engine.plugin.conftest import MakeStack, client_of
from tests.engine.plugin.stacks import Program, Stack

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


def configured(name: str, kubeconfig: str, namespace: str) -> Program:
    """A ConfigMap in the default namespace of a provider with settings of its own."""

    def program() -> None:
        provider = pulumi_kubernetes.Provider("own", kubeconfig=kubeconfig, namespace=namespace)
        options = pulumi.ResourceOptions(provider=provider)
        core.v1.ConfigMap("one", metadata=ObjectMetaArgs(name=name), data={"a": "b"}, opts=options)

    return program


def test_engines_side_by_side_keep_their_own_settings(make: MakeStack, api: ApiServer) -> None:
    admin = api.kubeconfig.read_text()
    nobody = api.kubeconfig_for("nobody")
    good = make("good", configured("good", admin, "kube-public"))
    refused = make("refused", configured("refused", nobody, "kube-public"))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(good.up), pool.submit(refused.up)
        assert first.result()["create"] == 3
        with pytest.raises(CommandError, match='User "nobody" cannot'):
            second.result()
    live = client_of(api).request("GET", "/api/v1/namespaces/kube-public/configmaps/good")
    assert live["data"] == {"a": "b"}


def test_the_end_of_one_engine_does_not_stop_another(make: MakeStack, tmp_path: Path) -> None:
    def rooms(prefix: str, count: int) -> Program:
        def program() -> None:
            for number in range(count):
                core.v1.Namespace(f"{prefix}-{number}", metadata=ObjectMetaArgs(name=f"{prefix}-{number}"))

        return program

    stacks = [make(f"side-{number}", rooms(f"side-{number}", 1 + 2 * number)) for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        for stack in stacks:
            pool.submit(stack.up)
    assert [len(stack.resources()) for stack in stacks] == [3, 5, 7]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(Stack.destroy, stacks))
    assert [stack.resources() for stack in stacks] == [{}, {}, {}]


def test_rotated_credentials_replace_nothing(make: MakeStack, api: ApiServer) -> None:
    stack = make("rotated", configured("rotated", api.kubeconfig.read_text(), "default"))
    stack.up()
    stack.run(configured("rotated", api.kubeconfig_for("other-admin", "system:masters"), "default"))
    assert stack.up() == {"same": 2, "update": 1}
