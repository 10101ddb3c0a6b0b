"""What earlier runs found, so that a depth not run this time shows its last result and its age."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from components.contract import Depth
from components.model import Model
from tre import console, paths
from tre.engine.settings import site_folder
from tre.verify.report import Judgement

_MOMENT: Final = "%Y%m%dT%H%M%S%fZ"

Found = Mapping[str, Mapping[Depth, Judgement]]
"""Judgements by a promise's full name and by depth."""


class Remembered(Model):
    """The last judgements of one project."""

    promises: dict[str, dict[Depth, Judgement]]


def _file(site: str, project: str) -> Path:
    return paths.private_folder(site_folder(site) / "verified") / f"{project}.json"


def lock(site: str) -> Path:
    """Return the file that a verification of a site holds, so that there is one at a time."""
    return paths.private_folder(site_folder(site) / "verified") / ".lock"


def recall(site: str, project: str) -> Found:
    """Return the last judgements of a project; none, with a warning, where they cannot be read."""
    file = _file(site, project)
    if not file.is_file():
        return {}
    try:
        return Remembered.model_validate_json(file.read_bytes()).promises
    except ValidationError:
        console.warn(f"{file} cannot be read; earlier results of {project} are left out.")
        return {}


def remember(site: str, project: str, found: Found) -> None:
    """Keep a project's judgements for later runs."""
    kept = Remembered(promises={name: dict(each) for name, each in found.items()})
    paths.write_private(_file(site, project), kept.model_dump_json(indent=1))


def forget(site: str, project: str) -> None:
    """Forget a project's judgements, because it is no longer there."""
    _file(site, project).unlink(missing_ok=True)


def keep_report(site: str, document: Mapping[str, Any], when: datetime.datetime) -> Path:
    """Write a report to a private file of its own and return its place."""
    folder = paths.private_folder(site_folder(site) / "reports")
    file = folder / f"verify-{when.astimezone(datetime.UTC).strftime(_MOMENT)}.json"
    whole = {"version": console.SCHEMA_VERSION, "kind": "verify", **document}
    paths.write_private(file, json.dumps(whole, indent=2) + "\n")
    return file
