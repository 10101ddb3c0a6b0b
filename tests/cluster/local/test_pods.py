"""What runs in the cluster, and what it refuses to run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.kubernetes.cluster import ClusterInfo
from tests.cluster.kubectl import Kubectl, restricted_pod

pytestmark = pytest.mark.cluster

ANALYSIS = """
import os, pandas, sklearn.datasets, statsmodels.api as sm
data = sklearn.datasets.load_diabetes(as_frame=True)
print(round(sm.OLS(data.target, sm.add_constant(data.data)).fit().rsquared, 3), os.getuid())
"""


def test_a_restricted_pod_analyses_data_with_a_read_only_root(
    kubectl: Kubectl, namespace: str, image: str
) -> None:
    kubectl.start(restricted_pod("analyst", namespace, image))
    assert kubectl.python(namespace, "analyst", ANALYSIS).stdout.split() == ["0.518", "1000"]
    fitted = kubectl.run("exec", "-n", namespace, "analyst", "--", "R", "--slave", "-e", "cat(1+1)")
    assert fitted.strip() == "2"
    assert "Read-only file system" in kubectl.python(namespace, "analyst", "open('/etc/x', 'w')").stderr


def test_images_are_found_by_digest(cluster: ClusterInfo) -> None:
    assert set(cluster.images) == {
        *("workspace", "coredns", "pause"),
        *("portal", "keycloak", "postgres", "scanner"),
    }
    for name, reference in cluster.images.items():
        assert reference.startswith(f"registry.tre.local/{name}@sha256:")


def test_pod_security_refuses_a_privileged_pod(kubectl: Kubectl, namespace: str, image: str) -> None:
    pod = restricted_pod("offender", namespace, image)
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    refused = kubectl.attempt("apply", "--dry-run=server", "-f", "-", given=json.dumps(pod))
    assert refused.returncode != 0
    assert "violates PodSecurity" in refused.stderr
    kubectl.run(
        "label", "namespace", namespace, "--overwrite", "pod-security.kubernetes.io/enforce=privileged"
    )
    kubectl.run("apply", "--dry-run=server", "-f", "-", given=json.dumps(pod))


def test_a_pod_can_have_users_of_its_own(kubectl: Kubectl, namespace: str, image: str) -> None:
    kubectl.start(restricted_pod("mapped", namespace, image, hostUsers=False))
    inside, outside, _ = kubectl.python(
        namespace, "mapped", "print(open('/proc/self/uid_map').read())"
    ).stdout.split()
    assert inside == "0"
    assert int(outside) >= 65536


def test_a_pod_has_no_more_rights_than_it_was_given(kubectl: Kubectl, namespace: str, image: str) -> None:
    kubectl.start(restricted_pod("powerless", namespace, image))
    lines = kubectl.python(
        namespace, "powerless", "print(open('/proc/self/status').read())"
    ).stdout.splitlines()
    status: dict[str, Any] = dict(line.split(":", 1) for line in lines if ":" in line)
    assert int(status["CapBnd"], 16) == 0
    assert int(status["NoNewPrivs"]) == 1
    assert int(status["Seccomp"]) == 2
