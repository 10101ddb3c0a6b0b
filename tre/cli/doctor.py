"""`tre doctor`: the tools and, for a site, its targets; each thing that is missing with its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tre import console
from tre.cli.files import folder_option
from tre.cli.sites import json_option, load
from tre.errors import ExitCode, TreError

if TYPE_CHECKING:
    from tre.model.load import LoadedSite


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it holds, what was found, and what to do where it does not."""

    about: str
    what: str
    holds: bool
    found: str
    remedy: str = ""


@click.command()
@click.argument("site", required=False)
@folder_option
@json_option
def command(site: str | None, folder: Path, as_json: bool) -> int:
    """Check the tools and, given a SITE, its targets at the site's tier. Exits with 1 when something is missing."""
    checks = _tools()
    if site:
        checks = [*checks, *_targets(load(folder, site, allow_expired=True))]
    if as_json:
        console.emit("doctor", {"site": site, "checks": [vars(each) for each in checks]})
    else:
        _tell(checks)
    needed = [each for each in checks if not each.holds and each.about != "optional"]
    return ExitCode.FAILED if needed else ExitCode.DONE


def _tools() -> list[Check]:
    from tre import toolchain

    return [
        Check(
            # Only the engine is needed everywhere; the rest serves those who run the local cluster.
            about="tool" if "engine" in each.groups else "optional",
            what=each.name,
            holds=each.present,
            found=f"{each.version} {each.origin} {each.path}".strip() if each.present else "missing",
            remedy=each.remedy,
        )
        for each in toolchain.doctor_lines()
    ]


def _targets(loaded: LoadedSite) -> list[Check]:
    from tre import program

    return [check for name in program.targets_of(loaded) for check in _target(loaded, name)]


def _target(loaded: LoadedSite, name: str) -> Sequence[Check]:
    from tre import registry

    target = loaded.site.targets[name]
    try:
        backend = registry.backend(target.backend)
        found = backend.live(target).doctor(loaded.site.tier) if backend.live else ()
    except TreError as error:
        return [Check(f"target {name}", each.where, False, each.what, each.remedy) for each in error.problems]
    if not backend.live:
        return [Check(f"target {name}", backend.name, False, "has no checks yet", "Look at it by hand.")]
    return [Check(f"target {name}", what, holds, said, remedy) for what, holds, said, remedy in found]


def _tell(checks: Sequence[Check]) -> None:
    width = max(len(each.what) for each in checks)
    for each in checks:
        mark = console.paint("✓", "green") if each.holds else console.paint("✗", "red")
        remedy = f"\n      {each.remedy}" if each.remedy and not each.holds else ""
        console.say(f"{mark} {each.about:10} {each.what:{width}}  {each.found}{remedy}")
    missing = [each for each in checks if not each.holds]
    console.say(f"{len(missing)} things are missing." if missing else "Everything that was looked at holds.")
