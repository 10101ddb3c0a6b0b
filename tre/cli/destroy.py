"""`tre destroy`: takes a site down; what holds data is kept, unless its erasure is confirmed twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tre import console
from tre.cli.consent import typed
from tre.cli.sites import (
    json_option,
    load,
    settle,
    site_argument,
    tell_failures,
    yes_option,
)
from tre.errors import ExitCode, TreError

if TYPE_CHECKING:
    from components.backend import Live, Scope
    from tre.engine.deploy import Removal
    from tre.engine.session import Session
    from tre.engine.work import Work
    from tre.model.load import LoadedSite
    from tre.program import Part


@click.command()
@site_argument
@click.option("--erase-data", is_flag=True, help="Erase what holds data, too. It cannot be brought back.")
@click.option(
    "--confirm-erase", metavar="SITE", help="With --erase-data: the site's name, instead of typing it."
)
@yes_option
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=24,
    show_default=True,
    help="How many stacks at once. A removal mostly waits for the target, hence more than for `tre up`.",
)
@json_option
def command(
    site: str,
    folder: Path,
    erase_data: bool,
    confirm_erase: str | None,
    yes: bool,
    parallel: int,
    as_json: bool,
) -> int:
    """Take SITE and its projects down. What holds data stays, and a later `tre up SITE` finds it again."""
    from tre.engine import session

    began = time.monotonic()
    loaded = load(folder, site, allow_expired=True)
    with session.session(site, folder, parallel=parallel) as engine:
        todo = _there(engine, loaded)
        if todo:
            _agree(engine, site, todo, yes, erase_data, confirm_erase)
            settle(engine, todo, yes=True)
        removals = _destroyed(engine, site, todo, erase_data)
    code = _ended(site, removals, time.monotonic() - began)
    if as_json:
        stacks = [each.document() for each in removals]
        console.emit("destroy", {"site": site, "exit_code": int(code), "stacks": stacks})
    return code


def _there(engine: Session, loaded: LoadedSite) -> list[Work]:
    """Return the work on the stacks that the state knows and that hold anything."""
    from tre.engine import deploy

    return [each for each in deploy.works(loaded, engine.deployed, offline=True) if engine.holds(each.stack)]


def held(engine: Session, todo: Sequence[Work]) -> Mapping[str, list[str]]:
    """Return the resources that hold data, by stack, where the state is in local files."""
    from tre.engine import state
    from tre.engine.events import place

    return {
        each.stack: [str(place(str(resource["urn"]))) for resource in resources if resource.get("protect")]
        for each in todo
        for resources in [state.resources(engine.settings, each.stack)]
    }


def _agree(
    engine: Session, site: str, todo: Sequence[Work], yes: bool, erase: bool, confirmed: str | None
) -> None:
    """Tell what goes and what stays, and have a person type the site's name: once, or twice for an erasure.

    Raises:
        Refused: the name was not typed.
    """
    keeps = {stack: names for stack, names in held(engine, todo).items() if names}
    console.say(
        f"This takes down {len(todo)} stacks of site {site}: {', '.join(each.stack for each in todo)}."
    )
    console.say("It ERASES these, which hold data:" if erase else "It keeps these, which hold data:")
    for stack, names in keeps.items():
        console.say(f"  {stack}: {len(names)} resources, among them {'; '.join(names[:3])}")
    if not keeps:
        console.say("  none that are known")
    typed("Type the site's name to take it down", site, site if yes else None, option="--yes")
    if erase:
        typed(
            "Type the site's name again to erase its data for ever",
            site,
            confirmed,
            option=f"--confirm-erase {site}",
        )


def _destroyed(engine: Session, site: str, todo: Sequence[Work], erase: bool) -> list[Removal]:
    from tre import audit, registry
    from tre.engine import deploy
    from tre.engine.work import by_target

    removals = [
        deploy.Removal(each.stack, each.part.project, registry.backend(each.part.target.backend).computes)
        for each in todo
    ]
    if not todo:
        return removals
    action = "erase" if erase else "destroy"
    audit.append(site, action, {"result": "begun", "stacks": [each.stack for each in todo]})
    try:
        # What computes ends before its walls come down; what outlives its claims is erased after them.
        projects = [each for each in todo if each.part.project]
        _visit(engine, projects, lambda live, scope: live.stop(scope, console.say))
        engine.prepare(by_target(todo))
        if erase:
            _unprotect(engine, todo)
        deploy.down(engine, removals, keep=not erase)
        if erase:
            gone = {each.stack for each in removals if each.ended == "destroyed"}
            left = [each for each in todo if each.stack in gone]
            _visit(engine, left, lambda live, scope: live.erase(scope, console.say))
    finally:
        ended = {each.stack: each.ended or "interrupted" for each in removals}
        result = "failed" if {"failed", "left", "interrupted"} & set(ended.values()) else "done"
        audit.append(site, action, {"result": result, "stacks": ended})
    return removals


def _visit(engine: Session, todo: Sequence[Work], visit: Callable[[Live, Scope], object]) -> None:
    """Visit the live side of each part, some at once; a target's connection serves all of its parts."""
    from components.backend import Scope
    from tre.verify.collect import live_of

    parts = [each.part for each in todo]
    lives = {part.target_name: live_of(part.target) for part in parts}

    def one(part: Part) -> None:
        live = lives[part.target_name]
        if live:
            visit(live, Scope(part.site, part.project, part.tier))

    engine.side_by_side(one, parts, lambda part: None)


def _unprotect(engine: Session, todo: Sequence[Work]) -> None:
    """Lift the protection of what holds data, by deploying the same resources with their erasure confirmed.

    Raises:
        TreError: a stack could not be deployed; nothing was erased.
    """
    from tre.engine import deploy

    outcomes = deploy.lift(engine, todo)
    failed = [each for each in outcomes if each.failed]
    if failed:
        tell_failures(failed)
        raise TreError(summary="The protection of data could not be lifted everywhere. Nothing was erased.")


def _ended(site: str, removals: Sequence[Removal], seconds: float) -> ExitCode:
    tell_failures(each.result for each in removals if each.ended == "failed" and each.result)
    bad = [each.stack for each in removals if each.ended in ("failed", "left", "")]
    kept = [each.stack for each in removals if each.ended == "kept"]
    if bad:
        console.say(f"Not taken down: {', '.join(bad)}. Next: tre destroy {site}")
        return ExitCode.FAILED
    if not removals:
        console.say(f"Nothing of site {site} is deployed.")
    elif kept:
        console.say(
            f"Site {site} is down ({seconds:.0f} s); its data stays. Next: tre up {site} brings it back."
        )
    else:
        console.say(f"Site {site} is gone ({seconds:.0f} s). Next: tre up {site} makes it anew.")
    return ExitCode.DONE
