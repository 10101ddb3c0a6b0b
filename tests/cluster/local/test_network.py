"""Network policies are enforced. Each refusal has a positive control: the same attempt succeeds without policy."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator

import pytest

from providers.kubernetes.cluster import ClusterInfo
from tests.cluster.kubectl import Document, Kubectl, eventually, restricted_pod

pytestmark = pytest.mark.cluster

CONNECT = """
import socket, sys
try:
    socket.create_connection(({host!r}, {port}), timeout=2).close()
except OSError as error:
    sys.exit(str(error))
"""
SERVER = ("python3", "-m", "http.server", "8000", "--directory", "/usr/share")


@pytest.fixture(scope="module")
def neighbours(kubectl: Kubectl, image: str) -> Iterator[tuple[str, str]]:
    """Two namespaces with a serving pod `a` and `b` each."""
    names = f"test-x-{uuid.uuid4().hex[:6]}", f"test-y-{uuid.uuid4().hex[:6]}"
    for name in names:
        kubectl.make_namespace(name)
        for pod in ("a", "b"):
            kubectl.apply(restricted_pod(pod, name, image, SERVER))
    for name in names:
        kubectl.run("wait", "-n", name, "--for=condition=Ready", "pod", "--all", "--timeout=100s")
    yield names
    kubectl.run("delete", "namespace", *names, "--wait=false")


def connects(kubectl: Kubectl, namespace: str, host: str, port: int) -> bool:
    return kubectl.python(namespace, "a", CONNECT.format(host=host, port=port)).returncode == 0


def policy(name: str, namespace: str, **spec: object) -> Document:
    both: Document = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    metadata = {"name": name, "namespace": namespace}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    return {**kind, "metadata": metadata, "spec": {**both, **spec}}


def test_default_deny_closes_what_was_open(
    kubectl: Kubectl, cluster: ClusterInfo, neighbours: tuple[str, str]
) -> None:
    closed, other = neighbours
    targets = {
        "same namespace": (kubectl.address(closed, "b"), 8000),
        "other namespace": (kubectl.address(other, "b"), 8000),
        "internet": (cluster.internet, 80),
        "metadata": (cluster.metadata, 80),
        "API server": ("10.96.0.1", 443),
        "kubelet": (cluster.api.split("/")[2].split(":")[0], 10250),
    }
    assert {name for name, target in targets.items() if connects(kubectl, closed, *target)} == set(targets)
    kubectl.apply(policy("default-deny", closed))
    eventually(lambda: not connects(kubectl, closed, *targets["internet"]), "the policy")
    assert {name for name, target in targets.items() if connects(kubectl, closed, *target)} == set()
    assert not connects(kubectl, other, kubectl.address(closed, "a"), 8000)
    assert connects(kubectl, other, kubectl.address(other, "b"), 8000)


def test_an_allowance_opens_only_what_it_names(
    kubectl: Kubectl, cluster: ClusterInfo, neighbours: tuple[str, str]
) -> None:
    closed, other = neighbours
    peers: list[Document] = [{"podSelector": {}}]
    kubectl.apply(policy("default-deny", closed))
    kubectl.apply(policy("within", closed, ingress=[{"from": peers}], egress=[{"to": peers}]))
    eventually(lambda: connects(kubectl, closed, kubectl.address(closed, "b"), 8000), "the allowance")
    assert not connects(kubectl, closed, kubectl.address(other, "b"), 8000)
    assert not connects(kubectl, closed, cluster.internet, 80)


def test_names_inside_are_resolved_and_others_do_not_exist(
    kubectl: Kubectl, neighbours: tuple[str, str]
) -> None:
    _, other = neighbours
    ask = "import socket; print(socket.gethostbyname({!r}))"
    inside = kubectl.python(other, "a", ask.format("kubernetes.default.svc.cluster.local"))
    assert inside.stdout.strip() == "10.96.0.1"
    outside = kubectl.python(other, "a", ask.format("repository.example"))
    assert "Name or service not known" in outside.stderr


def test_a_pod_cannot_reach_the_machine(
    kubectl: Kubectl, cluster: ClusterInfo, neighbours: tuple[str, str]
) -> None:
    machine = cluster.api.split("/")[2].rsplit(".", 1)[0] + ".1"
    with socket.create_server(("", 0)) as server:
        port = int(server.getsockname()[1])
        socket.create_connection((machine, port), timeout=2).close()  # the positive control: it listens there
        assert not connects(kubectl, neighbours[1], machine, port)
