"""The official client, as tests use it, and the pods that they run."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from tre import toolchain

Document = dict[str, Any]


class Kubectl:
    """Runs `kubectl` with one kubeconfig. Every wait is bounded."""

    def __init__(self, kubeconfig: Path) -> None:
        self._command = [str(toolchain.need("kubectl").path), f"--kubeconfig={kubeconfig}"]

    def attempt(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run and return how it ended."""
        command = [*self._command, "--request-timeout=30s", *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)

    def run(self, *arguments: str, given: str = "") -> str:
        """Run and return what it printed; it must succeed."""
        ended = self.attempt(*arguments, given=given)
        assert ended.returncode == 0, f"kubectl {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout

    def get(self, *arguments: str) -> Document:
        """Return an object, or a list of them."""
        return cast("Document", json.loads(self.run("get", *arguments, "-o", "json")))

    def apply(self, *documents: Mapping[str, Any]) -> None:
        """Create or change objects."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.run("apply", "-f", "-", given=json.dumps(listed))

    def make_namespace(self, name: str, level: str = "restricted") -> None:
        """Create a namespace under a Pod Security level, and wait for its default account."""
        labels = {"pod-security.kubernetes.io/enforce": level}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        account = ("get", "serviceaccount", "default", "-n", name)
        eventually(lambda: self.attempt(*account).returncode == 0, f"the account of {name}")

    def start(self, pod: Mapping[str, Any], seconds: int = 120) -> None:
        """Create a pod and wait until it is ready."""
        self.apply(pod)
        metadata = pod["metadata"]
        place = ("-n", metadata["namespace"], f"pod/{metadata['name']}")
        ended = self.attempt("wait", "--for=condition=Ready", f"--timeout={seconds}s", *place)
        assert ended.returncode == 0, f"{ended.stderr}\n{self.attempt('describe', *place).stdout}"

    def python(self, namespace: str, pod: str, program: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program in a running pod."""
        return self.attempt("exec", "-n", namespace, pod, "--", "python3", "-c", program)

    def address(self, namespace: str, pod: str) -> str:
        """Return a pod's address."""
        return str(self.get("pod", pod, "-n", namespace)["status"]["podIP"])


def restricted_pod(
    name: str,
    namespace: str,
    image: str,
    command: Sequence[str] = ("sleep", "3600"),
    *,
    claims: Sequence[str] = (),
    **spec: Any,
) -> Document:
    """Return a pod that Pod Security `restricted` admits, with `/tmp` writable and each claim mounted at `/<claim>`."""
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "Never",
        "command": list(command),
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in ("tmp", *claims)],
    }
    volumes: list[Document] = [{"name": "tmp", "emptyDir": {}}]
    volumes += [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims]
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    own = {"securityContext": security, "containers": [container], "volumes": volumes}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False, **own, **spec},
    }


def claim(
    name: str, namespace: str, storage_class: str, annotations: Mapping[str, str] | None = None
) -> Document:
    """Return a claim of one mebibyte."""
    metadata = {"name": name, "namespace": namespace, "annotations": dict(annotations or {})}
    asked = {"requests": {"storage": "1Mi"}}
    spec = {"storageClassName": storage_class, "accessModes": ["ReadWriteMany"], "resources": asked}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def eventually(test: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until `test` holds, at most that long."""
    deadline = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < deadline, f"{what}: not after {seconds} s"
        time.sleep(0.2)
