"""One thing wrong in one file, kept with its place so that all of them can be sorted before they are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tre.errors import Problem

Steps = tuple[str | int, ...]
"""The way from a file's top to a value: keys and list positions."""


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong at a file's line (1 is the first; 0 is the file as a whole) and path."""

    file: str
    line: int
    path: str
    what: str
    remedy: str = ""

    def problem(self) -> Problem:
        """Return it as `file:line: path`, what, and remedy."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return Problem(f"{place}: {self.path}" if self.path else place, self.what, self.remedy)


def dotted(steps: Iterable[str | int]) -> str:
    """Return a path as people write it: `config.tre:project.people[2].roles[0]`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{clip(step)}"
    return text.removeprefix(".")


def clip(text: str, most: int = 60) -> str:
    """Return text that fits a message: one line, printable, at most `most` characters."""
    shown = "".join(each if each.isprintable() else "?" for each in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 3] + "..."


def alternatives(names: Iterable[str], most: int = 30) -> str:
    """Return names as a list for a sentence, bounded."""
    known = list(names)
    return ", ".join(known[:most]) + (", ..." if len(known) > most else "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean "x"?` for a known word that is close, or nothing."""
    import difflib

    close = difflib.get_close_matches(word[:60], list(known), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""
