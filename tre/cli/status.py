"""`tre status`: what is deployed, since when, and whether it is what the files say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tre import console
from tre.cli.sites import json_option, load, site_argument

if TYPE_CHECKING:
    from tre.engine.recovery import Leftover
    from tre.engine.session import Session
    from tre.engine.work import Work


@dataclass(frozen=True)
class Line:
    """One stack: `state` is `up to date`, `changed`, `interrupted`, `data kept` or `not deployed`."""

    stack: str
    target: str
    state: str
    when: str
    resources: int
    kept: int
    broken: tuple[str, ...]
    outputs: dict[str, Any]
    leftover: Leftover | None


@click.command()
@site_argument
@json_option
def command(site: str, folder: Path, as_json: bool) -> None:
    """Show what of SITE is deployed, and what has changed since. Asks the state, not the target."""
    from tre.engine import deploy, recovery, session

    loaded = load(folder, site, allow_expired=True)
    with session.session(site, folder) as engine:
        todo = deploy.works(loaded, engine.deployed, offline=True)
        left = {each.stack: each for each in recovery.find(engine, [each.stack for each in todo])}
        lines = [_line(engine, each, left.get(each.stack)) for each in todo]
        gone = sorted(set(engine.deployed) - {each.stack for each in todo})
    if as_json:
        console.emit(
            "status", {"site": site, "stacks": [_document(each) for each in lines], "not_in_files": gone}
        )
        return
    _tell(site, lines, gone)


def _line(engine: Session, work: Work, leftover: Leftover | None) -> Line:
    from tre.engine import ledger

    last = work.deployed or ledger.remembered(engine.folder).get(work.stack)
    promises: Mapping[str, bool] = last.promises if last else {}
    return Line(
        stack=work.stack,
        target=work.part.target_name,
        state=_state(engine, work, leftover),
        when=last.when if last else "",
        resources=last.resources if last else 0,
        kept=sum(promises.values()),
        broken=tuple(name for name, kept in promises.items() if not kept),
        outputs=dict(last.outputs) if last else {},
        leftover=leftover,
    )


def _state(engine: Session, work: Work, leftover: Leftover | None) -> str:
    from tre.engine import state

    if leftover:
        return "being deployed" if leftover.held else "interrupted"
    if work.deployed:
        return "up to date" if work.unchanged else "changed"
    if work.stack not in engine.marks:
        return "not deployed"
    if engine.settings.local_state is None:
        return "changed"
    resources = state.resources(engine.settings, work.stack)
    if not resources:
        return "not deployed"
    return "data kept" if any(each.get("protect") for each in resources) else "changed"


def _document(line: Line) -> dict[str, Any]:
    return {**vars(line), "leftover": line.leftover.document() if line.leftover else None}


def _tell(site: str, lines: list[Line], gone: list[str]) -> None:
    width = max(len(each.stack) for each in lines)
    for each in lines:
        since = (
            f"  since {each.when}, {each.resources} resources, {each.kept} promises declared"
            if each.when
            else ""
        )
        console.say(
            f"  {each.stack:{width}}  {console.paint(f'{each.state:12}', _colour(each.state))}{since}"
        )
        for line in each.leftover.explain() if each.leftover else []:
            console.say(f"      {line}")
    for stack in gone:
        console.warn(f"{stack} is deployed, and its file is gone. Put the file back, then: tre project close")
    console.say(_next(site, {each.state for each in lines}))


def _colour(state: str) -> str:
    return {"up to date": "green", "interrupted": "red"}.get(state, "yellow")


def _next(site: str, states: set[str]) -> str:
    if states == {"up to date"}:
        return f"Site {site} is as its files say. Next: tre verify {site}"
    if "interrupted" in states:
        return f"Next: tre recover {site}, or tre up {site}, which does it too"
    return f"Next: tre plan {site}"
