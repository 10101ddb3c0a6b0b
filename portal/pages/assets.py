"""The style sheet, scripts and icon, each under a name that holds its hash, so that it may be kept for ever."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_OWN: Final = Path(__file__).parent / "static"
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One file as browsers get it: `name` holds the hash."""

    name: str
    media_type: str
    content: bytes


def load() -> dict[str, Asset]:
    """Return every asset by its plain name, such as `airlock.css`."""
    files = {path.name: path for path in sorted(_OWN.iterdir()) if path.suffix in _TYPES}
    files["htmx.js"] = _htmx()
    return {name: _asset(name, path) for name, path in files.items()}


def _asset(name: str, path: Path) -> Asset:
    content = path.read_bytes()
    stem, _, ending = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(f"{stem}.{digest}.{ending}", _TYPES["." + ending], content)


def _htmx() -> Path:
    """Return the one file that is read of django_htmx; the package is never imported, since it needs Django."""
    found = importlib.util.find_spec("django_htmx")
    if found is None or found.origin is None:
        raise RuntimeError("the package django-htmx, which carries htmx, is not installed")
    return Path(found.origin).parent / "static" / "django_htmx" / "htmx-2.min.js"
