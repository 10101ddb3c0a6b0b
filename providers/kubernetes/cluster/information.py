"""What is known of the local cluster, for people and for programs."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from providers.kubernetes.cluster import lifecycle, network
from providers.kubernetes.cluster.api import Api
from providers.kubernetes.cluster.places import State

STORAGE_CLASSES: Final = ("encrypted", "plain")
LIMITS: Final = (
    "a volume can grow beyond the capacity that its claim asked for",
    "a pod with users of its own (hostUsers: false) cannot mount an encrypted volume: FUSE does not map users",
    "there is one node and one disk: nothing survives their loss",
)
"""What this cluster does not give, so that nobody counts on it."""

_SHOWN: Final = ("kubelet", "containerd", "runc", "cilium-agent", "coredns", "etcd", "gocryptfs")
_PATIENCE: Final = 5


@dataclass(frozen=True)
class ClusterInfo:
    """What is known of the local cluster.

    Attributes:
        ready: it was brought to readiness, and its API server and its network agent answer now.
        kubeconfig: the administrator's, mode 0600.
        api: the API server's URL.
        storage_classes: `encrypted` really encrypts; `plain` does not.
        internet: address of the made-up internet host, port 80.
        metadata: the address at which clouds serve credentials; the made-up host answers for it.
        images: reference of each image by name.
        versions: version of each component by name.
        enforcement: what enforces network policies, in what words its agent says so, and whether it is healthy.
        audit_log: the API server's audit log.
        logs: folder of the parts' logs.
        parts: state, pid inside the cluster and restarts of each part.
        stages: seconds after which each stage of the last start was reached.
        limits: what this cluster does not give.
    """

    running: bool
    ready: bool
    kubeconfig: Path
    api: str
    storage_classes: Sequence[str]
    internet: str
    metadata: str
    images: Mapping[str, str]
    versions: Mapping[str, str]
    enforcement: Mapping[str, Any]
    audit_log: Path
    logs: Path
    parts: Mapping[str, Mapping[str, Any]]
    stages: Mapping[str, float]
    limits: Sequence[str] = LIMITS

    def document(self) -> dict[str, Any]:
        """Return JSON-ready fields; paths are texts."""
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }

    def lines(self) -> list[str]:
        """Return the same for a person to read."""
        if not self.running:
            return ["No cluster is running. Start one with: tre cluster up"]
        words = "ready" if self.ready else "running, not ready"
        enforced = "enforced" if self.enforcement["healthy"] else "NOT enforced"
        return [
            f"The cluster is {words}: {self.api}",
            f"  kubeconfig    {self.kubeconfig}",
            f"  policies      {enforced} by {self.enforcement['by']}",
            f"  storage       {', '.join(self.storage_classes)}",
            f"  internet      {self.internet} and {self.metadata}, made up",
            f"  audit log     {self.audit_log}",
            f"  logs          {self.logs}",
            *(f"  {name:24} {_part(part)}" for name, part in self.parts.items()),
            *(f"  limit: {limit}" for limit in self.limits),
        ]


def gather(state: State) -> ClusterInfo:
    """Ask the files, the API server and the network agent of the cluster whose state this is."""
    pid, node = lifecycle.holder(state), lifecycle.node(state)
    start, progress = lifecycle.document(state / "start.json"), lifecycle.document(state.progress)
    answers = bool(pid and node and progress and Api(node.api, state.pki, "administrator").ready())
    enforcement = (
        _enforcement(pid, start) if answers and pid else _no_enforcement("the cluster does not answer")
    )
    return ClusterInfo(
        running=pid is not None,
        ready=bool(answers and progress.get("ready") and enforcement["healthy"]),
        kubeconfig=state.kubeconfig,
        api=node.api if node else "",
        storage_classes=STORAGE_CLASSES,
        internet=network.INTERNET,
        metadata=network.METADATA,
        images={name: image["reference"] for name, image in start.get("images", {}).items()},
        versions=_versions(start),
        enforcement=enforcement,
        audit_log=state.audit_log,
        logs=state.logs,
        parts=lifecycle.document(state.parts) if pid else {},
        stages=progress.get("stages", {}),
    )


def _versions(start: Mapping[str, Any]) -> Mapping[str, str]:
    programs = start.get("programs", {})
    return {name: programs[name]["version"] for name in _SHOWN if name in programs}


def _enforcement(pid: int, start: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask Cilium's agent, in the cluster's own namespaces, whether it is well."""
    client = start["programs"]["cilium-dbg"]["path"]
    enter = ["nsenter", "--target", str(pid), "--net", "--mount"]
    question = [*enter, client, "status", "--brief"]
    try:
        ended = subprocess.run(question, check=False, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return _no_enforcement(f"its agent did not answer within {_PATIENCE} s")
    said = (ended.stdout or ended.stderr).strip()
    return {"by": "cilium", "healthy": ended.returncode == 0, "says": said}


def _no_enforcement(why: str) -> Mapping[str, Any]:
    return {"by": "cilium", "healthy": False, "says": why}


def _part(part: Mapping[str, Any]) -> str:
    restarts = f", {part['restarts']} restarts" if part["restarts"] else ""
    return f"{part['state']}{restarts}"
