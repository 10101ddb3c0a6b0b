"""People read stderr, programs read stdout."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Generator, Mapping
from typing import Any, Final

SCHEMA_VERSION: Final = 1
_COLOURS: Final = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def colourful() -> bool:
    """Tell whether stderr is a terminal that wants colour (https://no-color.org)."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def paint(text: str, colour: str) -> str:
    """Return `text` in a colour, or as it is where colour is not wanted."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colourful() else text


def say(text: str = "") -> None:
    """Tell a person something."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def warn(text: str) -> None:
    """Tell a person something that needs care."""
    say(paint("warning: ", "yellow") + text)


def emit(kind: str, document: Mapping[str, Any]) -> None:
    """Print one JSON document for a program: `{"version": 1, "kind": kind, ...document}`."""
    whole = {"version": SCHEMA_VERSION, "kind": kind, **document}
    print(json.dumps(whole, indent=2, default=str), flush=True)  # noqa: T201


@contextlib.contextmanager
def step(what: str) -> Generator[None]:
    """Say that a piece of long work has begun, and how long it took or that it failed."""
    say(f"  {what} ...")
    began = time.monotonic()
    try:
        yield
    except BaseException:
        say(f"  {paint('✗', 'red')} {what} failed after {time.monotonic() - began:.1f} s")
        raise
    say(f"  {paint('✓', 'green')} {what} ({time.monotonic() - began:.1f} s)")
