"""The record: what happened, in a chain that shows every change, and the signed record of every release.

`append` and `head` are taken from here. They are loaded when they are first asked for, so that
`portal.record.verifying` can be used where there is neither a database nor a library for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.record.chain import Head, append, head

__all__ = ["Head", "append", "head"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(name)
    from portal.record import chain  # SQLAlchemy comes with it

    return getattr(chain, name)
