"""Who is signed in at which door: one file for each door, readable by its owner alone."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tre import paths
from tre.airlock.door import Door
from tre.errors import Problem, Refused

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


def folder() -> Path:
    """Return where the client keeps things, made private."""
    return paths.private_folder(paths.private_folder(paths.state_folder()) / "airlock")


def _file(door: str) -> Path:
    parts = urlsplit(door)
    name = f"{parts.hostname}-{hashlib.sha256(door.encode()).hexdigest()[:8]}"
    return paths.private_folder(folder() / "sessions") / f"{name}.json"


def keep(session: Session) -> None:
    """Write a session to its door's file."""
    paths.write_private(_file(session.door), json.dumps(asdict(session)))


def forget(door: str) -> None:
    """Remove a door's session; none is fine."""
    _file(door).unlink(missing_ok=True)


def kept(door: str) -> Session:
    """Return the session at a door, renewed where its issuer allows.

    Raises:
        Refused: nobody is signed in, or the session is over.
    """
    with contextlib.suppress(OSError, ValueError, TypeError):
        session = Session(**json.loads(_file(door).read_text()))
        if not session.over:
            return session
        if session.refresh_token:
            return _renewed(session)
    raise Refused(
        Problem(door, "nobody is signed in here, or no longer", f"tre airlock sign-in --door {door}")
    )


def _renewed(session: Session) -> Session:
    from tre.airlock import device

    renewed = device.renewed(session)
    keep(renewed)
    return renewed


def opened(door: str) -> Door:
    """Return a door for whoever is signed in there; tokens are renewed while it is used.

    Raises:
        Refused: nobody is signed in, or the session is over.
    """
    kept(door)
    return Door(door, lambda: kept(door).headers())
