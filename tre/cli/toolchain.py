"""`tre toolchain`: what the deployer is driven with, where it came from, and getting what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import click

from tre import console, toolchain


@click.group()
def command() -> None:
    """Find, download or build the tools that the deployer drives."""


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(as_json: bool) -> None:
    """List each tool, its version and where it came from."""
    lines = toolchain.doctor_lines()
    if as_json:
        console.emit("toolchain", {"tools": [line.document() for line in lines]})
        return
    width = max(len(line.name) for line in lines)
    for line in lines:
        console.say(_text(line, width))
    missing = sum(not line.present for line in lines)
    console.say(f"{missing} missing; next: tre toolchain install" if missing else "Every tool is there.")


def _text(line: toolchain.Line, width: int) -> str:
    if line.present:
        mark, words = console.paint("✓", "green"), f"{line.version or '-':10} {line.origin:8} {line.path}"
    else:
        mark, words = console.paint("✗", "red"), f"{line.version or '-':10} missing  {line.remedy}"
    return f"{mark} {line.name:{width}}  {words}" + (f"  ({line.note})" if line.note else "")


@command.command()
@click.argument("wanted", nargs=-1, metavar="[GROUP|TOOL]...")
@click.option("--yes", is_flag=True, help="Install system packages without asking.")
@click.option("--no-downloads", is_flag=True, help="Build instead of downloading releases.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def install(wanted: Sequence[str], yes: bool, no_downloads: bool, as_json: bool) -> None:
    """Get the tools of some groups, or of all.

    Groups: engine, cluster, images, tests. Each tool comes from PATH, else the cache, else the official release,
    else it is built from pinned Go modules. What only the system's package manager brings is installed with
    apt-get, after asking.
    """

    def consent(names: Sequence[str]) -> bool:
        return yes or click.confirm(f"Install {', '.join(names)} with apt-get?", err=True)

    tools = toolchain.install(
        wanted or toolchain.groups(), consent, downloads=False if no_downloads else None
    )
    if as_json:
        console.emit("toolchain", {"tools": [tool.document() for tool in tools.values()]})
    else:
        console.say(f"{len(tools)} programs are there.")


@command.command()
@click.argument("name")
def path(name: str) -> None:
    """Print where a program is; fail where it is not there."""
    click.echo(toolchain.need(name).path)
