"""What the use cases stand on: the database, the areas, the clock, and a few lives of things."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from portal.database.opening import Database
from portal.domain.clock import Clock
from portal.store import Areas


@dataclass(frozen=True)
class Lives:
    """How long short-lived things live."""

    link: datetime.timedelta = datetime.timedelta(minutes=10)


@dataclass(frozen=True)
class Parts:
    """What every use case is given."""

    database: Database
    areas: Areas
    clock: Clock
    lives: Lives = Lives()
