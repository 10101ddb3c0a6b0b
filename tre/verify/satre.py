"""The statements of SATRE 2.0.1 (https://satre-specification.readthedocs.io), and which of them are evidenced.

`satre.json` has one entry for each statement, in our words. `machine` says whether a deployer has something to do
for it; the others are purely organisational, and no machine can evidence them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VERSION: Final = "2.0.1"


@dataclass(frozen=True)
class Statement:
    """One statement. `importance` is `mandatory`, `recommended` or `optional`."""

    id: str
    importance: str
    machine: bool
    summary: str


@functools.cache
def statements() -> Mapping[str, Statement]:
    """Return every statement by its id, in the specification's order."""
    entries = json.loads(Path(__file__).with_name("satre.json").read_text())
    return {each["id"]: Statement(**each) for each in entries}


def machine_count() -> int:
    """Return for how many statements a deployer has something to do."""
    return sum(each.machine for each in statements().values())


def evidenced(served: Iterable[tuple[Iterable[str], bool]]) -> tuple[list[str], list[str]]:
    """Return the statements that are evidenced whole, and those evidenced in part.

    `served` holds, for each promise of each project, the statements that it serves and whether it is kept. A
    statement is whole only while every promise that serves it is kept.
    """
    verdicts: dict[str, list[bool]] = {}
    for ids, kept in served:
        for statement in ids:
            verdicts.setdefault(statement, []).append(kept)
    whole = sorted(each for each, kept in verdicts.items() if all(kept))
    part = sorted(each for each, kept in verdicts.items() if any(kept) and not all(kept))
    return whole, part
