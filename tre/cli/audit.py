"""`tre audit`: the site's hash-chained log of who did what."""

from __future__ import annotations

import click

from tre import audit as log
from tre import console
from tre.cli.sites import json_option
from tre.errors import ExitCode


@click.group()
def command() -> None:
    """Read and check a site's audit log."""


@command.command()
@click.argument("site")
@json_option
def verify(site: str, as_json: bool) -> int:
    """Check that no entry of SITE's log was changed, removed or moved."""
    found = log.verify(site)
    if as_json:
        console.emit("audit", {"site": site, **vars(found)})
    elif found.problem:
        console.say(f"{console.paint('✗', 'red')} {found.problem}; {found.entries} entries before it hold.")
    else:
        console.say(f"All {found.entries} entries of site {site} hold. Last hash: {found.head}")
    return ExitCode.FAILED if found.problem else ExitCode.DONE


@command.command()
@click.argument("site")
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="How many entries.")
@json_option
def show(site: str, last: int, as_json: bool) -> None:
    """Show the last entries of SITE's log."""
    entries = log.entries(site)[-last:]
    if as_json:
        console.emit("audit", {"site": site, "entries": entries})
        return
    for each in entries:
        result = each.get("detail", {}).get("result", "")
        console.say(
            f"{each.get('when')}  {each.get('who')}@{each.get('host')}  {each.get('action')} {result}".rstrip()
        )
