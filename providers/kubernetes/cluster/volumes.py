"""The volume provisioner `tre.local/volumes`: gives claims their volumes, encrypted each under its class's key.

It runs on the node, outside any pod, because it mounts. Its state is in the API server (PersistentVolumes with
annotations) and on disk; it can be killed at any moment and goes on where it was. No quota of bytes is enforced:
a volume records the capacity that was asked for, and can grow beyond it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from providers.kubernetes.cluster import claims, encryption, network, parts, places
from providers.kubernetes.cluster.api import Api, ApiError
from providers.kubernetes.cluster.claims import Claim, Document, Secret, Unacceptable
from providers.kubernetes.cluster.encryption import Unusable, Volume
from providers.kubernetes.cluster.places import INSIDE

_CLAIMS: Final = "/api/v1/persistentvolumeclaims"
_VOLUMES: Final = "/api/v1/persistentvolumes"
_CLASSES: Final = "/apis/storage.k8s.io/v1/storageclasses"
_LOOK_AGAIN: Final = 30.0
_TRY_AGAIN: Final = 3.0
"""Seconds until a claim that could not be served is tried again: what it lacks may come without a change to it."""
_WATCH_SECONDS: Final = 240
_KEYS_EVERY: Final = 60.0


class KeyMissing(Unacceptable):
    """The Secret that holds a volume's key is not there, or holds no usable key."""


class Provisioner:
    """Makes what is on disk agree with what the API server says."""

    def __init__(self, api: Api, folder: Path, mounts: Path, preload: Path) -> None:
        self._api, self._folder, self._mounts, self._preload = api, folder, mounts, preload
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._salt = encryption.own_secret(folder / "fingerprint.salt")
        self._complaints: dict[str, str] = {}
        self._keys_due = 0.0

    def reconcile(self) -> bool:
        """Erase what was released, mount what should be mounted, serve what waits; return whether any still waits."""
        volumes = self._api.items(_VOLUMES)
        for volume in claims.released(volumes):
            self._erase(volume)
        kept = [volume for volume in claims.ours(volumes) if volume not in claims.released(volumes)]
        for volume in kept:
            self._keep_mounted(volume)
        if time.monotonic() >= self._keys_due:
            self._honour_lost_keys(kept)
            self._keys_due = time.monotonic() + _KEYS_EVERY
        pending = [claim for claim in self._api.items(_CLAIMS) if claim["status"].get("phase") == "Pending"]
        waiting = claims.waiting(pending, self._api.items(_CLASSES) if pending else [])
        served = [self._serve(claim) for claim in waiting]
        return not all(served)

    def _serve(self, claim: Claim) -> bool:
        try:
            self._provision(claim)
            self._complaints.pop(claim.volume_name, None)
            return True
        except (Unacceptable, Unusable, OSError) as complaint:
            # One volume that cannot be had must not keep the others waiting.
            self._complain(claim, str(complaint))
            return False

    def _provision(self, claim: Claim) -> None:
        if self._api.get(f"{_VOLUMES}/{claim.volume_name}") is not None:
            return  # made already; the controller has yet to bind the claim to it
        claim.refuse_what_is_not_given()
        root = claim.root
        key = self._key(claim.secret) if claim.encrypted else None
        self._disk(claim.volume_name).create(key, root)
        self._remember(claim.volume_name, claim.secret if claim.encrypted else None)
        print_ = encryption.fingerprint(key, self._salt) if key else ""
        self._api.create(_VOLUMES, claim.volume(print_))

    def _remember(self, name: str, secret: Secret | None) -> None:
        # Needed once the PersistentVolume is gone and only the folder is left.
        (self._folder / name / "volume.json").write_text(json.dumps({"key": str(secret or "")}))

    def _keep_mounted(self, volume: Document) -> None:
        name = str(volume["metadata"]["name"])
        disk = self._disk(name)
        if disk.mounted():
            return
        try:
            disk.mount(self._key_of(volume))
        except (KeyMissing, Unusable, OSError) as why:
            self._note(name, str(why))

    def _honour_lost_keys(self, volumes: Sequence[Document]) -> None:
        """Close volumes whose key's Secret was deleted; of those that are deleted too, destroy the master key."""
        secrets = {str(volume["metadata"]["name"]): _secret_of(volume) for volume in volumes}
        lost = {secret for secret in set(secrets.values()) if secret and self._is_lost(secret)}
        for name, secret in secrets.items():
            if secret in lost:
                self._disk(name).unmount()
        known = {str(volume["metadata"]["name"]) for volume in self._api.items(_VOLUMES)}
        for record in self._folder.glob("*/volume.json"):
            if record.parent.name not in known:
                self._honour_lost_key(record)

    def _honour_lost_key(self, record: Path) -> None:
        secret = Secret.parse(json.loads(record.read_text())["key"])
        disk = self._disk(record.parent.name)
        disk.unmount()
        if secret is not None and self._is_lost(secret):
            disk.shred_key()

    def _is_lost(self, secret: Secret) -> bool:
        return self._api.get(_secret_path(secret)) is None

    def _erase(self, volume: Document) -> None:
        name = str(volume["metadata"]["name"])
        self._disk(name).erase()
        self._api.delete(f"{_VOLUMES}/{name}")

    def _disk(self, name: str) -> Volume:
        return Volume(self._folder / name, self._mounts / name, self._preload)

    def _key_of(self, volume: Document) -> bytes | None:
        encrypted = claims.annotation(volume, claims.ENCRYPTED) == "true"
        return self._key(_secret_of(volume)) if encrypted else None

    def _key(self, secret: Secret | None) -> bytes:
        if secret is None:
            return encryption.own_secret(self._folder / "cluster.key")
        found = self._api.get(_secret_path(secret))
        if found is None:
            raise KeyMissing(f"the Secret {secret} that holds the key does not exist")
        return _key_in(secret, found.get("data") or {})

    def _complain(self, claim: Claim, message: str) -> None:
        if self._complaints.get(claim.volume_name) == message:
            return
        self._complaints[claim.volume_name] = message
        namespace = claim.document["metadata"]["namespace"]
        self._api.create(f"/api/v1/namespaces/{namespace}/events", _event(claim.document, message))

    def _note(self, name: str, message: str) -> None:
        if self._complaints.get(name) != message:
            self._complaints[name] = message
            sys.stderr.write(f"{name}: {message}\n")


