"""Volumes: encrypted under a key of their own, or plainly not; erased, kept or unreadable as their class says."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.kubernetes.cluster import ClusterInfo, claims
from tests.cluster.kubectl import Document, Kubectl, claim, eventually, restricted_pod

pytestmark = pytest.mark.cluster

MARK = "the-marker-of-a-sensitive-row"
WRITE = f"open('/data/patients.csv', 'w').write('{MARK}\\n' * 1000)"
MAKE_MANY = """
import os, pathlib
for process in range(8):
    if not os.fork():
        for number in range(150):
            folder = pathlib.Path(f"/data/{process}-{number}")
            folder.mkdir()
            (folder / "file").write_text("x")
        os._exit(0)
assert [os.wait()[1] for _ in range(8)] == [0] * 8
assert {each.stat().st_uid for each in pathlib.Path("/data").rglob("*")} == {os.getuid()}
"""


@pytest.fixture
def volumes(cluster: ClusterInfo) -> Path:
    """The folder in which the node keeps what volumes hold."""
    return cluster.kubeconfig.parent / "volumes"


@pytest.fixture
def keyed_class(kubectl: Kubectl) -> Iterator[str]:
    """A class whose key is in the Secret `volume-key` of the claim's own namespace; volumes are deleted."""
    yield from make_class(kubectl, "Delete")


@pytest.fixture
def keeping_class(kubectl: Kubectl) -> Iterator[str]:
    """The same, but volumes are kept."""
    yield from make_class(kubectl, "Retain")


def make_class(kubectl: Kubectl, policy: str) -> Iterator[str]:
    name = f"keyed-{uuid.uuid4().hex[:6]}"
    convention = "csi.storage.kubernetes.io/provisioner-secret"
    kubectl.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": claims.PROVISIONER,
            "parameters": {
                "encrypted": "true",
                f"{convention}-name": "volume-key",
                f"{convention}-namespace": "${pvc.namespace}",
            },
            "reclaimPolicy": policy,
            "volumeBindingMode": "Immediate",
        }
    )
    yield name
    kubectl.run("delete", "storageclass", name)


def key(namespace: str, text: str) -> Document:
    metadata = {"name": "volume-key", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"passphrase": text}}


def volume_of(kubectl: Kubectl, namespace: str, name: str = "data") -> Document:
    bound = kubectl.get("pvc", name, "-n", namespace)["spec"]["volumeName"]
    return kubectl.get("pv", bound)


def is_bound(kubectl: Kubectl, namespace: str, name: str = "data") -> bool:
    return kubectl.get("pvc", name, "-n", namespace)["status"]["phase"] == "Bound"


def holds_mark(folder: Path) -> bool:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return any(MARK in str(file) or MARK.encode() in file.read_bytes() for file in files)


@pytest.mark.parametrize(("storage_class", "readable"), [("plain", True), ("encrypted", False)])
def test_an_encrypted_volume_is_ciphertext_on_disk(
    kubectl: Kubectl, namespace: str, image: str, volumes: Path, storage_class: str, readable: bool
) -> None:
    kubectl.apply(claim("data", namespace, storage_class))
    kubectl.start(restricted_pod("writer", namespace, image, claims=["data"]))
    assert kubectl.python(namespace, "writer", WRITE).returncode == 0
    volume = volume_of(kubectl, namespace)
    assert holds_mark(volumes / volume["metadata"]["name"]) is readable
    assert claims.annotation(volume, claims.ENCRYPTED) == str(not readable).lower()
    assert bool(claims.annotation(volume, claims.FINGERPRINT)) is not readable
    kubectl.start(restricted_pod("reader", namespace, image, claims=["data"]))
    assert MARK in kubectl.python(namespace, "reader", "print(open('/data/patients.csv').read())").stdout
    kubectl.run("delete", "pod", "-n", namespace, "--all", "--now")
    kubectl.run(
        "patch", "pv", volume["metadata"]["name"], "-p", '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'
    )


def test_many_make_files_on_an_encrypted_volume_at_the_same_time(
    kubectl: Kubectl, namespace: str, image: str
) -> None:
    """gocryptfs that changes the user of all its threads refuses some of them, or gives their files to root."""
    kubectl.apply(claim("data", namespace, "encrypted"))
    kubectl.start(restricted_pod("writer", namespace, image, claims=["data"]))
    made = kubectl.python(namespace, "writer", MAKE_MANY)
    assert made.returncode == 0, made.stderr


def test_a_volume_belongs_to_whom_its_claim_says(kubectl: Kubectl, namespace: str, image: str) -> None:
    kubectl.apply(claim("data", namespace, "plain", {claims.OWNER: "10001:10001", claims.MODE: "0755"}))
    kubectl.start(
        restricted_pod("loader", namespace, image, claims=["data"], securityContext=_as_user(10001))
    )
    assert kubectl.python(namespace, "loader", WRITE).returncode == 0
    kubectl.start(restricted_pod("analyst", namespace, image, claims=["data"]))
    assert "Permission denied" in kubectl.python(namespace, "analyst", WRITE).stderr
    assert kubectl.python(namespace, "analyst", "open('/data/patients.csv').read()").returncode == 0


