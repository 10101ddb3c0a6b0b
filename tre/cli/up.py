"""`tre up`: previews, asks, deploys, and says how it ended and what comes next."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tre import console
from tre.cli.consent import consent
from tre.cli.sites import (
    json_option,
    load,
    parallel_option,
    settle,
    site_argument,
    tell_failures,
    yes_option,
)
from tre.errors import ExitCode, TreError

if TYPE_CHECKING:
    from tre.engine.session import Session
    from tre.engine.work import Work
    from tre.model.load import LoadedSite


@dataclass(frozen=True)
class _Wish:
    projects: tuple[str, ...]
    yes: bool
    refresh: bool
    preview: bool


@click.command()
@site_argument
@click.option("--project", "projects", multiple=True, help="Only this project; may be repeated.")
@click.option("--refresh", is_flag=True, help="Ask the target what is really there, and skip nothing.")
@click.option("--skip-preview", is_flag=True, help="With --yes: deploy without a preview.")
@yes_option
@parallel_option
@json_option
def command(
    site: str,
    folder: Path,
    projects: tuple[str, ...],
    refresh: bool,
    skip_preview: bool,
    yes: bool,
    parallel: int,
    as_json: bool,
) -> int:
    """Deploy SITE and its projects. What has not changed is skipped; what was interrupted is taken up again."""
    from tre.engine import session

    began = time.monotonic()
    loaded = load(folder, site)
    wish = _Wish(projects, yes, refresh, preview=not (yes and skip_preview))
    with session.session(site, folder, parallel=parallel) as engine:
        todo = _deployed(engine, loaded, wish)
    code = _ended(loaded, todo, time.monotonic() - began)
    if as_json:
        console.emit(
            "up", {"site": site, "exit_code": int(code), "stacks": [each.document() for each in todo]}
        )
    return code


def _deployed(engine: Session, loaded: LoadedSite, wish: _Wish) -> list[Work]:
    from tre.engine import deploy, places
    from tre.engine.work import by_target

    todo = deploy.works(loaded, engine.deployed, wish.projects)
    found = places.identities(by_target(todo))
    for name in places.moved(engine.folder, found):
        console.warn(f"target {name} is not the place that was deployed to; everything is looked at anew")
        wish = replace(wish, refresh=True)
    touched = deploy.changed(todo, refresh=wish.refresh)
    if touched:
        settle(engine, touched, wish.yes)
        with deploy.gate(touched, console.warn) as passed:
            _agree(engine, loaded, todo, touched, wish, passed)
        _recorded(engine, loaded, todo, wish)
        places.remember(engine.folder, found)
    else:
        for each in todo:
            each.ended = "unchanged"
    return todo


def _agree(
    engine: Session,
    loaded: LoadedSite,
    todo: Sequence[Work],
    touched: Sequence[Work],
    wish: _Wish,
    passed: Callable[[], None],
) -> None:
    """Show the plan and get consent to it, once the targets have `passed` their checks.

    Raises:
        TreError: the preview failed, or a target did not pass; nothing was deployed.
        Refused: the answer is no.
    """
    if wish.preview:
        _planned(engine, loaded, todo, touched, wish)
    passed()
    consent(f"Deploy site {loaded.site.name}?", wish.yes)


def _planned(
    engine: Session, loaded: LoadedSite, todo: Sequence[Work], touched: Sequence[Work], wish: _Wish
) -> None:
    from tre.engine import deploy

    deploy.preview(engine, touched, refresh=wish.refresh)
    made = deploy.plan(loaded, todo, {each.stack for each in touched})
    console.say(made.text() + "\n")
    if made.failed:
        tell_failures(each.outcome for each in made.failed if each.outcome)
        raise TreError(summary="The preview failed, so nothing was deployed.")


def _recorded(engine: Session, loaded: LoadedSite, todo: Sequence[Work], wish: _Wish) -> None:
    """Deploy, with an entry in the audit log before and one after: a deployment that was killed shows, too."""
    from tre import audit
    from tre.engine import deploy

    site, plan = loaded.site.name, plan_hash(todo)
    audit.append(site, "deploy", {"plan": plan, "result": "begun", "stacks": [each.stack for each in todo]})
    try:
        deploy.up(engine, todo, refresh=wish.refresh)
        deploy.remember(engine, todo)
    finally:
        ended = {each.stack: each.ended or "interrupted" for each in todo}
        audit.append(site, "deploy", {"plan": plan, "result": _result(ended.values()), "stacks": ended})


def _result(ended: Any) -> str:
    return "done" if set(ended) <= {"deployed", "unchanged"} else "failed"


def plan_hash(todo: Sequence[Work]) -> str:
    """Return the hash of what is to be deployed: every stack with everything its deployment depends on."""
    content = {each.stack: each.fingerprint for each in todo}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _ended(loaded: LoadedSite, todo: Sequence[Work], seconds: float) -> ExitCode:
    site, counts = loaded.site.name, Counter(each.ended for each in todo)
    bad = [each for each in todo if each.ended in ("failed", "left", "")]
    tell_failures(each.result for each in bad if each.result)
    if bad:
        names = ", ".join(each.stack for each in bad)
        console.say(f"{len(todo) - len(bad)} of {len(todo)} stacks are up; not {names}. Next: tre up {site}")
        return ExitCode.FAILED
    if not counts["deployed"]:
        console.say(f"Site {site} is as its files say; nothing was changed. Next: tre verify {site}")
        return ExitCode.DONE
    projects = sum(bool(each.part.project) for each in todo)
    count = "1 project" if projects == 1 else f"{projects} projects"
    console.say(f"Site {site} is up with {count} ({seconds:.0f} s). Next: tre verify {site}")
    return ExitCode.DONE
