"""What a check is given, and what it says."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.domain.policy import CheckName

Opener = Callable[[int, int | None], AsyncIterator[bytes]]
"""Reads a file from one offset up to (not including) another, or to its end, in pieces of whatever size."""


class Outcome(enum.StrEnum):
    """What a check found. Only `clean` is clean: a file that could not be read is never taken for one."""

    CLEAN = "clean"
    WARNING = "warning"
    """A person should look at it."""
    BAD = "bad"
    """It breaks a rule. Whether that blocks is the site's choice (`policy.rules.blocking`)."""
    UNREADABLE = "unreadable"
    """The check could not tell. Blocks wherever the check blocks."""

    @property
    def weight(self) -> int:
        """Return how much it says, so that the worst of several can be taken."""
        return _WEIGHTS[self]


_WEIGHTS = {Outcome.CLEAN: 0, Outcome.WARNING: 1, Outcome.UNREADABLE: 2, Outcome.BAD: 3}


@dataclass(frozen=True)
class Held:
    """One frozen file. `size` is in bytes; `opener` reads any range of it, as often as wanted."""

    file_id: str
    path: str
    size: int
    media_type: str
    opener: Opener


@dataclass(frozen=True)
class Finding:
    """What one check found in one file. Neither `summary` nor `detail` ever holds a value from the file:
    verdicts are seen by people who may not read it. Names of columns, fields and archived files are no values.
    """

    file_id: str
    check: CheckName
    version: str
    outcome: Outcome
    summary: str
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])
