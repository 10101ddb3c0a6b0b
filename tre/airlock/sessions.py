"""Who is signed in at which door: one file for each door, readable by its owner alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from tre import paths
from tre.airlock import device
from tre.airlock.door import Door
from tre.airlock.session import Session
from tre.errors import Problem, Refused


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
