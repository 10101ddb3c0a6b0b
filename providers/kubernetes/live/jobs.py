"""Jobs in a workspace. Their state is told; what they print or write is data, and stays inside."""

from __future__ import annotations

import datetime
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from components.backend import JobState, Scope
from providers.kubernetes import names
from providers.kubernetes.doors.told import WORKLOAD_AUDIENCE
from providers.kubernetes.evidence.view import at, listed
from providers.kubernetes.live.connection import Connection, Object
from providers.kubernetes.objects import ANALYST_USER
from providers.kubernetes.workspace import AUTHORITY, SERVICE_ACCOUNT, TEMPLATE
from tre.errors import failure

SCRIPT_FOLDER: Final = "/code"
AIRLOCK_FOLDER: Final = "/run/tre/airlock"
_TOKEN_SECONDS: Final = 3600
_LOOK_SECONDS: Final = 0.5
_KEEP_SECONDS: Final = 86400
_GONE_SECONDS: Final = 60
_MAX_SCRIPT: Final = 500_000
_NAME: Final = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")


def template(connection: Connection, scope: Scope) -> Mapping[str, Any]:
    """Return how the deployed workspace makes pods.

    Raises:
        TreError: the project is not deployed.
    """
    place = names.namespace(scope.site, scope.project)
    found = connection.get(f"/api/v1/namespaces/{place}/configmaps/{TEMPLATE}")
    if found is None:
        remedy = f"Run `tre up {scope.site}`."
        raise failure(f"project {scope.project}", "has no workspace on its target", remedy)
    return json.loads(at(found, "data", "template.json"))


def marks(scope: Scope, role: str) -> dict[str, str]:
    """Return the labels of something that runs in a project."""
    return {
        f"{names.LABEL}/site": scope.site,
        f"{names.LABEL}/project": scope.project,
        f"{names.LABEL}/tier": str(scope.tier),
        f"{names.LABEL}/role": role,
    }


def pod_spec(made: Mapping[str, Any], command: Sequence[str], *, script: str = "") -> dict[str, Any]:
    """Return the spec of a workspace's pod: inputs read-only, working area and outbox writable, no privilege."""
    mounts = [
        {"name": "inputs", "mountPath": "/inputs", "readOnly": True},
        {"name": "working", "mountPath": "/working"},
        {"name": "outbox", "mountPath": "/outbox"},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 # inside the pod
        {"name": "airlock", "mountPath": AIRLOCK_FOLDER, "readOnly": True},
    ]
    volumes: list[dict[str, Any]] = [
        {"name": "inputs", "persistentVolumeClaim": {"claimName": made["inputs"], "readOnly": True}},
        {"name": "working", "persistentVolumeClaim": {"claimName": made["working"]}},
        {"name": "outbox", "persistentVolumeClaim": {"claimName": made["outbox"]}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "airlock", "projected": {"defaultMode": 0o444, "sources": _of_airlock()}},
    ]
    if script:
        mounts.append({"name": "code", "mountPath": SCRIPT_FOLDER, "readOnly": True})
        volumes.append({"name": "code", "configMap": {"name": script}})
    return {**bare_pod(made), "containers": [_container(made, command, mounts)], "volumes": volumes}


def _of_airlock() -> list[dict[str, Any]]:
    """Return what a workspace shows and trusts at the inside door: a token made for that door alone, an authority."""
    token = {"path": "token", "audience": WORKLOAD_AUDIENCE, "expirationSeconds": _TOKEN_SECONDS}
    return [
        {"serviceAccountToken": token},
        {"configMap": {"name": AUTHORITY, "optional": True}},
    ]


