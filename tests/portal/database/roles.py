"""A site whose doors and worker each have their own role's rights in Postgres, as they have in a cluster."""

from __future__ import annotations

from pathlib import Path

from portal.database.grants import apply
from portal.database.opening import Database
from portal.domain.clock import Clock
from portal.domain.policy import Project
from portal.service import Airlock, Parts
from portal.store import INSIDE, OUTSIDE
from portal.worker import Worker
from tests.portal.service.site import Site, policy

SPLIT = ("inside", "outside", "worker", "registrar", "auditor", "backup")


class SplitSite(Site):
    """Both doors and a worker, each with its own credentials. `as_role` holds the databases; close them at the end."""

    as_role: dict[str, Database]

    @classmethod
    def split(cls, url: str, folder: Path, clock: Clock, project: Project | None = None) -> SplitSite:
        """Return a site over a migrated Postgres, with one project that the registrar wrote down."""
        apply(url)
        as_role = {role: Database.open(url.replace("//owner@", f"//{role}@")) for role in SPLIT}
        areas = Site.open(as_role["registrar"], folder, clock, project or policy()).areas
        site = cls(as_role["worker"], areas, clock, folder)
        site.as_role = as_role
        return site

    def close(self) -> None:
        """Close every database."""
        for database in self.as_role.values():
            database.close()

    @property
    def inside(self) -> Airlock:
        """The inside door, as its own role."""
        return Airlock(Parts(self.as_role["inside"], self.areas.limited(INSIDE), self.clock))

    @property
    def outside(self) -> Airlock:
        """The outside door, as its own role."""
        return Airlock(Parts(self.as_role["outside"], self.areas.limited(OUTSIDE), self.clock))

    @property
    def worker(self) -> Worker:
        """The worker, as its own role."""
        self.database = self.as_role["worker"]
        return super().worker
