"""`tre plan`: what `up` would change: promises gained and lost, then data, then counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tre import console
from tre.cli.sites import json_option, load, parallel_option, site_argument, tell_failures
from tre.errors import ExitCode

if TYPE_CHECKING:
    from tre.model.load import LoadedSite
    from tre.plan import Plan


@click.command()
@site_argument
@click.option("--project", "projects", multiple=True, help="Only this project; may be repeated.")
@click.option("--offline", is_flag=True, help="Ask no engine, account or cluster: what is declared alone.")
@click.option("--refresh", is_flag=True, help="Ask the target what is really there first.")
@click.option("--expect-no-changes", is_flag=True, help="Exit with 3 when anything would change.")
@parallel_option
@json_option
def command(
    site: str,
    folder: Path,
    projects: tuple[str, ...],
    offline: bool,
    refresh: bool,
    expect_no_changes: bool,
    parallel: int,
    as_json: bool,
) -> int:
    """Show what `tre up SITE` would change. Nothing is changed."""
    loaded = load(folder, site)
    made = _offline(loaded, projects) if offline else _asked(loaded, folder, projects, refresh, parallel)
    if as_json:
        console.emit("plan", made.document())
    else:
        console.say(made.text())
        tell_failures(each.outcome for each in made.parts if each.outcome)
        console.say(_next(made))
    if made.failed:
        return ExitCode.FAILED
    return ExitCode.PENDING if expect_no_changes and made.pending else ExitCode.DONE


def _offline(loaded: LoadedSite, projects: tuple[str, ...]) -> Plan:
    from tre.engine import deploy

    todo = deploy.works(loaded, {}, projects, offline=True)
    return deploy.plan(loaded, todo, {each.stack for each in todo}, offline=True)


def _asked(loaded: LoadedSite, folder: Path, projects: tuple[str, ...], refresh: bool, parallel: int) -> Plan:
    from tre.engine import deploy, session

    with session.session(loaded.site.name, folder, parallel=parallel) as engine:
        todo = deploy.works(loaded, engine.deployed, projects)
        touched = deploy.changed(todo, refresh=refresh)
        deploy.preview(engine, touched, refresh=refresh)
        return deploy.plan(loaded, todo, {each.stack for each in touched})


def _next(made: Plan) -> str:
    if made.failed:
        return "\nThe plan is not whole: mend what failed, then plan again."
    if made.offline:
        return f"\nNext: tre plan {made.site} (with the target), or tre up {made.site}"
    return f"\nNext: tre up {made.site}" if made.pending else f"\nSite {made.site} is as its files say."