def bare_pod(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return a workspace pod's settings without its containers and volumes."""
    security: dict[str, Any] = {
        "runAsNonRoot": True,
        "runAsUser": ANALYST_USER,
        "runAsGroup": ANALYST_USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if made.get("own_volumes"):
        security["fsGroup"] = ANALYST_USER
    pod: dict[str, Any] = {
        "serviceAccountName": SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        "securityContext": security,
    }
    if made.get("runtime_class"):
        pod["runtimeClassName"] = made["runtime_class"]
    if made.get("user_namespaces"):
        pod["hostUsers"] = False
    return pod


def _container(made: Mapping[str, Any], command: Sequence[str], mounts: Sequence[Object]) -> dict[str, Any]:
    limits: dict[str, str] = {"cpu": str(made["cpu"]), "memory": f"{made['memory_gib']}Gi"}
    if made.get("gpu"):
        limits["nvidia.com/gpu"] = str(made["gpu"])
    return {
        "name": "job",
        "image": made["image"],
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "workingDir": "/working",
        "env": [
            {"name": "HOME", "value": "/working"},
            {"name": "TRE_AIRLOCK", "value": str(made["airlock"])},
        ],
        "securityContext": confined(),
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": limits},
        "volumeMounts": list(mounts),
    }


def confined() -> dict[str, Any]:
    """Return a container's security context under Pod Security `restricted`."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def run(
    connection: Connection,
    scope: Scope,
    command: Sequence[str],
    say: Callable[[str], None],
    *,
    name: str = "",
    script: str = "",
    wait: bool = True,
) -> JobState:
    """Run a command as a job; `script` (its text) appears in the pod as `/code/script`.

    A job of the same `name` that is there already is not run again: its state is returned. One that failed is
    replaced.

    Raises:
        TreError: the project is not deployed, the name is not one, or the script is too large.
    """
    _check(name, script)
    made = template(connection, scope)
    place, name = names.namespace(scope.site, scope.project), name or f"run-{secrets.token_hex(4)}"
    jobs = f"/apis/batch/v1/namespaces/{place}/jobs"
    if state(connection, place, name).state == "failed":
        _clear(connection, place, name)
        code = _carry_code(connection, scope, place, name, script) if script else ""
        connection.create(jobs, _job(scope, name, made, command, code))
    if not wait:
        return state(connection, place, name)
    return wait_for(connection, place, name, say, deadline=made["deadline_seconds"])


def _clear(connection: Connection, place: str, name: str) -> None:
    """Take away what is left of a job that failed, if anything is."""
    path = f"/apis/batch/v1/namespaces/{place}/jobs/{name}"
    connection.delete(path)
    end = time.monotonic() + _GONE_SECONDS
    while connection.get(path) is not None:
        if time.monotonic() > end:
            raise failure(path, "is still there a minute after its removal", "Use another name.")
        time.sleep(_LOOK_SECONDS)


def _check(name: str, script: str) -> None:
    if len(script.encode()) > _MAX_SCRIPT:
        raise failure(
            "script", f"is larger than {_MAX_SCRIPT} bytes", "Put it into the working area instead."
        )
    if name and not _NAME.fullmatch(name):
        raise failure(f"job {name}", "is no job's name", "Use up to 40 small letters, digits and hyphens.")


def _carry_code(connection: Connection, scope: Scope, place: str, name: str, script: str) -> str:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": place, "labels": marks(scope, "code")},
        "data": {"script": script},
    }
    # Applied, not created: a run that was cut short between code and job is taken up again.
    connection.apply(f"/api/v1/namespaces/{place}/configmaps/{name}", body)
    return name


def _job(
    scope: Scope, name: str, made: Mapping[str, Any], command: Sequence[str], code: str
) -> dict[str, Any]:
    labels = marks(scope, "job")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": made["deadline_seconds"],
            "ttlSecondsAfterFinished": _KEEP_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": pod_spec(made, command, script=code)},
        },
    }


def wait_for(
    connection: Connection, place: str, name: str, say: Callable[[str], None], *, deadline: float
) -> JobState:
    """Wait for a job to end, telling each change of its state."""
    end, told = time.monotonic() + deadline + 60, ""
    while True:
        found = state(connection, place, name)
        if found.state != told:
            say(f"{name}: {found.state}" + (f" ({found.reason})" if found.reason else ""))
            told = found.state
        if found.state in ("succeeded", "failed") or time.monotonic() > end:
            return found
        time.sleep(_LOOK_SECONDS)


def state(connection: Connection, place: str, name: str) -> JobState:
    """Return a job's state: queued, running, succeeded or failed, with the substrate's own reason."""
    job = connection.get(f"/apis/batch/v1/namespaces/{place}/jobs/{name}")
    if job is None:
        return JobState(name, "failed", 0.0, "the job is gone")
    ended = {
        each["type"]: each for each in listed(job, "status", "conditions") if each.get("status") == "True"
    }
    if "Complete" in ended or "SuccessCriteriaMet" in ended:
        return JobState(name, "succeeded", _seconds(job))
    if "Failed" in ended or "FailureTarget" in ended:
        reason = str((ended.get("Failed") or ended["FailureTarget"]).get("reason", ""))
        return JobState(name, "failed", _seconds(job), f"{reason}{_exit(connection, place, name)}")
    pods = connection.items(f"/api/v1/namespaces/{place}/pods", f"batch.kubernetes.io/job-name={name}")
    # A pod that ended belongs to a job whose controller has not said so yet.
    running = any(at(pod, "status", "phase") in ("Running", "Succeeded", "Failed") for pod in pods)
    return JobState(name, "running" if running else "queued", 0.0, "" if running else _waiting(job, pods))


def _exit(connection: Connection, place: str, name: str) -> str:
    pods = connection.items(f"/api/v1/namespaces/{place}/pods", f"batch.kubernetes.io/job-name={name}")
    codes = [
        at(status, "state", "terminated", "exitCode")
        for pod in pods
        for status in listed(pod, "status", "containerStatuses")
    ]
    return "".join(f", exit code {code}" for code in codes[-1:] if code is not None)


def _waiting(job: Object, pods: Sequence[Object]) -> str:
    for pod in pods:
        for status in listed(pod, "status", "containerStatuses"):
            if reason := at(status, "state", "waiting", "reason"):
                return str(reason)
        for condition in listed(pod, "status", "conditions"):
            if condition.get("status") == "False" and condition.get("reason") == "Unschedulable":
                return str(condition.get("message", ""))
    return "" if pods or not at(job, "status") else "no pod yet; the project's quota may be full"


def _seconds(job: Object) -> float:
    stamps = [at(job, "status", "startTime"), at(job, "status", "completionTime")]
    if not all(stamps):
        return 0.0
    start, end = (datetime.datetime.fromisoformat(str(each)) for each in stamps)
    return (end - start).total_seconds()


def stop(connection: Connection, scope: Scope, say: Callable[[str], None]) -> None:
    """Take away every job and pod of a project: a claim that a pod uses, even an ended one, cannot be deleted.

    Raises:
        TreError: a pod is still there after its time.
    """
    place = names.namespace(scope.site, scope.project)
    jobs, pods = f"/apis/batch/v1/namespaces/{place}/jobs", f"/api/v1/namespaces/{place}/pods"
    for path in (jobs, pods):
        for each in connection.items(path):
            connection.delete(f"{path}/{at(each, 'metadata', 'name')}", grace_seconds=1)
    end = time.monotonic() + _GONE_SECONDS
    if connection.items(pods):
        say(f"what computes in {scope.project} is ending")
    while left := connection.items(pods):
        if time.monotonic() > end:
            what = ", ".join(str(at(each, "metadata", "name")) for each in left)
            raise failure(
                f"project {scope.project}", f"pods do not end: {what}", "Look at their node, then try again."
            )
        time.sleep(_LOOK_SECONDS)


def output(connection: Connection, scope: Scope, job: str) -> str:
    """Return what a job's pods printed."""
    place = names.namespace(scope.site, scope.project)
    pods = connection.items(f"/api/v1/namespaces/{place}/pods", f"batch.kubernetes.io/job-name={job}")
    return "".join(
        connection.text(f"/api/v1/namespaces/{place}/pods/{at(pod, 'metadata', 'name')}/log") for pod in pods
    )
