"""The programs that the cluster is made of, found or made by `tre.toolchain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tre import toolchain


def ensure(names: Iterable[str]) -> Mapping[str, toolchain.Tool]:
    """Return the named programs, making those that are missing; the toolchain tells its own progress.

    Raises:
        TreError: a program cannot be had; the error says how to get it.
    """
    found = toolchain.ensure(*names)
    return {name: found[name] for name in names}


def find(name: str) -> Path:
    """Return where a program is.

    Raises:
        TreError: it is not there; the error says how to get it.
    """
    return toolchain.need(name).path
