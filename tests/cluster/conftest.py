"""The local cluster, shared by every test here; brought up once, and left as it was found."""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import Iterator

import pytest

from providers.kubernetes import cluster as local
from tests.cluster.kubectl import Kubectl


@pytest.fixture(scope="package")
def cluster() -> Iterator[local.ClusterInfo]:
    """The running local cluster. One that ran before stays up; one that was started here is taken down."""
    require_root_on_linux()
    ran_before = local.status().running
    yield local.up(print)
    if not ran_before:
        local.down()


@pytest.fixture(scope="package")
def kubectl(cluster: local.ClusterInfo) -> Kubectl:
    """`kubectl` as the cluster's administrator."""
    return Kubectl(cluster.kubeconfig)


@pytest.fixture(scope="package")
def image(cluster: local.ClusterInfo) -> str:
    """Reference of the workspace image."""
    return cluster.images["workspace"]


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A fresh namespace under Pod Security `restricted`, deleted afterwards."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kubectl.make_namespace(name)
    yield name
    kubectl.run("delete", "namespace", name, "--wait=false")


def require_root_on_linux() -> None:
    """Skip, saying what is not proved; fail where a run is meant to prove everything (`CI` is set)."""
    if platform.system() == "Linux" and os.geteuid() == 0:
        return
    reason = "NOT PROVED: everything that needs the local cluster, which needs root on Linux"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
