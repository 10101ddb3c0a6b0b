"""Makes previews."""

from __future__ import annotations

from portal.checks.verdict import Held
from portal.preview.shown import Preview


async def preview(held: Held) -> Preview:
    """Return what a reviewer sees of the file. Hostile and broken files give `none` with the reason.

    Raises:
        Unavailable: the store does not answer.
    """
    return Preview("none", notes=(f"{held.media_type} files have no preview.",))
