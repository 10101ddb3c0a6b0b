"""What holds for a project once its own settings, its site's defaults and its tier are put together."""

from __future__ import annotations

from dataclasses import dataclass

from tre.model.project import Project
from tre.model.site import Areas, Quota, Site, Size
from tre.model.tiers import TIER_OF, TIERS, Clipboard, Encryption, Packages, Review

EMBEDDED = "embedded"
"""The image or issuer that the deployer brings itself."""


@dataclass(frozen=True)
class Resolved:
    """A project's settings, each with a value: its own, else the site's default, else the tier's."""

    tier: int
    target: str
    image: str
    size: Size
    count: int
    deadline_hours: int
    clipboard: Clipboard
    packages: Packages
    destinations: tuple[str, ...]
    sandboxed: bool
    encryption: Encryption
    quota: Quota
    storage: Areas
    retention_days: int


def data_tier(project: Project) -> int | None:
    """Return the least tier that the project's data allows, or None where it names no data."""
    return max((TIER_OF[each.classification] for each in project.data_sets), default=None)


def tier_of(site: Site, project: Project) -> int:
    """Return a project's tier: its own where it names one, else its data's, else (without data) the site's."""
    asked = data_tier(project)
    return next(each for each in (project.tier, asked, site.tier) if each is not None)


def reviewers(site: Site, tier: int) -> int:
    """Return how many distinct people release an output of a project at this tier."""
    return max(site.airlock.reviewers or 0, TIERS[tier].reviewers)


def review(site: Site, tier: int) -> Review:
    """Return where reviewers see the outputs of a project at this tier."""
    return site.airlock.review or TIERS[tier].review


def resolve(site: Site, project: Project) -> Resolved:
    """Return what holds for a project of a site. Both are taken as they are; `checks` judges them."""
    tier = tier_of(site, project)
    own, default, floor = project.workspace, site.defaults, TIERS[tier]
    sandboxed = own.sandboxed if own.sandboxed is not None else default.sandboxed
    destinations = own.destinations if own.destinations is not None else default.destinations
    return Resolved(
        tier=tier,
        target=project.target or site.default_target,
        image=own.image or default.image or EMBEDDED,
        size=own.size or default.size or Size(),
        count=own.count or default.count or 1,
        deadline_hours=own.deadline_hours or default.deadline_hours or 24,
        clipboard=own.clipboard or default.clipboard or floor.clipboard,
        packages=own.packages or default.packages or floor.packages,
        destinations=destinations or (),
        sandboxed=floor.runtime == "sandboxed" if sandboxed is None else sandboxed,
        encryption=own.encryption or default.encryption or floor.encryption,
        quota=project.quota or default.quota,
        storage=project.storage or default.storage,
        retention_days=project.retention_days or default.retention_days,
    )
