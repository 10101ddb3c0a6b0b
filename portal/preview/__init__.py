"""What a reviewer sees of a file instead of fetching it: rows, a picture made anew, or text. Never HTML."""

from __future__ import annotations

from portal.preview.making import preview
from portal.preview.shown import Kind, Preview

__all__ = ["Kind", "Preview", "preview"]
