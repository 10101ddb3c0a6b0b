"""When objects count as ready."""

from typing import Any

import pytest

from providers.kubernetes.plugin.naming import Kind
from providers.kubernetes.plugin.readiness import Phase, pod_state, verdict
from providers.kubernetes.plugin.waiting import DEFAULT_SECONDS, TIMEOUT, seconds_allowed

READY, WAITING, FAILED = Phase.READY, Phase.WAITING, Phase.FAILED


def condition(name: str, status: str = "True", **more: str) -> dict[str, Any]:
    return {"conditions": [{"type": name, "status": status, **more}]}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "phase"),
    [
        (
            "apps/v1/Deployment",
            {"replicas": 2},
            {"updatedReplicas": 2, "availableReplicas": 2, "replicas": 2},
            READY,
        ),
        (
            "apps/v1/Deployment",
            {"replicas": 2},
            {"updatedReplicas": 2, "availableReplicas": 1, "replicas": 2},
            WAITING,
        ),
        ("apps/v1/Deployment", {}, {"updatedReplicas": 1, "availableReplicas": 2, "replicas": 2}, WAITING),
        ("apps/v1/Deployment", {"replicas": 0}, {}, READY),
        (
            "apps/v1/Deployment",
            {},
            condition("Progressing", "False", reason="ProgressDeadlineExceeded"),
            FAILED,
        ),
        ("apps/v1/StatefulSet", {"replicas": 1}, {"updatedReplicas": 1, "readyReplicas": 1}, READY),
        ("apps/v1/StatefulSet", {"replicas": 2}, {"updatedReplicas": 2, "readyReplicas": 1}, WAITING),
        ("apps/v1/StatefulSet", {"replicas": 1}, {"updatedReplicas": 0, "readyReplicas": 1}, WAITING),
        ("apps/v1/DaemonSet", {}, {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1}, WAITING),
        (
            "apps/v1/DaemonSet",
            {},
            {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1},
            READY,
        ),
        ("batch/v1/Job", {}, {}, WAITING),
        ("batch/v1/Job", {}, condition("Complete"), READY),
        ("batch/v1/Job", {"suspend": True}, {}, READY),
        ("batch/v1/Job", {}, condition("Failed", reason="BackoffLimitExceeded"), FAILED),
        ("v1/PersistentVolumeClaim", {}, {"phase": "Pending"}, WAITING),
        ("v1/PersistentVolumeClaim", {}, {"phase": "Bound"}, READY),
        ("v1/PersistentVolumeClaim", {}, {"phase": "Lost"}, FAILED),
        ("v1/Pod", {}, {"phase": "Pending"}, WAITING),
        ("v1/Pod", {}, {"phase": "Running", **condition("Ready")}, READY),
        ("v1/Pod", {}, {"phase": "Succeeded"}, READY),
        ("v1/Pod", {}, {"phase": "Failed"}, FAILED),
        ("v1/Namespace", {}, {"phase": "Active"}, READY),
        ("v1/Namespace", {}, {"phase": "Terminating"}, WAITING),
        ("apiextensions.k8s.io/v1/CustomResourceDefinition", {}, condition("Established"), READY),
        ("apiextensions.k8s.io/v1/CustomResourceDefinition", {}, {}, WAITING),
        ("apiextensions.k8s.io/v1/CustomResourceDefinition", {}, condition("NamesAccepted", "False"), FAILED),
        ("v1/ConfigMap", {}, {}, READY),
        ("example.org/v1/Job", {}, condition("Failed"), READY),
    ],
)
def test_how_far_an_object_has_come(kind: str, spec: Any, status: Any, phase: Phase) -> None:
    api_version, _, name = kind.rpartition("/")
    found = verdict(Kind(api_version, name), {"spec": spec, "status": status})
    assert found.phase is phase
    assert bool(found.missing) is (phase is not READY)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_an_older_observation_does_not_count(kind: str) -> None:
    old = {
        "metadata": {"generation": 2},
        "spec": {"replicas": 0},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 0},
    }
    assert verdict(Kind("apps/v1", kind), old).phase is WAITING


def test_a_pod_s_state_never_quotes_its_log() -> None:
    ended = {"exitCode": 1, "reason": "Error", "message": "patient 4711 has"}
    pod = {"status": {"containerStatuses": [{"name": "fit", "state": {"terminated": ended}}]}}
    assert pod_state(pod) == "container fit: Error (exit code 1)"


def test_a_pod_that_restarts_tells_why_it_ended_before() -> None:
    status = {
        "name": "fit",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    }
    assert (
        pod_state({"status": {"containerStatuses": [status]}}) == "container fit: OOMKilled (exit code 137)"
    )


def test_an_image_that_cannot_be_had_is_named() -> None:
    waiting = {"reason": "ErrImagePull", "message": "no such image"}
    pod = {"status": {"containerStatuses": [{"name": "fit", "state": {"waiting": waiting}}]}}
    assert pod_state(pod) == "container fit: ErrImagePull: no such image"


def test_how_long_to_wait() -> None:
    annotated = {"metadata": {"annotations": {TIMEOUT: "30"}}}
    assert seconds_allowed(5.0, annotated) == 5.0
    assert seconds_allowed(0.0, annotated) == 30.0
    assert seconds_allowed(0.0, {}) == DEFAULT_SECONDS
    assert seconds_allowed(0.0, {"metadata": {"annotations": {TIMEOUT: "soon"}}}) == DEFAULT_SECONDS


@pytest.mark.parametrize(
    ("applied", "phase"), [("2026-01-01T10:00:00Z", WAITING), ("2026-01-01T09:00:00Z", FAILED)]
)
def test_a_roll_out_that_failed_before_the_change_says_nothing_of_the_new_one(
    applied: str, phase: Phase
) -> None:
    since = {"reason": "ProgressDeadlineExceeded", "lastUpdateTime": "2026-01-01T09:30:00Z"}
    by_hand = {"operation": "Update", "subresource": "status", "time": "2026-01-01T11:00:00Z"}
    live = {
        "metadata": {"managedFields": [by_hand, {"operation": "Apply", "time": applied}]},
        "status": condition("Progressing", "False", **since),
    }
    assert verdict(Kind("apps/v1", "Deployment"), live).phase is phase
