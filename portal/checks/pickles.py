"""Recognises Python pickles by their opcodes. Nothing is ever unpickled: that would run the file."""

from __future__ import annotations

import io
import pickletools
from dataclasses import dataclass
from typing import Final

LOOKED_AT: Final = 1 << 20
"""Bytes from a file's beginning that are walked through."""
_ENOUGH: Final = 200
_BUILDING: Final = frozenset(
    {"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"}
)
"""Opcodes that name or call something: no pickle of plain values needs them."""
_MANY: Final = 4


@dataclass(frozen=True)
class Pickle:
    """A pickle. `calls` tells whether opening it would call code that it names."""

    protocol: int
    calls: bool


def pickle_in(head: bytes) -> Pickle | None:
    """Return the pickle that a file begins with, if it does. `head` is up to `LOOKED_AT` bytes of it."""
    seen: set[str] = set()
    count, protocol, finished = 0, 0, False
    try:
        for opcode, argument, _ in pickletools.genops(io.BytesIO(head)):
            count += 1
            seen.add(opcode.name)
            if opcode.name == "PROTO" and isinstance(argument, int):
                protocol = argument
            finished = opcode.name == "STOP"
    except Exception:  # whatever a hostile file makes the walk raise, what was walked until then still counts
        finished = False
    if not _believed(head, count, seen, finished):
        return None
    return Pickle(protocol, bool(seen & _BUILDING))


def _believed(head: bytes, count: int, seen: set[str], finished: bool) -> bool:
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        return True
    # Protocols 0 and 1 have no mark, and one letter of text can be an opcode: only a longer walk is believed.
    if finished and (count >= _MANY or seen & _BUILDING):
        return True
    return count >= _ENOUGH
