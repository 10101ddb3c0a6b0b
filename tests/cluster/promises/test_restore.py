"""The airlock's database is lost in part, and brought back from its backup with every right that it had."""

from __future__ import annotations

import secrets
import subprocess
from typing import Any

import pytest

from providers.kubernetes import cluster as local
from providers.kubernetes.live import KubernetesLive, jobs
from providers.kubernetes.live.connection import Connection
from tre import toolchain

pytestmark = pytest.mark.cluster

PLACE = "tre-s-proof--airlock"
PATIENCE = 240
RIGHTS = """
SELECT string_agg(format('%s %s %s', grantee, table_name, privilege_type), ',' ORDER BY 1)
FROM information_schema.table_privileges WHERE table_schema = 'public'
"""


def _run(connection: Connection, name: str) -> None:
    """Run a job of one of the database's cron jobs, as an operator would, and wait until it has succeeded."""
    cron = connection.get(f"/apis/batch/v1/namespaces/{PLACE}/cronjobs/{name}")
    assert cron is not None
    job = f"{name}-{secrets.token_hex(3)}"
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": job}}
    connection.create(
        f"/apis/batch/v1/namespaces/{PLACE}/jobs", {**body, "spec": cron["spec"]["jobTemplate"]["spec"]}
    )
    ended = jobs.wait_for(connection, PLACE, job, lambda text: None, deadline=PATIENCE)
    assert ended.state == "succeeded", ended.reason


def _psql(cluster: local.ClusterInfo, statement: str) -> str:
    command = ["psql", "--host=/run/postgresql", "--username=postgres", "--dbname=airlock", "--tuples-only"]
    kubectl = [str(toolchain.need("kubectl").path), "--kubeconfig", str(cluster.kubeconfig)]
    ended = subprocess.run(
        [*kubectl, "exec", "-n", PLACE, "database-0", "--", *command, "--command", statement],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_what_was_lost_comes_back_with_its_rights(
    live: KubernetesLive, cluster: local.ClusterInfo, site: Any
) -> None:
    rights, projects = _psql(cluster, RIGHTS), _psql(cluster, "SELECT count(*) FROM projects")
    assert "inside requests SELECT" in rights
    assert int(projects) >= 2
    _run(live.connection, "backup")
    _psql(cluster, "DROP TABLE notices, sessions, passes; TRUNCATE people")
    assert _psql(cluster, RIGHTS) != rights
    _run(live.connection, "restore")
    assert _psql(cluster, RIGHTS) == rights
    assert _psql(cluster, "SELECT count(*) FROM projects") == projects
    assert int(_psql(cluster, "SELECT count(*) FROM sessions")) >= 0
