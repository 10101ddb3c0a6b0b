"""A sign-in at one door."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_EARLY = datetime.timedelta(seconds=30)
"""A token that ends this soon is renewed before it is used."""


@dataclass(frozen=True)
class Session:
    """A sign-in at one door. `workload_file` names a workspace's token, which is read anew for each call."""

    door: str
    name: str
    token: str = field(repr=False)
    expires_at: str = ""
    workload_file: str = ""
    issuer: str = ""
    client_id: str = ""
    refresh_token: str = field(default="", repr=False)

    def headers(self) -> Mapping[str, str]:
        """Return what proves who asks."""
        found = {"Authorization": f"Bearer {self.token}"}
        if self.workload_file:
            found["Tre-Workload"] = Path(self.workload_file).read_text().strip()
        return found

    @property
    def over(self) -> bool:
        """Tell whether the token has ended, or is about to."""
        if not self.expires_at:
            return False
        return datetime.datetime.fromisoformat(self.expires_at) - _EARLY < datetime.datetime.now(datetime.UTC)
