"""The resource plugin's waits, with pods that really run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError
from pulumi_kubernetes import apps, batch, core
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from providers.kubernetes import cluster as local
from providers.kubernetes.plugin.readiness import WAIT_FOR_CONSUMER
from providers.kubernetes.plugin.waiting import TIMEOUT
from tests.cluster.kubectl import Kubectl
from tests.engine.plugin.conftest import plugin_process, put_tools_on_path
from tests.engine.plugin.stacks import Program, Stack, attached, new_stack

pytestmark = [pytest.mark.cluster, pytest.mark.engine, pytest.mark.timeout(300)]
LABELS = {"app": "idle"}
LINE = "patient 4711 of the log"
Make = Callable[[Program], Stack]


@pytest.fixture(scope="module")
def port(cluster: local.ClusterInfo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a plugin that serves the local cluster."""
    put_tools_on_path()
    with plugin_process(tmp_path_factory.mktemp("plugin"), KUBECONFIG=str(cluster.kubeconfig)) as (_, number):
        yield number


@pytest.fixture
def make(port: int, cluster: local.ClusterInfo, namespace: str, tmp_path: Path) -> Make:
    """Makes a stack; what it leaves goes with the namespace."""
    return lambda program: new_stack(namespace, tmp_path, attached(port, cluster.kubeconfig), program)


def pod(image: str, *command: str, **more: Any) -> core.v1.PodSpecArgs:
    """A pod that Pod Security `restricted` admits."""
    container = core.v1.ContainerArgs(
        name="idle",
        image=image,
        image_pull_policy="Never",
        command=list(command),
        security_context=core.v1.SecurityContextArgs(
            allow_privilege_escalation=False,
            run_as_non_root=True,
            run_as_user=1000,
            capabilities=core.v1.CapabilitiesArgs(drop=["ALL"]),
            seccomp_profile=core.v1.SeccompProfileArgs(type="RuntimeDefault"),
        ),
    )
    more.setdefault("termination_grace_period_seconds", 1)
    return core.v1.PodSpecArgs(containers=[container], **more)


def template(image: str, *command: str) -> core.v1.PodTemplateSpecArgs:
    return core.v1.PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=LABELS), spec=pod(image, *command))


def job(namespace: str, image: str, command: str) -> Program:
    def program() -> None:
        batch.v1.Job(
            "job",
            metadata=ObjectMetaArgs(name="job", namespace=namespace),
            spec=batch.v1.JobSpecArgs(
                backoff_limit=0,
                template=core.v1.PodTemplateSpecArgs(
                    spec=pod(image, "sh", "-c", command, restart_policy="Never")
                ),
            ),
        )

    return program


def test_a_deployment_is_there_when_its_pods_are(
    make: Make, namespace: str, image: str, kubectl: Kubectl
) -> None:
    def program() -> None:
        apps.v1.Deployment(
            "idle",
            metadata=ObjectMetaArgs(name="idle", namespace=namespace),
            spec=apps.v1.DeploymentSpecArgs(
                replicas=2,
                selector=LabelSelectorArgs(match_labels=LABELS),
                template=template(image, "sleep", "600"),
            ),
        )

    stack = make(program)
    stack.up()
    assert kubectl.get("-n", namespace, "deployment", "idle")["status"]["availableReplicas"] == 2
    assert stack.refresh() == {"same": 2}
    stack.destroy()
    assert kubectl.get("-n", namespace, "pods")["items"] == []


def test_a_stateful_set_is_there_when_its_pods_are(
    make: Make, namespace: str, image: str, kubectl: Kubectl
) -> None:
    def program() -> None:
        apps.v1.StatefulSet(
            "idle",
            metadata=ObjectMetaArgs(name="idle", namespace=namespace),
            spec=apps.v1.StatefulSetSpecArgs(
                service_name="idle",
                selector=LabelSelectorArgs(match_labels=LABELS),
                template=template(image, "sleep", "600"),
            ),
        )

    make(program).up()
    assert kubectl.get("-n", namespace, "statefulset", "idle")["status"]["readyReplicas"] == 1


def test_a_job_is_there_when_it_is_complete(make: Make, namespace: str, image: str, kubectl: Kubectl) -> None:
    make(job(namespace, image, "true")).up()
    assert kubectl.get("-n", namespace, "job", "job")["status"]["succeeded"] == 1


def test_a_failed_job_tells_the_reason_and_never_its_log(make: Make, namespace: str, image: str) -> None:
    stack = make(job(namespace, image, "echo patient $((4700 + 11)) of the log; exit 3"))
    with pytest.raises(CommandError, match=r"the job failed: BackoffLimitExceeded") as failure:
        stack.up()
    assert "container idle: Error (exit code 3)" in str(failure.value)
    assert LINE not in str(failure.value)
    assert stack.resources()["job"]["initErrors"]
    assert LINE not in stack.state_text()


def test_an_image_that_is_not_there_is_named(make: Make, namespace: str) -> None:
    def program() -> None:
        metadata = ObjectMetaArgs(name="idle", namespace=namespace, annotations={TIMEOUT: "20"})
        core.v1.Pod("idle", metadata=metadata, spec=pod("absent:1", "true"))

    with pytest.raises(CommandError, match=r"(?s)was not ready after 20 s.*ErrImageNeverPull: .*absent:1"):
        make(program).up()


def test_a_claim_that_waits_for_its_pod_is_not_waited_for(
    make: Make, namespace: str, kubectl: Kubectl
) -> None:
    assert kubectl.get("storageclass", "encrypted")["volumeBindingMode"] == WAIT_FOR_CONSUMER

    def program() -> None:
        core.v1.PersistentVolumeClaim(
            "data",
            metadata=ObjectMetaArgs(name="data", namespace=namespace),
            spec=core.v1.PersistentVolumeClaimSpecArgs(
                access_modes=["ReadWriteOnce"],
                storage_class_name="encrypted",
                resources=core.v1.VolumeResourceRequirementsArgs(requests={"storage": "1Mi"}),
            ),
        )

    stack = make(program)
    stack.up()
    assert kubectl.get("-n", namespace, "pvc", "data")["status"]["phase"] == "Pending"
    assert stack.refresh() == {"same": 2}
