"""The stage of a break-out: listeners in each place, probes that try to reach them, and its clearing away."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import secrets
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from components.backend import Scope
from providers.kubernetes import names
from providers.kubernetes.evidence.view import at, listed
from providers.kubernetes.live import attempt, jobs
from providers.kubernetes.live.connection import Connection, Object
from tre.errors import failure

Attempt = Mapping[str, Any]
LISTEN_PORT: Final = 8080
_SECONDS: Final = 60
_LOOK_SECONDS: Final = 0.25
_ROLE: Final = "probe"
_SOURCE: Final = Path(attempt.__file__).read_text()
_LISTENER: Final = (
    "import http.server,sys,threading\n"
    "for port in sys.argv[1:]:\n"
    "    s=http.server.ThreadingHTTPServer(('',int(port)),http.server.BaseHTTPRequestHandler)\n"
    "    threading.Thread(target=s.serve_forever).start()\n"
)
SMALL: Final = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "96Mi"}}


class Stage:
    """Pods made for one run of probes. Everything it makes carries the run's name, and is removed at the end."""

    def __init__(self, connection: Connection, image: str) -> None:
        self.connection = connection
        self.name = f"probe-{secrets.token_hex(4)}"
        self.image = image
        self._made: list[str] = []

    @property
    def control(self) -> str:
        """The namespace without any policy: what is reached from there could be reached."""
        return f"tre-{self.name}"

    def open_control(self) -> None:
        """Make the namespace without policies."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.control}}
        self.connection.create("/api/v1/namespaces", body)
        self._made.append(f"/api/v1/namespaces/{self.control}")

    def listener(self, place: str, labels: Mapping[str, str], *ports: int) -> str:
        """Start a pod that accepts connections, and return its name."""
        return self._pod(place, "listen", labels, ["python3", "-c", _LISTENER, *map(str, ports)])

    def probe(
        self,
        place: str,
        labels: Mapping[str, str],
        plan: Sequence[Attempt],
        claims: bool,
        *,
        unready: bool = False,
    ) -> str:
        """Start a pod that makes attempts, and return its name. An `unready` one never gets a service's calls."""
        command = ["python3", "-c", _SOURCE, json.dumps(plan)]
        return self._pod(place, "try", labels, command, claims=claims, unready=unready)

    def _pod(
        self,
        place: str,
        role: str,
        labels: Mapping[str, str],
        command: Sequence[str],
        *,
        claims: bool = False,
        unready: bool = False,
    ) -> str:
        name = f"{self.name}-{role}-{secrets.token_hex(2)}"
        made: dict[str, Any] = {"image": self.image}
        spec = jobs.bare_pod(made)
        if place == self.control or not claims:
            spec["serviceAccountName"] = "default"
        container: dict[str, Any] = {
            "name": _ROLE,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(command),
            "securityContext": jobs.confined(),
            "resources": SMALL,
        }
        if unready:
            container["readinessProbe"] = {"exec": {"command": ["false"]}}
        if claims:
            areas = ("inputs", "working", "outbox")
            container["volumeMounts"] = [{"name": area, "mountPath": f"/{area}"} for area in areas]
            spec["volumes"] = [
                {"name": area, "persistentVolumeClaim": {"claimName": area, "readOnly": area == "inputs"}}
                for area in areas
            ]
        return self._start(place, name, labels, {**spec, "containers": [container]})

    def pod(self, place: str, labels: Mapping[str, str], spec: Mapping[str, Any]) -> str:
        """Start a pod of one's own making, and return its name."""
        return self._start(place, f"{self.name}-own-{secrets.token_hex(2)}", labels, spec)

    def _start(self, place: str, name: str, labels: Mapping[str, str], spec: Mapping[str, Any]) -> str:
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": dict(labels)},
            "spec": {**spec, "activeDeadlineSeconds": _SECONDS * 3},
        }
        self.connection.create(f"/api/v1/namespaces/{place}/pods", body)
        self._made.append(f"/api/v1/namespaces/{place}/pods/{name}")
        return name

    def address(self, place: str, name: str) -> str:
        """Wait until a listener runs and return its address."""
        pod = self._wait(place, name, ("Running",))
        return str(at(pod, "status", "podIP"))

    def results(self, place: str, name: str) -> Mapping[str, Any]:
        """Wait until a probe ended and return what its attempts met."""
        pod = self._wait(place, name, ("Succeeded", "Failed"))
        message = at(listed(pod, "status", "containerStatuses"), 0, "state", "terminated", "message")
        if not message or at(pod, "status", "phase") == "Failed":
            raise failure(f"probe in {place}", f"ended without an answer ({message or 'no message'})")
        return json.loads(message)

    def _wait(self, place: str, name: str, phases: Sequence[str]) -> Object:
        end = time.monotonic() + _SECONDS
        pod: Object | None = None
        while time.monotonic() < end:
            pod = self.connection.get(f"/api/v1/namespaces/{place}/pods/{name}")
            if pod is not None and at(pod, "status", "phase") in phases:
                return pod
            time.sleep(_LOOK_SECONDS)
        raise failure(f"probe in {place}", f"did not start or end within {_SECONDS} s: {_why(pod)}")

    def clear(self) -> None:
        """Remove everything that was made, newest first."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(self.connection.delete, reversed(self._made)))


@contextlib.contextmanager
def stage(connection: Connection, image: str) -> Generator[Stage]:
    """Open a stage and clear it away afterwards, whatever happens; a killed run's stage is cleared by the next."""
    sweep(connection)
    opened = Stage(connection, image)
    try:
        opened.open_control()
        yield opened
    finally:
        opened.clear()


def sweep(connection: Connection) -> None:
    """Remove the namespaces that killed runs of probes left; their pods elsewhere end by their own deadline."""
    for each in connection.items("/api/v1/namespaces"):
        name = str(at(each, "metadata", "name"))
        if name.startswith("tre-probe-"):
            connection.delete(f"/api/v1/namespaces/{name}")


def _why(pod: Object | None) -> str:
    conditions = [
        f"{each.get('type')} {each.get('reason', '')} {each.get('message', '')}".strip()
        for each in listed(pod, "status", "conditions")
        if each.get("status") == "False"
    ]
    return "; ".join(conditions) or str(at(pod, "status", "phase") or "it was never there")


def labels_of(scope: Scope) -> dict[str, str]:
    """Return the labels of a probe in a project."""
    return jobs.marks(scope, _ROLE)


def door_labels(scope: Scope) -> dict[str, str]:
    """Return the labels of a stand-in for the airlock's inside door."""
    return {f"{names.LABEL}/door": "inside", f"{names.LABEL}/role": _ROLE}
