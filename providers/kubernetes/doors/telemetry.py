"""Where the outside door tells how it does. The inside door tells nobody: only database and store join the two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi

from components.airlock import Telemetry
from providers.kubernetes.doors.walls import Peer, ways_to

_AUTHORITY: Final = "telemetry-ca"


def settings(telemetry: Telemetry | None, secrets: str) -> dict[str, Any]:
    """Return what the door's settings say; `secrets` is the folder of its secrets. Pure."""
    if telemetry is None:
        return {}
    trusted = {"ca_file": f"{secrets}/{_AUTHORITY}"} if telemetry.authority else {}
    return {"telemetry": {"endpoint": telemetry.address, **trusted}}


def held(telemetry: Telemetry | None) -> dict[str, pulumi.Input[str]]:
    """Return what the door holds for that, by file."""
    return {_AUTHORITY: telemetry.authority} if telemetry and telemetry.authority else {}


def ways(telemetry: Telemetry | None) -> Sequence[tuple[Peer, int]]:
    """Return where the door must get out to, each with its port."""
    return ways_to(telemetry.address, telemetry.networks) if telemetry else []
