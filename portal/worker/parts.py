"""What the worker stands on, and how patient it is."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from portal.checks import Scanner
from portal.database.opening import Database
from portal.domain.clock import Clock
from portal.record.signing import Signer
from portal.store import Areas


@dataclass(frozen=True)
class Patience:
    """How long things may take, and how often they are tried."""

    lease: datetime.timedelta = datetime.timedelta(seconds=60)
    """How long a worker has a request to itself without renewing; another takes over after that."""
    attempts: int = 8
    first_pause: datetime.timedelta = datetime.timedelta(seconds=5)
    longest_pause: datetime.timedelta = datetime.timedelta(minutes=5)
    look: float = 0.5
    """Seconds between two looks for work where there was none."""
    tidy: float = 5.0
    """Seconds between two rounds of expiry, retention and notices."""
    side_by_side: int = 4
    """Requests that one worker takes forward at once, so that a large one holds up no small one."""

    def pause(self, attempts: int) -> datetime.timedelta:
        """Return how long to wait after so many attempts: twice as long after each, up to the longest."""
        return min(self.longest_pause, self.first_pause * 2 ** min(max(attempts - 1, 0), 16))


@dataclass(frozen=True)
class Notice:
    """What is told to people: which request, where it stands, and whom it concerns. Never a title or a path."""

    id: str
    kind: str
    document: dict[str, str]
    addresses: tuple[str, ...]


class Sender(Protocol):
    """One way to tell people."""

    async def send(self, notice: Notice) -> None:
        """Send a notice.

        Raises:
            Unavailable: it could not be handed over; it is tried again.
        """
        ...


@dataclass(frozen=True)
class WorkerParts:
    """What every step of the worker is given."""

    database: Database
    areas: Areas
    clock: Clock
    scanner: Scanner
    signer: Signer
    senders: Sequence[Sender] = ()
    patience: Patience = Patience()
