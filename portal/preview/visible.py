"""Makes what hides in text visible: a reviewer approves what they see, so they must see all of it."""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK: Final = frozenset({0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x034F})
"""Letters and signs that are drawn as nothing."""
_SELECTORS: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x180B, 0x1810))
"""Variation selectors: drawn as nothing, and wide enough to carry any text."""


class _Shown(dict[int, str]):
    """What each character is shown as, found out when it first occurs."""

    def __missing__(self, code: int) -> str:
        hidden = unicodedata.category(chr(code)) in _HIDDEN or code in _BLANK
        hidden = hidden or any(code in selectors for selectors in _SELECTORS)
        # Few enough are kept that a text of every character there is costs little.
        shown = f"⟨U+{code:04X}⟩" if hidden else chr(code)
        if len(self) < 10_000:
            self[code] = shown
        return shown


_SHOWN: Final = _Shown({ord("\n"): "\n", ord("\t"): "\t"})


def visible(text: str) -> str:
    """Return the text with each invisible, direction-turning or control character written out as `⟨U+202E⟩`.

    Line ends of every system become `\\n`; tabs stay.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_SHOWN)
