"""What is known of a request while it is answered: whoever handles it writes it down, the outermost layer logs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from starlette.types import Scope

_KEY: Final = "tre.seen"


@dataclass
class Seen:
    """What is known of a request. `why` tells which part did not answer, where one did not."""

    number: str
    person: str = ""
    status: int = 0
    why: str = ""


def begun(scope: Scope, number: str) -> Seen:
    """Begin to know a request under its number."""
    mine = scope[_KEY] = Seen(number)
    return mine


def seen(scope: Scope) -> Seen:
    """Return what is known of a request."""
    return cast("Seen", scope[_KEY])
