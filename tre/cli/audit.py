"""`tre audit`: the site's own log of who deployed what, and the record of what its airlock let through."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tre import audit as log
from tre import console
from tre.cli.sites import json_option
from tre.errors import ExitCode, InvalidInput, Problem, failure

if TYPE_CHECKING:
    from portal.record.verifying import Report


@click.group()
def command() -> None:
    """Read and check a site's audit log, and an airlock's record.

    \b
    Examples:
      tre audit verify demo
      tre audit export --to record.jsonl
      tre audit verify record.jsonl --head 5f0c...
    """


@command.command()
@click.argument("what", metavar="SITE|FILE")
@click.option("--head", help="Of a FILE: a hash of the chain that was written down before.")
@click.option("--key", "keys", multiple=True, help="Of a FILE: a key that may have signed; none given: any.")
@json_option
def verify(what: str, head: str | None, keys: tuple[str, ...], as_json: bool) -> int:
    """Check that no entry of SITE's log, or of an airlock's exported record in FILE, was changed, removed or moved.

    A FILE is checked offline, and needs nothing but itself. Write down the head that is told, somewhere else: given
    back with --head, it shows whether anything up to it was taken away since.
    """
    if Path(what).suffix or "/" in what:
        return _record(Path(what), head, keys, as_json)
    if head or keys:
        raise InvalidInput(Problem(what, "--head and --key are for a file of an airlock's record"))
    found = log.verify(what)
    if as_json:
        console.emit("audit", {"site": what, **vars(found)})
    elif found.problem:
        console.say(f"{console.paint('✗', 'red')} {found.problem}; {found.entries} entries before it hold.")
    else:
        console.say(f"All {found.entries} entries of site {what} hold. Last hash: {found.head}")
    return ExitCode.FAILED if found.problem else ExitCode.DONE


def _record(file: Path, head: str | None, keys: Iterable[str], as_json: bool) -> int:
    from portal.record.verifying import verify as proved

    try:
        with file.open("rb") as lines:
            report = proved(lines, head, frozenset(keys))
    except OSError as error:
        raise InvalidInput(Problem(str(file), f"cannot be read: {error.strerror}")) from None
    if as_json:
        _emit(file, report)
    else:
        _tell(file, report)
    return ExitCode.DONE if report.good else ExitCode.FAILED


def _emit(file: Path, report: Report) -> None:
    problems = [{"line": each.line, "what": each.what} for each in report.problems]
    document = {**vars(report), "problems": problems, "file": str(file), "good": report.good}
    console.emit("airlock-audit", document)


def _tell(file: Path, report: Report) -> None:
    from tre.airlock.door import clean

    for each in report.problems:
        console.say(f"{console.paint('✗', 'red')} {file}:{each.line}: {clean(each.what)}")
    if report.problems:
        console.say("The record does not hold.")
        return
    withheld = f" ({report.withheld} of other projects withheld)" if report.withheld else ""
    console.say(
        f"The record holds: {report.events} events{withheld}, {report.records} releases, {report.receipts} receipts."
    )
    console.say(f"  head  {report.head}")
    for each in report.keys:
        console.say(f"  key   {each}")


@command.command()
@click.option("--to", "file", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--project", help="One project's alone; without it, the whole site's.")
@click.option(
    "--door",
    "address",
    envvar="TRE_AIRLOCK",
    default="http://127.0.0.1:8420",
    show_default=True,
    show_envvar=True,
    help="The outside door's address.",
)
@json_option
def export(file: Path, project: str | None, address: str, as_json: bool) -> int:
    """Save an airlock's record to a file (auditors), and check it there and then."""
    from tre.airlock import door, fetching, sessions

    if file.exists():
        raise failure(str(file), "is there already", "Name another file.")
    place = sessions.opened(door.origin(address))
    with place.open("GET", "/export", query={"project": project}) as answer:
        fetching.saved(answer, file)
    return _record(file, None, (), as_json)


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
