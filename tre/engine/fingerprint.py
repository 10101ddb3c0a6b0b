"""What a deployment depends on, as one hash: the same hash means that deploying again would change nothing."""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from components.model import Model
from tre import paths

_SOURCES: Final = (
    "components/*.py",
    "providers/*/*.py",
    "tre/program.py",
    "tre/model/*.py",
    "tre/registry.py",
)
"""The files that decide which resources are registered."""


class Told(Protocol):
    """What a part is told: its names, its target and its components' specs."""

    @property
    def stack(self) -> str: ...
    @property
    def target(self) -> Model: ...
    @property
    def specs(self) -> Mapping[str, Model]: ...


def fingerprint(part: Told, site_outputs: Mapping[str, Any], today: datetime.date) -> str:
    """Return the hash (SHA-256, hex) of everything that a part's deployment depends on.

    A person whose access ends changes it on the day after, though no file changed.
    """
    specs = {name: spec.model_dump(mode="json") for name, spec in part.specs.items()}
    content = {
        "program": program_version(),
        "stack": part.stack,
        "target": part.target.model_dump(mode="json"),
        "specs": specs,
        "site": dict(site_outputs),
        "people": sorted(_admitted(specs.values(), today)),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _admitted(specs: Iterable[Mapping[str, Any]], today: datetime.date) -> Iterable[str]:
    for spec in specs:
        for person in spec.get("people", ()):
            if str(person.get("expires", "")) >= today.isoformat():
                yield str(person["name"])


@functools.cache
def program_version() -> str:
    """Return the hash of the deployer's own source, as far as it decides what is registered."""
    digest = hashlib.sha256(importlib.metadata.version("pulumi").encode())
    for file in _sources(paths.checkout()):
        digest.update(str(file.relative_to(paths.checkout())).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _sources(root: Path) -> Iterable[Path]:
    return sorted(file for pattern in _SOURCES for file in root.glob(pattern))
