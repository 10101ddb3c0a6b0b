"""The keeper at work: access ends, compute stops, and both come back when there is reason to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from components.backend import Scope
from providers.kubernetes.live import KubernetesLive, jobs
from providers.kubernetes.live.connection import Connection
from tests.cluster.promises.faults import altered

pytestmark = pytest.mark.cluster

NAMESPACE = "/api/v1/namespaces/tre-p-proof--alpha"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/tre-p-proof--alpha/rolebindings"
JOBS = "/apis/batch/v1/namespaces/tre-s-proof--keeper/jobs"
CRON_JOB = "/apis/batch/v1/namespaces/tre-s-proof--keeper/cronjobs/keeper"
PATIENCE = 120


def _keep(connection: Connection) -> None:
    """Have the keeper run now, as the clock has it run each minute."""
    cron = connection.get(CRON_JOB)
    assert cron is not None
    name = f"now-{time.time_ns()}"
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": cron["spec"]["jobTemplate"]["spec"],
    }
    connection.create(JOBS, body)
    ended = jobs.wait_for(connection, "tre-s-proof--keeper", name, lambda text: None, deadline=PATIENCE)
    assert ended.state == "succeeded", ended.reason


def _until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.5)
    return holds()


def test_a_right_past_its_day_is_taken_away(live: KubernetesLive) -> None:
    metadata = {"name": "late", "annotations": {"tre/expires": "2020-01-01"}}
    group = "rbac.authorization.k8s.io"
    body: dict[str, Any] = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"kind": "Role", "name": "data-analyst", "apiGroup": group},
        "subjects": [{"kind": "User", "name": "tre:eve", "apiGroup": group}],
    }
    live.connection.create(BINDINGS, body)
    _keep(live.connection)
    assert live.connection.get(f"{BINDINGS}/late") is None
    assert live.connection.get(f"{BINDINGS}/data-analyst-ann-alpha") is not None


def test_compute_stops_when_the_budget_is_spent_and_comes_back_with_more(
    live: KubernetesLive, alpha: Scope
) -> None:
    path = f"{NAMESPACE}/configmaps/workspace"
    found = live.connection.get(path)
    assert found is not None
    enough = {"data": {"budget.json": found["data"]["budget.json"]}}
    spent = {"data": {"budget.json": json.dumps({"amount": 0.0, "currency": "GBP"})}}
    running = live.run(alpha, ["sleep", "600"], lambda text: None, wait=False)
    assert _until(lambda: live.state(alpha, running.name).state == "running")
    with altered(live.connection, path, spent, enough):
        _keep(live.connection)
        assert _until(lambda: live.state(alpha, running.name).state == "failed")
        refused = live.run(alpha, ["true"], lambda text: None, wait=False)
        time.sleep(3)
        assert live.state(alpha, refused.name).state == "queued"
    _keep(live.connection)
    assert live.run(alpha, ["true"], lambda text: None).state == "succeeded"
