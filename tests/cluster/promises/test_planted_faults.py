"""A fault planted in the running TRE turns the promises that it breaks red, and no other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest

from components import airlock, identity
from components.backend import Scope
from providers.kubernetes.live import KubernetesLive, jobs, probes
from providers.kubernetes.live.connection import Connection
from tests.cluster.promises.faults import added, altered, removed

pytestmark = pytest.mark.cluster

NAMESPACE = "/api/v1/namespaces/tre-p-proof--alpha"
NETWORK = "/apis/networking.k8s.io/v1/namespaces/tre-p-proof--alpha/networkpolicies"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/tre-p-proof--alpha"
GUARD = "/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies/tre-proof--project-alpha"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
PSA = "pod-security.kubernetes.io/enforce"

Plant = Callable[[Connection], AbstractContextManager[Any]]


def _policy(name: str, *egress: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": list(egress)},
    }


def _rbac(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "annotations": {"tre/expires": "2035-01-01"}}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, **fields}


def _no_default_deny(connection: Connection) -> AbstractContextManager[Any]:
    return removed(connection, f"{NETWORK}/default-deny")


def _no_airlock(connection: Connection) -> AbstractContextManager[Any]:
    return removed(connection, f"{NETWORK}/allow-airlock")


def _no_guard(connection: Connection) -> AbstractContextManager[Any]:
    return removed(connection, GUARD)


def _allow_all(connection: Connection) -> AbstractContextManager[Any]:
    return added(connection, NETWORK, _policy("allow-all", {}))


def _allow_web(connection: Connection) -> AbstractContextManager[Any]:
    rule = {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"port": 80}]}
    return added(connection, NETWORK, _policy("allow-web", rule))


def _allow_neighbour(connection: Connection) -> AbstractContextManager[Any]:
    peer = {"namespaceSelector": {"matchLabels": {"tre/project": "beta"}}}
    return added(connection, NETWORK, _policy("allow-neighbour", {"to": [peer], "ports": [{"port": 8080}]}))


def _labelled_privileged(connection: Connection) -> AbstractContextManager[Any]:
    def label(value: str) -> dict[str, Any]:
        return {"metadata": {"labels": {PSA: value}}}

    return altered(connection, NAMESPACE, label("privileged"), label("restricted"))


def _any_image(connection: Connection) -> AbstractContextManager[Any]:
    path = f"{BINDINGS}/tre-proof--images"
    warn, deny = ({"spec": {"validationActions": actions}} for actions in (["Warn"], ["Deny", "Audit"]))
    return altered(connection, path, warn, deny)


def _shells(connection: Connection) -> AbstractContextManager[Any]:
    rules = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}]
    return added(connection, f"{RBAC}/roles", _rbac("Role", "shells", rules=rules))


def _everybody(connection: Connection) -> AbstractContextManager[Any]:
    group = {"kind": "Group", "name": "system:authenticated", "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "Role", "name": "data-analyst", "apiGroup": "rbac.authorization.k8s.io"}
    body = _rbac("RoleBinding", "everybody", subjects=[group], roleRef=reference)
    return added(connection, f"{RBAC}/rolebindings", body)


def _no_quota(connection: Connection) -> AbstractContextManager[Any]:
    return removed(connection, f"{NAMESPACE}/resourcequotas/quota")


def _volume_deleted_with_claim(connection: Connection) -> AbstractContextManager[Any]:
    claim = connection.get(f"{NAMESPACE}/persistentvolumeclaims/inputs")
    assert claim is not None
    path = f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}"
    delete, retain = ({"spec": {"persistentVolumeReclaimPolicy": policy}} for policy in ("Delete", "Retain"))
    return altered(connection, path, delete, retain)


@contextlib.contextmanager
def _inputs_mounted_writable(connection: Connection) -> Any:
    """Slip a pod past admission while its binding is off: what is there is found, however it came."""
    made = jobs.template(connection, Scope("proof", "alpha", 2))
    spec = jobs.pod_spec({**made, "cpu": 0.1, "memory_gib": 0.2}, ["sleep", "300"])
    spec["volumes"][0]["persistentVolumeClaim"]["readOnly"] = False
    spec["activeDeadlineSeconds"] = 300
    labels = jobs.marks(Scope("proof", "alpha", 2), "probe")
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "writer", "labels": labels}, "spec": spec}
    with contextlib.ExitStack() as stack:
        with removed(connection, f"{BINDINGS}/tre-proof--volumes"):
            _when_admitted(lambda: stack.enter_context(added(connection, f"{NAMESPACE}/pods", body)))
        yield


def _when_admitted(attempt: Callable[[], object]) -> None:
    """Try until admission has noticed that a binding is gone: it looks a moment later."""
    for _ in range(40):
        try:
            attempt()
        except Exception as refused:
            assert "inputs are mounted" in str(refused)
            time.sleep(0.25)
        else:
            return
    raise AssertionError("admission went on refusing without its binding")


NETWORK_PROMISES = {
    "workspace/no-route-to-internet",
    "workspace/no-path-to-other-projects",
    "workspace/no-path-to-control-plane",
    "workspace/inside-names-only",
    "workspace/egress-only-through-airlock",
}

# The airlock is the only way because the workspace's walls leave none: where these fall, so does its promise.
ONLY_WAY_OUT = {"workspace/egress-only-through-airlock", "airlock/only-way-out"}
ONLY_WAY_IN = {"airlock/only-way-in"}

FAULTS: list[tuple[Plant, set[str]]] = [
    (_no_default_deny, NETWORK_PROMISES | ONLY_WAY_OUT | ONLY_WAY_IN),
    (_allow_all, NETWORK_PROMISES | ONLY_WAY_OUT),
    (_no_airlock, ONLY_WAY_OUT),
    (_allow_web, {"workspace/no-route-to-internet"} | ONLY_WAY_OUT),
    (_allow_neighbour, {"workspace/no-path-to-other-projects"} | ONLY_WAY_OUT),
    (
        _no_guard,
        {
            "workspace/no-route-to-internet",
            "workspace/no-path-to-other-projects",
            "workspace/no-path-to-control-plane",
        },
    ),
    (_labelled_privileged, {"workspace/no-privilege"}),
    (_any_image, {"workspace/approved-images-only"}),
    (_shells, {"workspace/no-copy-out"}),
    (_everybody, {"identity/named-people-only"}),
    (_no_quota, {"workspace/quota-enforced"}),
    (_volume_deleted_with_claim, {"data_store/kept-on-destroy"}),
    (_inputs_mounted_writable, {"data_store/inputs-read-only"} | ONLY_WAY_IN),
]


def _red(verdicts: Mapping[str, Any]) -> set[str]:
    return {name for name, verdict in verdicts.items() if not verdict.kept}


def test_nothing_is_red_before(live: KubernetesLive, alpha: Scope) -> None:
    verdicts = live.deployed(alpha)
    assert {name: verdict.because for name, verdict in verdicts.items() if not verdict.kept} == {}


@pytest.mark.parametrize(("plant", "expected"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
def test_fault_turns_its_promises_red_and_no_other(
    live: KubernetesLive, alpha: Scope, plant: Plant, expected: set[str]
) -> None:
    with plant(live.connection):
        assert _red(live.deployed(alpha)) == expected
        assert _red(live.deployed(Scope("proof", "beta", 2, ("alpha",)))) <= {
            "workspace/approved-images-only"
        }
    assert _red(live.deployed(alpha)) == set()


def test_break_out_is_tried_and_fails(live: KubernetesLive, alpha: Scope) -> None:
    beta = Scope("proof", "beta", 2, ("alpha",))
    probed = live.probed([alpha, beta], lambda text: None)
    for scope in (alpha, beta):
        found = probed[scope.project]
        assert {name: verdict.because for name, verdict in found.items() if not verdict.kept} == {}
        assert NETWORK_PROMISES | {"data_store/inputs-read-only", "workspace/no-privilege"} <= set(found)
        assert {f"airlock/{name}" for name in airlock.PROMISES} <= set(found)
        assert {f"identity/{name}" for name in identity.PROMISES} <= set(found)


def test_probe_gets_out_when_both_walls_are_down(live: KubernetesLive, alpha: Scope) -> None:
    """The probe is not blind: with the guard gone and the world allowed, it reaches the made-up internet."""
    with _no_guard(live.connection), _allow_web(live.connection):
        found = probes.walls(live.connection, [alpha], lambda text: None)["alpha"]
    assert _red(found) == {"workspace/no-route-to-internet"}


@pytest.mark.parametrize("plant", [_no_guard, _allow_web])
def test_one_wall_holds_without_the_other(live: KubernetesLive, alpha: Scope, plant: Plant) -> None:
    """Each barrier is held by two independent means: with one of them broken, the break-out still fails."""
    with plant(live.connection):
        assert _red(probes.walls(live.connection, [alpha], lambda text: None)["alpha"]) == set()
