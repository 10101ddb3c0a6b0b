"""Which project a workspace speaks for, and what a laptop has for it: a secret in a file."""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path
from typing import Protocol

from portal.domain.errors import NotSignedIn
from portal.sign_in.files import OWNER_ALONE, read_secret, write_secret
from portal.sign_in.settings import SecretSettings


class Workloads(Protocol):
    """Knows workspaces."""

    async def project(self, token: str) -> str:
        """Return the project that a workspace with this token speaks for.

        Raises:
            NotSignedIn: none.
            Unavailable: what would tell does not answer.
        """
        ...


class SecretWorkloads:
    """Workspaces of a laptop, each known by a secret in a file that its owner alone can read."""

    def __init__(self, settings: SecretSettings) -> None:
        self._secrets = {project: read_secret(path, OWNER_ALONE) for project, path in settings.files.items()}

    async def project(self, token: str) -> str:
        """Return the project with this secret; every one is compared, whichever fits."""
        given = token.encode()
        fitting = [project for project, kept in self._secrets.items() if hmac.compare_digest(kept, given)]
        if not fitting:
            raise NotSignedIn("this workspace is not known", "", "Tre-Workload")
        return fitting[0]


def make_workload_secret(path: Path) -> None:
    """Write a random secret of 256 bits for one project of a laptop, unless the file is there already."""
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(32).encode())
