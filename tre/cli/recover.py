"""`tre recover`: what a killed deployment left behind, explained and cleared on consent."""

from __future__ import annotations

from pathlib import Path

import click

from tre import console
from tre.cli.consent import consent
from tre.cli.sites import json_option, load, site_argument, yes_option
from tre.errors import ExitCode


@click.command()
@site_argument
@click.option(
    "--unlock", metavar="STACK", help="Take away a stack's lock, where the state is not in local files."
)
@yes_option
@json_option
def command(site: str, folder: Path, unlock: str | None, yes: bool, as_json: bool) -> int:
    """Find stale locks and unfinished operations in SITE's stacks, and clear them on consent."""
    from tre import audit
    from tre.engine import deploy, recovery, session
    from tre.engine.work import by_target

    loaded = load(folder, site, allow_expired=True)
    with session.session(site, folder) as engine:
        todo = deploy.works(loaded, engine.deployed, offline=True)
        if unlock:
            consent(f"Is it sure that nobody is deploying {unlock}?", yes)
            engine.stack(unlock).unlock()
            audit.append(site, "recover", {"unlocked": unlock})
        found = recovery.find(engine, [each.stack for each in todo], thorough=True)
        for line in (line for each in found for line in each.explain()):
            console.say(line)
        clearable = [each for each in found if not each.held]
        if clearable:
            consent("Clear this?", yes)
            engine.prepare(by_target(each for each in todo if each.stack in {one.stack for one in clearable}))
            for each in clearable:
                recovery.clear(engine, each)
            audit.append(site, "recover", {"stacks": [each.stack for each in clearable]})
    held = [each for each in found if each.held]
    if as_json:
        console.emit(
            "recover", {"site": site, "found": [each.document() for each in found], "cleared": len(clearable)}
        )
    elif not found:
        console.say(f"Nothing was left behind in site {site}.")
    else:
        console.say(f"{len(clearable)} cleared, {len(held)} still at work. Next: tre up {site}")
    return ExitCode.FAILED if held else ExitCode.DONE
