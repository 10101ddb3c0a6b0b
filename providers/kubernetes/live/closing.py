"""What a project holds, its erasure, and what remains of it afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from components.backend import Scope
from providers.kubernetes import names
from providers.kubernetes.evidence.view import at, listed, mapped
from providers.kubernetes.live.connection import Connection, Object
from tre.errors import failure

_VOLUMES: Final = "/api/v1/persistentvolumes"
_NAMESPACES: Final = "/api/v1/namespaces"
_SECONDS: Final = 60
_LOOK_SECONDS: Final = 0.5


def _volumes(connection: Connection, scope: Scope) -> list[Object]:
    return [
        each
        for each in connection.items(_VOLUMES)
        if _within(scope, str(at(each, "spec", "claimRef", "namespace")))
    ]


def _within(scope: Scope, place: str) -> bool:
    if scope.project:
        return place == names.namespace(scope.site, scope.project)
    return place.startswith(names.site_namespace(scope.site, ""))


def _key(scope: Scope) -> str:
    keys = names.site_namespace(scope.site, "keys")
    return f"/api/v1/namespaces/{keys}/secrets/{names.key_secret(scope.project)}"


def holdings(connection: Connection, scope: Scope) -> Mapping[str, Any]:
    """Return the loader's manifest, and the volumes with their ciphers and the fingerprints of their keys."""
    loaded = _loaded(connection, scope)
    return {
        "manifest": loaded.get("manifest", ""),
        "data_sets": loaded.get("entries", []),
        "volumes": [_described(each) for each in _volumes(connection, scope)],
    }


def _described(volume: Object) -> dict[str, str]:
    notes = mapped(volume, "metadata", "annotations")
    return {
        "name": str(at(volume, "metadata", "name")),
        "area": str(at(volume, "spec", "claimRef", "name")),
        "cipher": str(notes.get("tre.local/cipher", "")),
        "key": str(notes.get("tre.local/key-fingerprint", "")),
    }


def _loaded(connection: Connection, scope: Scope) -> Mapping[str, Any]:
    """Return what the loader said at its end: digests and sizes, no data."""
    place = names.namespace(scope.site, scope.project)
    for pod in connection.items(f"/api/v1/namespaces/{place}/pods", "batch.kubernetes.io/job-name=load"):
        for status in listed(pod, "status", "containerStatuses"):
            if at(status, "state", "terminated", "exitCode") == 0:
                return json.loads(at(status, "state", "terminated", "message") or "{}")
    return {}


def erase(connection: Connection, scope: Scope, say: Callable[[str], None]) -> Sequence[str]:
    """Destroy the key, then the volumes that outlived their claims; return what was removed.

    A site's own keys went with its stack.

    Raises:
        TreError: a volume is still there after its time.
    """
    keys = [_key(scope)] if scope.project else []
    removed = [path for path in keys if connection.get(path) is not None]
    for key in keys:
        connection.delete(key)
    for volume in _volumes(connection, scope):
        path = f"{_VOLUMES}/{at(volume, 'metadata', 'name')}"
        say(f"erasing {path}")
        connection.merge(path, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})
        removed.append(path)
    _wait_gone(connection, scope)
    return removed


def _wait_gone(connection: Connection, scope: Scope) -> None:
    end = time.monotonic() + _SECONDS
    while left := _volumes(connection, scope):
        if time.monotonic() > end:
            what = ", ".join(str(at(each, "metadata", "name")) for each in left)
            where = f"project {scope.project}" if scope.project else f"site {scope.site}"
            raise failure(where, f"volumes are still there: {what}", "Do it again.")
        time.sleep(_LOOK_SECONDS)


def remains(connection: Connection, scope: Scope) -> Sequence[str]:
    """Return each object of the scope that is still there: its namespaces, its key, its volumes."""
    named = [str(at(each, "metadata", "name")) for each in connection.items(_NAMESPACES)]
    places = [f"{_NAMESPACES}/{each}" for each in named if _within(scope, each)]
    key = [_key(scope)] if scope.project and connection.get(_key(scope)) is not None else []
    volumes = [f"{_VOLUMES}/{at(each, 'metadata', 'name')}" for each in _volumes(connection, scope)]
    return [*places, *key, *volumes]
