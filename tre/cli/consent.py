"""Asking before something happens. Without a terminal and without `--yes` the answer is no."""

from __future__ import annotations

import sys

import click

from tre.errors import Problem, Refused


def consent(question: str, yes: bool, *, where: str = "tre") -> None:
    """Return when a person, or `--yes`, agrees.

    Raises:
        Refused: the answer is no, or nobody is there to be asked.
    """
    if yes:
        return
    _need_terminal(where, "--yes")
    if not click.confirm(question, err=True):
        raise Refused(summary="Nothing was changed.")


def typed(question: str, expected: str, given: str | None, *, option: str) -> None:
    """Return when a person typed `expected`, or gave it beforehand; `option` is how to do that.

    Raises:
        Refused: something else was typed or given, or nobody is there to be asked.
    """
    if given is None:
        _need_terminal("tre", option)
        given = str(click.prompt(question, err=True, default="", show_default=False))
    if given != expected:
        problem = Problem("tre", f'"{given}" is not "{expected}"', f"Type it, or add {option}.")
        raise Refused(problem, summary="Nothing was changed.")


def _need_terminal(where: str, option: str) -> None:
    if not sys.stdin.isatty():
        problem = Problem(
            where, "asks before it changes anything, and nobody is at a terminal", f"Add {option}."
        )
        raise Refused(problem, summary="Nothing was changed.")
