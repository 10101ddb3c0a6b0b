"""What is checked of a cluster before a TRE is put on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from providers.kubernetes.evidence.view import at
from providers.kubernetes.live.attempt import SECONDS
from providers.kubernetes.live.connection import Connection, connect
from providers.kubernetes.live.stage import LISTEN_PORT, Stage, stage
from providers.kubernetes.objects import NAMESPACE_LABEL
from providers.kubernetes.plugin.errors import PluginError
from providers.kubernetes.target import KubernetesTarget
from tre.errors import TreError

Finding = tuple[str, bool, str, str]
PERSONAL: Final = 2
"""From this tier on, data is personal: unenforced policies and unencrypted volumes are refused."""
_ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


def check(target: KubernetesTarget, tier: int) -> Sequence[Finding]:
    """Return (what, whether it holds, what was found, what to do) for each thing that matters at a tier."""
    try:
        connection = connect(target)
        version = connection.get("/version")
        findings = [_version(str(at(version, "gitVersion"))), _admission(connection), _storage(target, tier)]
        return [*findings, _enforcement(connection, target, tier)]
    except TreError as error:
        return [("cluster", False, error.problems[0].what, error.problems[0].remedy)]
    except PluginError as error:
        return [("cluster", False, str(error), "Start it, or set the target's `kubeconfig`.")]


def _version(found: str) -> Finding:
    minor = int("".join(c for c in found.split(".")[1] if c.isdigit()) or 0)
    return (
        "Kubernetes version",
        minor >= 30,
        found,
        "Use 1.30 or later: admission policies are stable from there.",
    )


def _admission(connection: Connection) -> Finding:
    there = connection.get(_ADMISSION) is not None
    return (
        "admission policies",
        there,
        "served" if there else "not served",
        "Enable ValidatingAdmissionPolicy.",
    )


def _storage(target: KubernetesTarget, tier: int) -> Finding:
    fine = target.storage.encrypted or tier < PERSONAL
    found = f"{target.storage.provisioner}, {'encrypted' if target.storage.encrypted else 'not encrypted'}"
    return (
        "encrypted storage",
        fine,
        found,
        f"Tier {tier} needs a driver that encrypts: set the target's storage.",
    )


def _enforcement(connection: Connection, target: KubernetesTarget, tier: int) -> Finding:
    """Deny a canary pod everything and see whether it still gets out: a policy may be accepted and ignored."""
    image = canary_image(target)
    if not image:
        remedy = (
            "Set the target's `probe_image` to an image with Python 3 that the cluster can run, by digest."
        )
        return (
            "network policies enforced",
            tier < PERSONAL,
            "not tried: there is no image for a canary",
            remedy,
        )
    with stage(connection, image) as opened:
        reached = _canary(connection, opened)
    found = (
        "a pod under default-deny reached another" if reached else "a pod under default-deny reached nothing"
    )
    remedy = "Use a network plugin that enforces NetworkPolicy (Cilium, Calico), or switch enforcement on."
    return ("network policies enforced", not reached, found, remedy)


def _canary(connection: Connection, opened: Stage) -> bool:
    free = opened.listener(opened.control, {"canary": "free"}, LISTEN_PORT)
    connection.apply(
        f"/apis/networking.k8s.io/v1/namespaces/{opened.control}/networkpolicies/canary",
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "canary", "labels": {NAMESPACE_LABEL: opened.control}},
            "spec": {"podSelector": {"matchLabels": {"canary": "denied"}}, "policyTypes": ["Egress"]},
        },
    )
    address = opened.address(opened.control, free)
    plan = {"name": "reach", "kind": "tcp", "host": address, "port": LISTEN_PORT}
    # Somebody waits for this answer: a connection's own two seconds hold a second try of the kernel's already.
    denied = [{**plan, "expect": False, "seconds": SECONDS}]
    tried = opened.probe(opened.control, {"canary": "denied"}, denied, claims=False)
    control = opened.probe(opened.control, {"canary": "free"}, [{**plan, "expect": True}], claims=False)
    if opened.results(opened.control, control)["reach"] != "ok":
        raise PluginError("the canary's positive control failed: pods cannot reach one another at all")
    return opened.results(opened.control, tried)["reach"] == "ok"


def canary_image(target: KubernetesTarget) -> str:
    """Return an image that the cluster can run a canary from: the local cluster's own, else the target's."""
    if target.kubeconfig:
        return target.probe_image
    from providers.kubernetes import cluster

    return cluster.image_reference("workspace")
