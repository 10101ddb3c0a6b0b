"""The airlock's database is lost in part, and brought back from its backup with every right that it had."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cluster.kubectl import Document, Kubectl, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("site")]

PLACE = "tre-s-proof--airlock"
PATIENCE = 240
WRITERS = ("inside", "outside", "worker", "registrar")
RIGHTS = """
SELECT string_agg(format('%s %s %s', grantee, table_name, privilege_type), ','
                  ORDER BY grantee, table_name, privilege_type)
FROM information_schema.table_privileges WHERE table_schema = 'public'
"""
PROJECTS = "SELECT string_agg(name, ',' ORDER BY name) FROM projects WHERE NOT ended"


def _run(kubectl: Kubectl, cron_job: str, job: str, *command: str) -> tuple[bool, str]:
    """Run a job of a cron job of the database's, or another command in its place; return how it ended and its log."""
    made: Document = kubectl.get("cronjob", cron_job, "-n", PLACE)
    template: Document = made["spec"]["jobTemplate"]["spec"]["template"]
    if command:
        template["spec"]["containers"][0]["command"] = list(command)
    # It belongs to its cron job, as `kubectl create job --from` has it, and goes with it: a job left over would hold
    # the volumes of a site that is taken down.
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job, "uid": made["metadata"]["uid"]}
    metadata = {"name": job, "namespace": PLACE, "ownerReferences": [owner]}
    spec = {"backoffLimit": 0, "template": template}
    kubectl.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})

    def status() -> dict[str, int]:
        return kubectl.get("job", job, "-n", PLACE)["status"]

    eventually(lambda: bool(status().get("succeeded") or status().get("failed")), job, PATIENCE)
    return bool(status().get("succeeded")), kubectl.run("-n", PLACE, "logs", f"job/{job}")


def _psql(kubectl: Kubectl, statement: str) -> str:
    command = ["psql", "--host=/run/postgresql", "--username=postgres", "--dbname=airlock"]
    settings = ["--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
    place = ("-n", PLACE, "exec", "database-0", "--")
    return kubectl.run(*place, *command, *settings, "--command", statement).strip()


def _scale(kubectl: Kubectl, replicas: dict[str, int]) -> None:
    for name, wanted in replicas.items():
        kubectl.run("-n", PLACE, "scale", "deployment", name, f"--replicas={wanted}")
    for name, wanted in replicas.items():
        there = ("deployment", name, "-n", PLACE)
        eventually(
            lambda there=there, wanted=wanted: (
                kubectl.get(*there)["status"].get("readyReplicas", 0) == wanted
                and kubectl.get(*there)["status"].get("replicas", 0) == wanted
            ),
            f"{name} at {wanted}",
            PATIENCE,
        )


@pytest.fixture
def quiet(kubectl: Kubectl, site: Path) -> Generator[None]:
    """Stop what writes to the database, once the registrar has written down both projects."""
    eventually(lambda: _psql(kubectl, PROJECTS) == "alpha,beta", "both projects are known", PATIENCE)
    before = {name: kubectl.get("deployment", name, "-n", PLACE)["spec"]["replicas"] for name in WRITERS}
    _scale(kubectl, dict.fromkeys(WRITERS, 0))
    yield
    _scale(kubectl, before)


def test_what_was_lost_comes_back_with_its_rights(kubectl: Kubectl, quiet: None) -> None:
    rights = _psql(kubectl, RIGHTS)
    assert "inside requests SELECT" in rights
    kept, log = _run(kubectl, "backup", "backup-now")
    assert kept and "kept airlock-" in log, log
    _psql(kubectl, "DROP TABLE notices, sessions, passes; UPDATE projects SET ended = true")
    assert _psql(kubectl, RIGHTS) != rights
    restored, log = _run(kubectl, "restore", "restore-now")
    assert restored and "restored airlock-" in log, log
    assert _psql(kubectl, RIGHTS) == rights
    assert _psql(kubectl, PROJECTS) == "alpha,beta"
    assert _psql(kubectl, "SELECT count(*) FROM sessions").isdigit()


def test_a_backup_that_breaks_off_changes_nothing_and_says_so(kubectl: Kubectl, quiet: None) -> None:
    assert _run(kubectl, "backup", "backup-whole")[0]
    half = "set -- /backups/airlock-2*.dump; head -c $(($(stat -c %s $1) * 3 / 4)) $1 >/backups/half.dump"
    assert _run(kubectl, "backup", "backup-half", "sh", "-c", half)[0]
    before = _psql(kubectl, RIGHTS)
    restored, log = _run(kubectl, "restore", "restore-half", "restore", "half.dump")
    assert not restored and "nothing was changed" in log, log
    assert _psql(kubectl, RIGHTS) == before
    assert _psql(kubectl, PROJECTS) == "alpha,beta"
