"""Whether a target is still the place that was deployed to: an address may have been given to another cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tre import paths, registry

if TYPE_CHECKING:
    from components.backend import Target


def identities(targets: Mapping[str, Target]) -> Mapping[str, str]:
    """Return the identity of each target that can tell one, by name.

    Raises:
        TreError: a target does not answer.
    """
    lives = {name: registry.backend(target.backend).live for name, target in targets.items()}
    return {name: live(targets[name]).identity() for name, live in lives.items() if live}


def moved(site_folder: Path, now: Mapping[str, str]) -> list[str]:
    """Return the targets that are no longer the place that was last deployed to."""
    before = _remembered(site_folder)
    return sorted(name for name, identity in now.items() if before.get(name, identity) != identity)


def remember(site_folder: Path, now: Mapping[str, str]) -> None:
    """Write down which places were deployed to."""
    paths.write_private(_file(site_folder), json.dumps({**_remembered(site_folder), **now}, indent=1))


def _file(site_folder: Path) -> Path:
    return site_folder / "places.json"


def _remembered(site_folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads(_file(site_folder).read_text()))
    except (OSError, ValueError):
        return {}
