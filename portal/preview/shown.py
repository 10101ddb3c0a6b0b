"""What a preview holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["table", "picture", "text", "document", "none"]


@dataclass(frozen=True)
class Preview:
    """What to show of one file. Everything in it is plain data from an untrusted file: templates escape it.

    A `table` has `columns` (its first row) and `rows`; a `picture` has `picture`, a PNG made anew without metadata;
    `text` and `document` (the text of its first pages) have `text`. `none` has only `notes`, which say why.
    `truncated` tells that the file holds more than is shown.
    """

    kind: Kind
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    picture: bytes = b""
    notes: tuple[str, ...] = ()
    truncated: bool = False