def _secret_of(volume: Document) -> Secret | None:
    return Secret.parse(claims.annotation(volume, claims.KEY_SECRET))


def _key_in(secret: Secret, data: Mapping[str, str]) -> bytes:
    """Return the key in a Secret's data: the field `passphrase`, or the only field there is."""
    fields = [data["passphrase"]] if "passphrase" in data else list(data.values())
    if len(fields) != 1:
        raise KeyMissing(f"the Secret {secret} has no field `passphrase` and not exactly one other")
    key = base64.b64decode(fields[0])
    if len(key) < encryption.SHORTEST_KEY:
        raise KeyMissing(f"the key in the Secret {secret} is shorter than {encryption.SHORTEST_KEY} bytes")
    return key


def _secret_path(secret: Secret) -> str:
    return f"/api/v1/namespaces/{secret.namespace}/secrets/{secret.name}"


def _event(claim: Document, message: str) -> dict[str, Any]:
    metadata = claim["metadata"]
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    involved = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    return {
        "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
        "involvedObject": {**involved, **{field: metadata[field] for field in ("namespace", "name", "uid")}},
        "reason": "ProvisioningFailed",
        "message": message,
        "type": "Warning",
        "source": {"component": claims.PROVISIONER},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }


def _watch(api: Api, path: str, wake: queue.SimpleQueue[str]) -> None:
    while True:
        try:
            for _ in api.changes(path, _WATCH_SECONDS):
                wake.put(path)
        except ApiError as error:
            sys.stderr.write(f"watching {path}: {error}\n")
            time.sleep(1)


def main() -> None:
    """Reconcile whenever a claim or a volume changes, and every few seconds besides."""
    os.umask(0o022)
    node = network.Node(int(json.loads(INSIDE.node.read_text())["slot"]))
    preload = encryption.per_thread(places.RUN / "per-thread.so")
    provisioner = Provisioner(Api(node.api, INSIDE.pki, "volumes"), INSIDE.volumes, places.VOLUMES, preload)
    wake: queue.SimpleQueue[str] = queue.SimpleQueue()
    for path in (_CLAIMS, _VOLUMES):
        watched = Api(node.api, INSIDE.pki, "volumes")
        threading.Thread(target=_watch, args=(watched, path, wake), daemon=True).start()
    while True:
        some_wait = provisioner.reconcile()
        parts.VOLUMES_READY.touch()
        with contextlib.suppress(queue.Empty):
            wake.get(timeout=_TRY_AGAIN if some_wait else _LOOK_AGAIN)
            while not wake.empty():
                wake.get_nowait()


if __name__ == "__main__":
    main()
