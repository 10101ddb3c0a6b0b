"""Checks that need more than one value: of a whole file, and between a site and its projects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from tre.model.findings import Finding, Steps, alternatives, did_you_mean, dotted
from tre.model.floors import project_floors, site_floors
from tre.model.people import Day, Verdicts, ending, one_identity, project_people, site_people
from tre.model.placed import Placed
from tre.model.project import DataSource, Project
from tre.model.reading import Document, mapping
from tre.model.resolve import EMBEDDED, Resolved, resolve
from tre.model.site import Site

PLACEHOLDER = "CHANGEME"
SITE_SCOPE = "site"
"""The scope of a site's own parts, so no project may be called so."""

_NOT_EMBEDDED = 'the embedded image exists on the local cluster only, and the target "{}" is another'


def placeholders(document: Document) -> Iterator[Finding]:
    """Yield every place where a placeholder was left."""
    remedy = "Replace it with the value that belongs there."
    for steps, text in _texts(document.data, ()):
        if PLACEHOLDER in text.upper():
            yield Finding(
                document.file, document.line(steps), dotted(steps), f"{PLACEHOLDER} was left here", remedy
            )


def _texts(value: Any, steps: Steps) -> Iterator[tuple[Steps, str]]:
    if isinstance(value, str):
        yield steps, value
    for key, below in mapping(value).items():
        yield (*steps, key), key
        yield from _texts(below, (*steps, key))
    if isinstance(value, tuple):
        for position, below in enumerate(cast("tuple[Any, ...]", value)):
            yield from _texts(below, (*steps, position))


def check(
    sites: Mapping[str, Placed[Site]], projects: Sequence[Placed[Project]], broken: set[str], day: Day
) -> Verdicts:
    """Judge sites and their projects. `broken` names sites whose own file is wrong already."""
    into = Verdicts([], [])
    for site in sites.values():
        _site(site, day, into)
        into.refused += one_identity(site, [each for each in projects if each.model.site == site.model.name])
    for project in projects:
        site = sites.get(project.model.site)
        if site is not None:
            _project(project, site.model, day, into)
        elif project.model.site not in broken:
            into.refused.append(_missing_site(project, sites))
    return into


def _missing_site(project: Placed[Project], sites: Mapping[str, Placed[Site]]) -> Finding:
    name = project.model.site
    what = f'there is no site "{name}" here.{did_you_mean(name, sites)}'
    return project.at(("site",), what, f"Write Pulumi.{name}.yaml, or name another site.")


def _site(placed: Placed[Site], day: Day, into: Verdicts) -> None:
    site = placed.model
    into.refused += site_floors(placed)
    site_people(placed, day, into)
    if site.target is None and len(site.targets) > 1:
        what = "the site has several targets and does not say which is the default"
        remedy = f"Write target: with one of {alternatives(site.targets)}."
        into.refused.append(placed.at(("target",), what, remedy))
    else:
        into.refused += _known_target(placed, site.default_target, site)
        into.refused += _portal_image(placed)
    into.refused += _promises(placed)


def _portal_image(placed: Placed[Site]) -> Iterator[Finding]:
    site = placed.model
    target = site.targets.get(site.default_target)
    if site.airlock.image == EMBEDDED and target is not None and not target.embedded:
        what = _NOT_EMBEDDED.format(site.default_target)
        yield placed.at(("airlock", "image"), what, "Name the airlock's image by its digest.")


def _known_target(placed: Placed[Site] | Placed[Project], target: str, site: Site) -> Iterator[Finding]:
    if target not in site.targets:
        what = f'the site has no target "{target}".{did_you_mean(target, site.targets)}'
        yield placed.at(("target",), what, f"The site's targets: {alternatives(site.targets)}.")


def _promises(placed: Placed[Site]) -> Iterator[Finding]:
    """Yield each required promise that does not exist, or that a target's backend declares it cannot keep."""
    site = placed.model
    if not site.require:
        return
    # Imported here: promises and gaps live beside the components, which load Pulumi.
    from components.backend import PROMISES
    from tre.registry import backend

    for position, name in enumerate(site.require):
        if name not in PROMISES:
            what = f"there is no such promise.{did_you_mean(name, PROMISES)}"
            yield placed.at(("require", position), what, "tre verify lists the promises.")
            continue
        for target in site.targets.values():
            reason = backend(target.backend).gaps.get(name)
            if reason:
                what = f"the backend {target.backend} does not keep this promise: {reason}"
                yield placed.at(("require", position), what, "Use another backend, or remove the line.")


def _project(placed: Placed[Project], site: Site, day: Day, into: Verdicts) -> None:
    project = placed.model
    if project.name == SITE_SCOPE:
        what = f'"{SITE_SCOPE}" is what the site\'s own parts are called'
        into.refused.append(placed.at(("name",), what, "Give the project another name."))
    approval: Steps = ("approval", "expires")
    ending(placed, approval, project.approval.expires, site.identity.longest_access_days, day, into)
    project_people(placed, site, day, into)
    into.refused += project_floors(placed, site)
    into.refused += _data_sets(placed)
    target = project.target or site.default_target
    if target not in site.targets:
        into.refused += _known_target(placed, target, site) if project.target else ()
        return
    resolved = resolve(site, project)
    into.refused += _fits_quota(placed, resolved)
    into.refused += _fits_target(placed, site, resolved)


def _data_sets(placed: Placed[Project]) -> Iterator[Finding]:
    seen: set[str] = set()
    for position, each in enumerate(placed.model.data_sets):
        steps: Steps = ("data_sets", position)
        if each.name in seen:
            yield placed.at(
                (*steps, "name"), f'"{each.name}" names another data set already', "Choose another name."
            )
        seen.add(each.name)
        yield from _source(placed, (*steps, "source"), each.source)


def _source(placed: Placed[Project], steps: Steps, source: DataSource) -> Iterator[Finding]:
    if (source.image is None) == (source.airlock is None):
        what = "names no source" if source.image is None else "names two sources"
        yield placed.at(steps, what, 'Write either "image: /path/of/file" or "airlock: true".')


def _fits_quota(placed: Placed[Project], resolved: Resolved) -> Iterator[Finding]:
    size, count, quota, storage = resolved.size, resolved.count, resolved.quota, resolved.storage
    wanted = (
        ("cpu", size.cpu * count, quota.cpu, "cores"),
        ("memory_gib", size.memory_gib * count, quota.memory_gib, "GiB of memory"),
        ("machines", count, quota.machines, "machines"),
        (
            "storage_gib",
            storage.inputs_gib + storage.working_gib + storage.outbox_gib,
            quota.storage_gib,
            "GiB of storage",
        ),
    )
    for key, need, limit, unit in wanted:
        if need > limit:
            what = (
                f"the project needs {need:g} {unit} for its workspaces and areas, and its quota is {limit:g}"
            )
            yield placed.at(("quota", key), what, f"Raise quota.{key}, or ask for less.")


def _fits_target(placed: Placed[Project], site: Site, resolved: Resolved) -> Iterator[Finding]:
    target = site.targets[resolved.target]
    if resolved.image == EMBEDDED and not target.embedded:
        what = _NOT_EMBEDDED.format(resolved.target)
        yield placed.at(("workspace", "image"), what, "Name an image by its digest.")
    for key, what, remedy in target.weaknesses(resolved.encryption, resolved.sandboxed):
        place = f'target "{resolved.target}" (targets.{resolved.target}.{key} in the site\'s file)'
        yield placed.at(("target",), f"{place}: {what}", remedy)
