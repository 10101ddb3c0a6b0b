"""What can go wrong, said so that a person can act on it.

Every error the deployer raises on purpose is a `TreError` holding one or more `Problem`s. A problem says
where it is, what it is, and what to do. Anything else that escapes is a bug, and is reported as one.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import asdict, dataclass


class ExitCode(enum.IntEnum):
    """How a command ended, for programs."""

    DONE = 0
    FAILED = 1
    INVALID = 2
    PENDING = 3
    REFUSED = 4


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong: `where` (a file, a line, a field or a resource), `what`, and the `remedy`."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f"\n    {self.remedy}" if self.remedy else "")

    def document(self) -> dict[str, str]:
        """Return the problem as JSON-ready fields."""
        return asdict(self)


class TreError(Exception):
    """A failure that the deployer understands. `summary` is the closing sentence, `code` the exit code."""

    code: ExitCode = ExitCode.FAILED

    def __init__(self, *problems: Problem, summary: str = "", code: ExitCode | None = None) -> None:
        self.problems: Sequence[Problem] = problems
        self.summary = summary
        if code is not None:
            self.code = code
        super().__init__("\n".join([*map(str, problems), *([summary] if summary else [])]))


class InvalidInput(TreError):
    """A file or an option is wrong; nothing was deployed."""

    code = ExitCode.INVALID


class Refused(TreError):
    """The deployer could do it and will not, because a promise or a person forbids it."""

    code = ExitCode.REFUSED


def failure(where: str, what: str, remedy: str = "") -> TreError:
    """Return a failure with one problem."""
    return TreError(Problem(where, what, remedy))
