"""What can go wrong, each with a stable code for programs and a sentence for people.

AirlockError
├── Refused        the person may not do this
├── NotFound       there is no such thing, or the person may not know of it
├── Conflict       it cannot be done in the present state, or somebody else was faster
├── Invalid        what was sent cannot be taken
├── TooLarge       more than a limit allows
├── NotSignedIn    nobody known is asking
├── TooMany        asked too often; try again later
└── Unavailable    something the airlock needs does not answer; nothing is lost, try again
"""

from __future__ import annotations

from typing import ClassVar


class AirlockError(Exception):
    """A refusal that a person can read. `code` is for programs, `remedy` says what to do, `where` names the part.

    No message ever holds content of a file.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    """The HTTP status (RFC 9110) under which a door tells of it."""

    def __init__(self, what: str, remedy: str = "", where: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.where = where

    def document(self) -> dict[str, str]:
        """Return what programs are told."""
        return {"code": self.code, "what": self.what, "remedy": self.remedy, "where": self.where}


class Refused(AirlockError):
    """The person may not do this."""

    code = "refused"
    status = 403


class NotFound(AirlockError):
    """There is no such thing, or the person may not know of it: both read alike, so that nothing can be guessed."""

    code = "not-found"
    status = 404


class Conflict(AirlockError):
    """It cannot be done in the present state, or somebody else was faster."""

    code = "conflict"
    status = 409


class Invalid(AirlockError):
    """What was sent cannot be taken."""

    code = "invalid"
    status = 422


class TooLarge(AirlockError):
    """More than a limit allows."""

    code = "too-large"
    status = 413


class NotSignedIn(AirlockError):
    """Nobody known is asking."""

    code = "not-signed-in"
    status = 401


class TooMany(AirlockError):
    """Asked too often."""

    code = "too-many"
    status = 429


class Unavailable(AirlockError):
    """Something the airlock needs does not answer. Nothing is lost: try again."""

    code = "unavailable"
    status = 503
