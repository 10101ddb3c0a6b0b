"""Kubeconfig files, written as JSON (which is YAML) with the certificates inside."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tre import paths


def document(pki: Path, leaf: str, server: str) -> dict[str, Any]:
    """Return a kubeconfig that signs in to `server` with the certificate `leaf`."""
    cluster = {"server": server, "certificate-authority-data": _encoded(pki / "cluster-ca.crt")}
    user = {
        "client-certificate-data": _encoded(pki / f"{leaf}.crt"),
        "client-key-data": _encoded(pki / f"{leaf}.key"),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tre-local",
        "clusters": [{"name": "tre-local", "cluster": cluster}],
        "users": [{"name": leaf, "user": user}],
        "contexts": [{"name": "tre-local", "context": {"cluster": "tre-local", "user": leaf}}],
    }


def write(file: Path, pki: Path, leaf: str, server: str) -> Path:
    """Write that kubeconfig to `file`, mode 0600, and return `file`."""
    paths.write_private(file, json.dumps(document(pki, leaf, server), indent=1))
    return file


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
