"""Refusing what is weaker than its tier, at the line to change."""

from __future__ import annotations

from collections.abc import Iterator

from tre.model.findings import Finding, Steps, alternatives
from tre.model.placed import Placed
from tre.model.project import Project
from tre.model.resolve import data_tier, tier_of
from tre.model.site import Settings, Site
from tre.model.tiers import TIER_OF, TIERS, Tier, allowed, weaker


def site_floors(placed: Placed[Site]) -> Iterator[Finding]:
    """Yield each setting of a site that is weaker than the site's tier."""
    site, floor = placed.model, TIERS[placed.model.tier]
    yield from _settings(placed, ("defaults",), site.defaults, floor)
    if not site.identity.multi_factor:
        what = "multi-factor sign-in is required at every tier"
        yield placed.at(("identity", "multi_factor"), what, "Write multi_factor: true, or remove the line.")
    if floor.sign_in == "named-networks" and not site.identity.networks:
        what = f"tier {floor.level} needs the networks that people sign in from, and none is named"
        remedy = 'Write networks: ["192.0.2.0/24"] with your own networks.'
        yield placed.at(("identity", "networks"), what, remedy)
    yield from _choice(placed, ("airlock", "review"), site.airlock.review, floor.review, floor)
    if site.airlock.reviewers is not None and site.airlock.reviewers < floor.reviewers:
        what = f"{site.airlock.reviewers} is weaker than tier {floor.level}, which needs {floor.reviewers}"
        remedy = f"Write reviewers: {floor.reviewers}, or remove the line to take the tier's value."
        yield placed.at(("airlock", "reviewers"), what, remedy)


def project_floors(placed: Placed[Project], site: Site) -> Iterator[Finding]:
    """Yield each setting of a project that is weaker than its tier, and a tier that its data or site forbid."""
    project = placed.model
    needed, tier = data_tier(project), tier_of(site, project)
    if project.tier is not None and needed is not None and project.tier < needed:
        what = f"tier {project.tier} is weaker than its data: {_worst(project)} needs tier {needed}"
        yield placed.at(("tier",), what, f"Write tier: {needed}, or remove the line to take the data's tier.")
    elif tier > site.tier:
        place: Steps = ("tier",) if project.tier is not None else ("data_sets",)
        what = f"the project is of tier {tier}, and the site holds data up to tier {site.tier} only"
        yield placed.at(place, what, "Move the project to a site of that tier, or raise the site's tier.")
    yield from _settings(placed, ("workspace",), project.workspace, TIERS[max(tier, needed or 0)])


def _worst(project: Project) -> str:
    worst = max(project.data_sets, key=lambda each: TIER_OF[each.classification])
    return f'the data set "{worst.name}" ({worst.classification})'


def _settings(
    placed: Placed[Site] | Placed[Project], base: Steps, own: Settings, floor: Tier
) -> Iterator[Finding]:
    yield from _choice(placed, (*base, "clipboard"), own.clipboard, floor.clipboard, floor)
    yield from _choice(placed, (*base, "packages"), own.packages, floor.packages, floor)
    yield from _choice(placed, (*base, "encryption"), own.encryption, floor.encryption, floor)
    if floor.network_out == "none" and own.destinations:
        what = f"tier {floor.level} allows no way out to other hosts, and this names {own.destinations[0]}"
        yield placed.at(
            (*base, "destinations"), what, "Remove the line; data and packages come by the airlock."
        )
    if floor.runtime == "sandboxed" and own.sandboxed is False:
        what = f"false is weaker than tier {floor.level}, which needs a sandboxed runtime"
        yield placed.at((*base, "sandboxed"), what, "Write sandboxed: true, or remove the line.")


def _choice(
    placed: Placed[Site] | Placed[Project], steps: Steps, value: str | None, least: str, floor: Tier
) -> Iterator[Finding]:
    setting = str(steps[-1])
    if value is None or not weaker(setting, value, least):
        return
    values = alternatives(allowed(setting, least))
    what = f'"{value}" is weaker than tier {floor.level}, which needs: {values}'
    yield placed.at(steps, what, f"Write {setting}: {least}, or remove the line to take the tier's value.")
