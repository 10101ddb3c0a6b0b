"""Brings a started node to readiness: rights, images, DNS, storage classes; then waits until everything answers.

A part like the others, but one that ends: the supervisor starts it again if it fails. What it has reached it tells
by files that other parts wait for, and by `progress.json`, which `tre cluster up` shows.
"""

from __future__ import annotations

import datetime
import json
import os
import socket
import string
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import yaml

from providers.kubernetes.cluster import network, oci, parts, places
from providers.kubernetes.cluster.api import Api, ApiError, Document
from providers.kubernetes.cluster.places import INSIDE
from tre import paths

_PATIENCE: Final = 120.0
_MANIFESTS: Final = Path(__file__).parent / "manifests"
_PLURALS: Final = {"StorageClass": "storageclasses"}
_CLUSTER_WIDE: Final = {"ClusterRole", "ClusterRoleBinding", "StorageClass", "Namespace"}
_NEEDED_BY_NODE: Final = ("pause", "coredns")


class Progress:
    """Tells the outside how far the start has come."""

    def __init__(self) -> None:
        self._began = time.time()
        self._stages: dict[str, float] = {}
        self._lock = threading.Lock()

    def reached(self, stage: str, *, ready: bool = False) -> None:
        """Record that `stage` is reached, with the seconds since the start."""
        with self._lock:
            self._stages[stage] = round(time.time() - self._began, 1)
            paths.write_private(INSIDE.progress, json.dumps({"ready": ready, "stages": self._stages}))


def main() -> None:
    """Bring the node to readiness.

    Raises:
        TimeoutError: something did not answer in time; the supervisor will start again.
    """
    start = _start()
    node = network.Node(int(json.loads(INSIDE.node.read_text())["slot"]))
    api, progress = Api(node.api, INSIDE.pki, "bootstrap"), Progress()
    importing = _in_background(lambda: _import_images(start["images"], progress.reached))
    _wait("API server", api.ready)
    _mark(parts.API_READY)
    progress.reached("API server answers")
    _apply(api, "rights.yaml")
    _mark(parts.RIGHTS_READY)
    _apply(api, "storage.yaml")
    _apply(api, "dns.yaml", coredns=start["images"]["coredns"]["reference"])
    for what, test in _tests(api):
        _wait(what, test)
        progress.reached(what)
    importing()
    progress.reached("ready", ready=True)


def load_images() -> None:
    """Import the images that a running cluster was given after its start."""
    _import_images(_start()["images"], lambda _: None)


def _start() -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", json.loads((INSIDE / "start.json").read_text()))


def _tests(api: Api) -> Sequence[tuple[str, Callable[[], bool]]]:
    began = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return [
        ("network policies are enforced", _cilium_healthy),
        ("node is ready", lambda: node_ready(api, began)),
        ("volumes are served", parts.VOLUMES_READY.exists),
        ("made-up internet answers", _internet_answers),
        ("names are resolved", _names_resolve),
    ]


def _in_background(work: Callable[[], None]) -> Callable[[], None]:
    """Start `work` in a thread and return a function that waits for it and raises what it raised."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # handed to the waiting thread
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def finish() -> None:
        thread.join()
        if failed:
            raise failed[0]

    return finish


def _import_images(images: Mapping[str, Mapping[str, str]], reached: Callable[[str], None]) -> None:
    _wait("containerd", places.CONTAINERD_SOCKET.exists)
    held = set(_ctr("images", "list", "--quiet").stdout.decode().split())
    # What the node itself needs comes first: pods start while the large ones are unpacked.
    for name in sorted(images, key=lambda name: name not in _NEEDED_BY_NODE):
        if name not in _NEEDED_BY_NODE:
            _mark(parts.IMAGES_READY)
        if images[name]["reference"] not in held:
            _import(Path(images[name]["layout"]))
        reached(f"image {name}")
    _mark(parts.IMAGES_READY)


def _import(layout: Path) -> None:
    command = _ctr_command("images", "import", "-")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        if process.stdin is None:
            raise RuntimeError("ctr was started without a pipe")
        oci.stream_layout(layout, process.stdin)
        process.stdin.close()
    if process.returncode != 0:
        raise RuntimeError(f"ctr could not import {layout}")


def _ctr(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    deadline = time.monotonic() + _PATIENCE
    while True:
        ended = subprocess.run(_ctr_command(*arguments), check=False, capture_output=True)
        if ended.returncode == 0 or time.monotonic() > deadline:
            ended.check_returncode()
            return ended
        time.sleep(0.2)


def _ctr_command(*arguments: str) -> Sequence[str]:
    program = str(places.PROGRAMS / "ctr")
    return [program, "--address", str(places.CONTAINERD_SOCKET), "--namespace", "k8s.io", *arguments]


def _apply(api: Api, name: str, **values: str) -> None:
    text = (_MANIFESTS / name).read_text()
    filled = string.Template(text).safe_substitute(values)
    for document in yaml.safe_load_all(filled):
        if document:
            api.apply(object_path(document), document)


def object_path(document: Document) -> str:
    """Return the API path of an object of the kinds that the manifests use."""
    version, kind = document["apiVersion"], document["kind"]
    metadata = document["metadata"]
    root = "/api/v1" if version == "v1" else f"/apis/{version}"
    namespace = "" if kind in _CLUSTER_WIDE else f"/namespaces/{metadata['namespace']}"
    return f"{root}{namespace}/{_PLURALS.get(kind, kind.lower() + 's')}/{metadata['name']}"


def node_ready(api: Api, since: datetime.datetime) -> bool:
    """Tell whether the kubelet has said since then that the node is ready: a former life's word does not count."""
    node = api.get(f"/api/v1/nodes/{network.NODE_NAME}")
    status: Mapping[str, Any] = node["status"] if node else {}
    conditions = cast("Sequence[Mapping[str, str]]", status.get("conditions", []))
    return any(
        condition["type"] == "Ready"
        and condition["status"] == "True"
        and datetime.datetime.fromisoformat(condition["lastHeartbeatTime"]) >= since
        for condition in conditions
    )


def _cilium_healthy() -> bool:
    return _answers(f"http://127.0.0.1:{parts.HEALTH_PORT}/healthz", {"brief": "true"})


def _internet_answers() -> bool:
    return _answers(f"http://{network.INTERNET}/", {})


def _answers(url: str, headers: Mapping[str, str]) -> bool:
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - our own addresses
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _names_resolve() -> bool:
    """Ask the cluster's DNS service for the API server's own name, by its service address."""
    name = b"".join(
        bytes([len(label)]) + label for label in b"kubernetes.default.svc.cluster.local".split(b".")
    )
    query = b"\x07\x07\x01\x00\x00\x01" + bytes(6) + name + b"\x00\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.5)
        try:
            udp.sendto(query, (network.DNS_SERVICE, 53))
            return socket.inet_aton(network.API_SERVICE) in udp.recv(512)
        except OSError:
            return False


def _wait(what: str, test: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not _quietly(test):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not after {_PATIENCE:.0f} s")
        time.sleep(0.2)


def _quietly(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except ApiError:
        return False


def _mark(stage: Path) -> None:
    os.close(os.open(stage, os.O_CREAT | os.O_WRONLY, 0o644))


if __name__ == "__main__":
    load_images() if sys.argv[1:] == ["images"] else main()
