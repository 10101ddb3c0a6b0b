"""Traces and metrics by OpenTelemetry, where the settings name an endpoint; else nothing of it is even imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from portal.settings import TelemetryPlace

Attributes = Mapping[str, str | int]


class Telemetry(Protocol):
    """What a door tells of each request: never a person, a title, a path of a file, or content."""

    def ended(self, name: str, began: int, seconds: float, parent: str, attributes: Attributes) -> None:
        """Take one request: its route, when it began (ns since the epoch), how long it took, its `traceparent`."""
        ...

    def close(self) -> None:
        """Send what waits."""
        ...


class Quiet:
    """Tells nobody."""

    def ended(self, name: str, began: int, seconds: float, parent: str, attributes: Attributes) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def opened(place: TelemetryPlace, service: str) -> Telemetry:
    """Return where a process tells of what it does."""
    if not place.endpoint:
        return Quiet()
    from portal.web.exporting import Exporting

    return Exporting(place, service)
