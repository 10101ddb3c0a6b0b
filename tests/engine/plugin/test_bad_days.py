"""What must hold when things go wrong: other owners, secrets, kills, outages, time-outs."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.automation import CommandError
from pulumi_kubernetes import apps, batch, core
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from providers.kubernetes.plugin.client import Client
from providers.kubernetes.plugin.errors import FORCE
from providers.kubernetes.plugin.waiting import SKIP, TIMEOUT
from tests.engine.plugin.api_server import ApiServer, running
from tests.engine.plugin.conftest import MakeStack, client_of, plugin_process
from tests.engine.plugin.stacks import Program, attached, new_stack

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
PASSWORD = "correct horse battery staple"


def namespace(name: str, **annotations: str) -> Program:
    def program() -> None:
        core.v1.Namespace("room", metadata=ObjectMetaArgs(name=name, annotations=annotations or None))

    return program


def applied(cluster: Client, path: str, body: dict[str, Any], manager: str) -> Any:
    """Apply an object in the name of another manager."""
    query = {"fieldManager": manager, "force": "false"}
    return cluster.request("PATCH", path, query, body, "application/apply-patch+yaml")


def someone_elses_namespace(cluster: Client, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"owner": "them"}}}
    applied(cluster, f"/api/v1/namespaces/{name}", body, "someone")


# Other owners


def test_an_object_that_someone_else_made_is_not_taken_over(make: MakeStack, cluster: Client) -> None:
    someone_elses_namespace(cluster, "theirs")
    stack = make("theirs", namespace("theirs"))
    with pytest.raises(CommandError, match="exists already and was made by someone"):
        stack.preview()
    with pytest.raises(CommandError, match="exists already and was made by someone"):
        stack.up()
    assert "room" not in stack.resources()


def test_an_object_is_taken_over_on_request(make: MakeStack, cluster: Client) -> None:
    someone_elses_namespace(cluster, "handed")
    stack = make("handed", namespace("handed", **{FORCE: "true"}))
    assert stack.up()["create"] == 2
    live = cluster.request("GET", "/api/v1/namespaces/handed")
    assert live["metadata"]["labels"]["owner"] == "them"


def test_another_stack_does_not_take_an_object_of_this_one(make: MakeStack) -> None:
    make("first", namespace("shared")).up()
    other = make("second", namespace("shared"))
    with pytest.raises(CommandError, match="was made by urn:pulumi:first::"):
        other.up()
    other.destroy()
    assert make("third", namespace("unrelated")).up()["create"] == 2


def test_a_state_that_was_lost_is_made_up_again(make: MakeStack, tmp_path: Path) -> None:
    make("again", namespace("again")).up()
    (tmp_path / "again").rename(tmp_path / "lost")
    assert make("again", namespace("again")).up()["create"] == 2


def test_a_successor_is_not_deleted(make: MakeStack, cluster: Client) -> None:
    def program() -> None:
        core.v1.ConfigMap("settings", metadata=ObjectMetaArgs(name="successor"), data={"a": "b"})

    stack = make("successor", program)
    stack.up()
    path = "/api/v1/namespaces/default/configmaps/successor"
    cluster.request("DELETE", path)
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "successor"},
        "data": {"new": "yes"},
    }
    applied(cluster, path, body, "someone")
    stack.destroy()
    assert cluster.request("GET", path)["data"] == {"new": "yes"}


# Secrets


def test_secrets_are_never_plain_in_the_state(make: MakeStack, cluster: Client) -> None:
    def program() -> None:
        core.v1.Secret("one", metadata=ObjectMetaArgs(name="one"), string_data={"password": PASSWORD})
        core.v1.ConfigMap(
            "two",
            metadata=ObjectMetaArgs(name="two"),
            data={"url": pulumi.Output.secret(f"//{PASSWORD}@here")},
        )

    stack = make("secrets", program)
    stack.up()
    stack.refresh()
    text = stack.state_text()
    assert "secrets::plugin-tests" in text
    assert PASSWORD not in text
    assert "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==" not in text
    live = cluster.request("GET", "/api/v1/namespaces/default/secrets/one")
    assert live["data"] == {"password": "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="}


def test_a_refusal_does_not_quote_secrets(make: MakeStack) -> None:
    def program() -> None:
        metadata = ObjectMetaArgs(name="wrong", labels={"password": pulumi.Output.secret(PASSWORD)})
        core.v1.ConfigMap("wrong", metadata=metadata)

    with pytest.raises(CommandError, match=r"\[secret\]") as failure:
        make("quotes", program).up()
    assert PASSWORD not in str(failure.value)


# Refusals


def test_a_misspelt_field_is_refused(make: MakeStack) -> None:
    def program() -> None:
        opts = pulumi.ResourceOptions()
        pulumi.CustomResource(
            "kubernetes:core/v1:ConfigMap", "wrong", {"metadata": {"name": "wrong"}, "dta": {"a": "b"}}, opts
        )

    with pytest.raises(CommandError, match="dta"):
        make("misspelt", program).preview()


def test_charts_and_lists_are_refused_with_a_reason(make: MakeStack) -> None:
    def program() -> None:
        core.v1.ConfigMapList("many", items=[core.v1.ConfigMapArgs(metadata=ObjectMetaArgs(name="a"))])

    with pytest.raises(CommandError, match="not one object of the Kubernetes API"):
        make("lists", program).preview()


# Waits. No node is there, so that pods stay pending.


def pod_template(name: str, **annotations: str) -> dict[str, Any]:
    labels = {"app": "idle"}
    containers = [core.v1.ContainerArgs(name="idle", image="example.invalid/idle:1")]
    return {
        "metadata": ObjectMetaArgs(name=name, labels=labels, annotations=annotations or None),
        "spec": apps.v1.DeploymentSpecArgs(
            selector=LabelSelectorArgs(match_labels=labels),
            template=core.v1.PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=labels), spec=core.v1.PodSpecArgs(containers=containers)
            ),
        ),
    }


def test_a_time_out_says_what_was_missing_and_is_resumed(make: MakeStack, cluster: Client) -> None:
    def program() -> None:
        apps.v1.Deployment("idle", **pod_template("idle", **{TIMEOUT: "3"}))

    stack = make("timeout", program)
    with pytest.raises(CommandError, match="was not ready after 3 s: 0 of 1 pods are available"):
        stack.up()
    first = stack.resources()["idle"]
    assert first["id"] == "default/idle"
    assert first["initErrors"]
    with pytest.raises(CommandError, match="0 of 1 pods are available"):
        stack.up()
    assert stack.resources()["idle"]["outputs"]["metadata"]["uid"] == first["outputs"]["metadata"]["uid"]
    stack.run(lambda: apps.v1.Deployment("idle", **pod_template("idle", **{SKIP: "true"})) and None)
    assert stack.up()["update"] == 1
    assert "initErrors" not in stack.resources()["idle"]


def test_a_custom_time_out_is_honoured(make: MakeStack) -> None:
    def program() -> None:
        template = core.v1.PodTemplateSpecArgs(
            spec=core.v1.PodSpecArgs(
                restart_policy="Never",
                containers=[core.v1.ContainerArgs(name="a", image="example.invalid/a")],
            )
        )
        options = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="2s"))
        batch.v1.Job(
            "job",
            metadata=ObjectMetaArgs(name="late"),
            spec=batch.v1.JobSpecArgs(template=template),
            opts=options,
        )

    with pytest.raises(CommandError, match="Job default/late was not ready after 2 s"):
        make("custom-timeout", program).up()


def test_a_deletion_that_hangs_says_what_holds_it(make: MakeStack, cluster: Client) -> None:
    def program() -> None:
        metadata = ObjectMetaArgs(name="held", annotations={TIMEOUT: "2"}, finalizers=["tests/hold"])
        core.v1.ConfigMap("held", metadata=metadata)

    stack = make("held", program)
    stack.up()
    with pytest.raises(CommandError, match="finalizers hold it: tests/hold"):
        stack.destroy()
    path = "/api/v1/namespaces/default/configmaps/held"
    cluster.request("PATCH", path, {}, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    stack.destroy()
    assert "held" not in stack.resources()


def test_an_interrupted_wait_is_recorded_and_resumed(make: MakeStack) -> None:
    stack = make("interrupted", lambda: apps.v1.Deployment("wait", **pod_template("wait")) and None)
    interrupter = threading.Timer(1, _interrupt_when_waiting, args=["interrupted"])
    interrupter.start()
    with pytest.raises(CommandError):
        stack.up()
    interrupter.join()
    assert stack.pending() == []
    assert stack.resources()["wait"]["id"] == "default/wait"
    stack.run(lambda: apps.v1.Deployment("wait", **pod_template("wait", **{SKIP: "true"})) and None)
    assert stack.up()["update"] == 1


def _interrupt_when_waiting(stack: str) -> None:
    """Interrupt the stack's engine as a keyboard does, once it has had time to begin to wait."""
    time.sleep(5)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"--stack\0{stack}\0".encode() in (folder / "cmdline").read_bytes():
                os.kill(int(folder.name), signal.SIGINT)


