"""What an archive's members are, and the limits on unpacking them, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

from portal.checks.window import Deadline, Hostile

_FREE: Final = 10 << 20
"""Bytes of a member up to which its ratio is of no concern: a table of zeros packs well."""


@dataclass(frozen=True)
class Limits:
    """How much one archive may hold, at all depths together. Bytes are counted as they come, never as promised."""

    total_bytes: int = 8 << 30
    member_bytes: int = 256 << 20
    """Members above this are counted, but not looked into."""
    ratio: int = 200
    members: int = 10_000
    depth: int = 3


@dataclass
class Budget:
    """What is left of the limits while one archive is walked through."""

    limits: Limits
    deadline: Deadline
    members: int = 0
    expanded: int = 0

    def member(self) -> None:
        """Count one more member.

        Raises:
            Hostile: there are too many.
        """
        self.deadline.hold()
        self.members += 1
        if self.members > self.limits.members:
            raise Hostile(f"it has more than {self.limits.members:,} members")

    def expand(self, size: int, stored: int, so_far: int) -> None:
        """Count bytes of a member that takes `stored` bytes in the archive and gave `so_far` until now.

        Raises:
            Hostile: they are too many, or too many for what they are stored in.
        """
        self.deadline.hold()
        self.expanded += size
        if self.expanded > self.limits.total_bytes:
            raise Hostile(f"it expands to more than {self.limits.total_bytes:,} bytes")
        if so_far > _FREE and so_far > self.limits.ratio * max(stored, 1):
            raise Hostile(f"a member expands to more than {self.limits.ratio} times what is stored")


@dataclass
class Member:
    """A file in an archive. `stored` is what it takes there, `size` what it holds; both in bytes."""

    path: str
    size: int
    stored: int
    open: Callable[[], BinaryIO]
