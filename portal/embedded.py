"""The airlock of one laptop: SQLite and folders below one private folder, made-up people, both doors and the worker."""

from __future__ import annotations

import datetime
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portal.domain.clock import now
from portal.domain.policy import CheckName, Project, Rules
from portal.settings import AreaPlace, DatabasePlace, DoorPlace, Settings, SignInPlace
from portal.sign_in.demo import SHEET, make_demo_accounts
from portal.sign_in.settings import LocalSettings, SecretSettings
from portal.sign_in.workload import make_workload_secret
from portal.store import Area

SITE: Final = "laptop"
PORT: Final = 8420
MARK: Final = "airlock-folder.txt"
"""A file that says what the folder is, so that nothing else is ever erased for it."""
_MARK: Final = "This folder belongs to `tre portal serve`: its database, files, accounts and keys.\n"
_UNSCANNED: Final[frozenset[CheckName]] = frozenset({"archive", "opaque"})
"""What blocks where there is no scanner: malware would block everything, since nothing can be called clean."""


@dataclass(frozen=True)
class Laptop:
    """One folder's airlock. `port` is the outside door's; the inside door has the next one."""

    folder: Path
    port: int = PORT
    scanner: str = ""

    @property
    def sheet(self) -> Path:
        """Return the file (0600) that says how the made-up people sign in."""
        return self.folder / SHEET

    @property
    def accounts(self) -> Path:
        """Return the file (0600) of the accounts."""
        return self.folder / "accounts.json"

    def workload_file(self, project: str) -> Path:
        """Return the file (0600) that stands in for a workspace's own token."""
        return self.folder / "workspaces" / project

    @property
    def outside(self) -> str:
        """Return the outside door's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def inside(self) -> str:
        """Return the inside door's address."""
        return f"http://127.0.0.1:{self.port + 1}"

    def prepared(self) -> Settings:
        """Make what is missing, and return the settings. What is there stays as it is."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        (self.folder / MARK).write_text(_MARK)
        names = [project.name for project in self._projects()]
        make_demo_accounts(self.accounts, names, SITE)
        for name in names:
            self.workload_file(name).parent.mkdir(exist_ok=True, mode=0o700)
            make_workload_secret(self.workload_file(name))
        return self.settings()

    def erase(self) -> None:
        """Erase the folder with everything in it; a folder that is not an airlock's stays.

        Raises:
            FileNotFoundError: the folder is none, or not an airlock's.
        """
        if not (self.folder / MARK).is_file():
            raise FileNotFoundError(self.folder)
        shutil.rmtree(self.folder)

    def settings(self) -> Settings:
        """Return the settings, without making anything."""
        names = [project.name for project in self._projects()]
        areas = {area: AreaPlace(address=(self.folder / "areas" / area).as_uri(), sole=True) for area in Area}
        return Settings(
            site=SITE,
            title="The airlock on this machine",
            database=DatabasePlace(url=f"sqlite:///{self.folder / 'airlock.sqlite'}"),
            areas=areas,
            outside=self._door(self.outside, self.port),
            inside=self._door(self.inside, self.port + 1),
            sign_in=SignInPlace(
                outside=LocalSettings(accounts_file=self.accounts),
                inside=SecretSettings(files={name: self.workload_file(name) for name in names}),
            ),
            scanner=self.scanner,
            signing_key_file=self.folder / "signing-key.pem",
            projects=self._projects(),
            migrate=True,
        )

    def _door(self, address: str, port: int) -> DoorPlace:
        return DoorPlace(address=address, port=port, hosts=frozenset({f"localhost:{port}"}))

    def _projects(self) -> tuple[Project, ...]:
        rules = Rules() if self.scanner else Rules(blocking=_UNSCANNED)
        expires = datetime.date(now().year + 1, 12, 31)
        return (
            Project(
                name="demo",
                title="Demonstration: one person checks",
                tier=2,
                reviewers=1,
                expires=expires,
                rules=rules,
            ),
            Project(
                name="guarded",
                title="Demonstration: two people check",
                tier=3,
                reviewers=2,
                expires=expires,
                rules=rules,
            ),
        )