def test_each_key_has_its_fingerprint(kubectl: Kubectl, namespace: str, keyed_class: str) -> None:
    kubectl.apply(key(namespace, "first-key-of-enough-length"), claim("data", namespace, keyed_class))
    eventually(lambda: is_bound(kubectl, namespace), "the first volume")
    kubectl.apply(claim("more", namespace, keyed_class))
    eventually(lambda: is_bound(kubectl, namespace, "more"), "the second volume")
    kubectl.apply(key(namespace, "other-key-of-enough-length"), claim("other", namespace, keyed_class))
    eventually(lambda: is_bound(kubectl, namespace, "other"), "the third volume")
    prints = [_fingerprint(kubectl, namespace, name) for name in ("data", "more", "other")]
    assert prints[0] == prints[1] != prints[2]


def test_without_its_key_a_volume_is_not_made(kubectl: Kubectl, namespace: str, keyed_class: str) -> None:
    kubectl.apply(claim("data", namespace, keyed_class))
    eventually(lambda: _said(kubectl, namespace, "that holds the key does not exist"), "the complaint")
    kubectl.apply(key(namespace, "short"))
    eventually(lambda: _said(kubectl, namespace, "shorter than 16 bytes"), "the next complaint")
    assert not is_bound(kubectl, namespace)
    kubectl.apply(key(namespace, "long-enough-at-last"))
    eventually(lambda: is_bound(kubectl, namespace), "the volume")


def test_a_volume_whose_key_is_destroyed_is_closed_for_good_and_holds_up_no_other(
    kubectl: Kubectl, namespace: str, image: str, keyed_class: str
) -> None:
    kubectl.apply(key(namespace, "a-key-of-enough-length"), claim("data", namespace, keyed_class))
    assert _starts(kubectl, namespace, image, seconds=60)  # the positive control
    kubectl.run("delete", "secret", "volume-key", "-n", namespace)
    eventually(lambda: not _starts(kubectl, namespace, image), "the volume to close", seconds=100)
    kubectl.apply(key(namespace, "another-key-of-enough-length"), claim("more", namespace, keyed_class))
    eventually(lambda: is_bound(kubectl, namespace, "more"), "a volume under the other key")
    assert not _starts(kubectl, namespace, image)


def test_a_kept_volume_loses_its_master_key_with_its_secret(
    kubectl: Kubectl, namespace: str, keeping_class: str, volumes: Path
) -> None:
    kubectl.apply(key(namespace, "a-key-of-enough-length"), claim("data", namespace, keeping_class))
    eventually(lambda: is_bound(kubectl, namespace), "the volume")
    name = volume_of(kubectl, namespace)["metadata"]["name"]
    settings = volumes / name / "cipher" / "gocryptfs.conf"
    kubectl.run("delete", "pvc", "data", "-n", namespace)
    kubectl.run("delete", "pv", name)
    assert settings.exists()
    kubectl.run("delete", "secret", "volume-key", "-n", namespace)
    eventually(lambda: not settings.exists(), "the end of the master key", seconds=100)
    assert settings.parent.exists()


def test_a_deleted_volume_is_erased_from_the_disk(
    kubectl: Kubectl, namespace: str, keyed_class: str, volumes: Path
) -> None:
    kubectl.apply(key(namespace, "a-key-of-enough-length"), claim("data", namespace, keyed_class))
    eventually(lambda: is_bound(kubectl, namespace), "the volume")
    folder = volumes / volume_of(kubectl, namespace)["metadata"]["name"]
    assert (folder / "cipher" / "gocryptfs.conf").exists()
    kubectl.run("delete", "pvc", "data", "-n", namespace)
    eventually(lambda: not folder.exists(), "the erasure")


def test_what_is_not_given_is_refused_with_a_reason(
    kubectl: Kubectl, namespace: str, keyed_class: str
) -> None:
    block = claim("data", namespace, keyed_class)
    block["spec"]["volumeMode"] = "Block"
    kubectl.apply(block, claim("odd", namespace, keyed_class, {claims.OWNER: "root"}))
    eventually(lambda: _said(kubectl, namespace, "no block devices"), "the refusal of a block device")
    eventually(lambda: _said(kubectl, namespace, "not of the form 10001:10001"), "the refusal of an owner")


def _as_user(number: int) -> Document:
    return {"runAsNonRoot": True, "runAsUser": number, "seccompProfile": {"type": "RuntimeDefault"}}


def _fingerprint(kubectl: Kubectl, namespace: str, name: str) -> str:
    return claims.annotation(volume_of(kubectl, namespace, name), claims.FINGERPRINT)


def _said(kubectl: Kubectl, namespace: str, words: str) -> bool:
    return any(words in event["message"] for event in kubectl.get("events", "-n", namespace)["items"])


def _starts(kubectl: Kubectl, namespace: str, image: str, seconds: int = 4) -> bool:
    """Start a pod on the volume, and tell whether it runs within so many seconds."""
    name = f"after-{uuid.uuid4().hex[:6]}"
    kubectl.apply(restricted_pod(name, namespace, image, claims=["data"]))
    place = ("-n", namespace, f"pod/{name}")
    started = (
        kubectl.attempt("wait", "--for=condition=Ready", f"--timeout={seconds}s", *place).returncode == 0
    )
    kubectl.run("delete", *place, "--now")
    return started