# Kills and outages


def many(count: int) -> Program:
    def program() -> None:
        for number in range(count):
            core.v1.ConfigMap(
                f"many-{number}", metadata=ObjectMetaArgs(name=f"many-{number}"), data={"a": "b"}
            )

    return program


def test_a_killed_plugin_leaves_a_stack_that_the_next_up_finishes(tmp_path: Path, api: ApiServer) -> None:
    (tmp_path / "state").mkdir()
    with plugin_process(tmp_path, KUBECONFIG=str(api.kubeconfig)) as (process, port):
        stack = new_stack("killed", tmp_path / "state", attached(port, api.kubeconfig), many(150))
        killer = threading.Thread(target=_kill_when_begun, args=(process, api, 20))
        killer.start()
        with pytest.raises(CommandError):
            stack.up()
        killer.join()
    assert stack.pending() == []
    with plugin_process(tmp_path, KUBECONFIG=str(api.kubeconfig)) as (_, port):
        stack.attach(port, api.kubeconfig)
        stack.up()
        assert sum(name.startswith("many-") for name in stack.resources()) == 150
        stack.destroy()


def _kill_when_begun(process: "subprocess.Popen[str]", api: ApiServer, count: int) -> None:
    """Kill the plugin once `count` objects are there; gives up after a minute."""
    cluster = client_of(api)
    for _ in range(1200):
        items = cluster.request("GET", "/api/v1/namespaces/default/configmaps")["items"]
        if sum(item["metadata"]["name"].startswith("many-") for item in items) >= count:
            break
        time.sleep(0.05)
    process.kill()


def test_an_api_server_that_comes_back_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "api").mkdir()
    with (
        running(tmp_path / "api") as api,
        plugin_process(tmp_path, KUBECONFIG=str(api.kubeconfig)) as (_, port),
    ):
        stack = new_stack("outage", tmp_path / "state", attached(port, api.kubeconfig), many(30))
        stack.up()
        stack.run(many(31))
        api.stop("kube-apiserver")
        restart = threading.Timer(3, api.start_api_server)
        restart.start()
        assert stack.up()["create"] == 1
        restart.join()


def test_an_api_server_that_stays_away_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "api").mkdir()
    with (
        running(tmp_path / "api") as api,
        plugin_process(tmp_path, KUBECONFIG=str(api.kubeconfig)) as (_, port),
    ):
        stack = new_stack("away", tmp_path / "state", attached(port, api.kubeconfig), many(1))
        stack.up()
        stack.run(many(2))
        api.stop("kube-apiserver")
        with pytest.raises(CommandError, match=f"The API server at {api.address} does not answer"):
            stack.up()
        assert stack.pending() == []
