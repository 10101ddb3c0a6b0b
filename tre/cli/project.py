"""`tre project`: the projects of a site."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tre import console
from tre.cli.close import command as close
from tre.cli.files import NOTHING, ask, folder_option
from tre.cli.init import DATE, date, finish
from tre.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from tre.model.load import LoadedSite


@click.group()
def command() -> None:
    """Add, list or close the projects of a site."""


@command.command()
@click.argument("site")
@click.argument("name")
@click.option("--title", help="What people call the study.")
@click.option("--approval", metavar="REFERENCE", help="What the approving body calls its decision.")
@click.option("--expires", type=DATE, metavar="DATE", help="The last day of the approval.")
@click.option("--analyst", multiple=True, metavar="NAME=EMAIL", help="Someone who analyses; may be repeated.")
@click.option(
    "--checker", multiple=True, metavar="NAME=EMAIL", help="Someone who checks outputs; may be repeated."
)
@click.option("--owner", multiple=True, metavar="NAME=EMAIL", help="The data's owner; may be repeated.")
@click.option(
    "--manager", multiple=True, metavar="NAME=EMAIL", help="The project's manager; may be repeated."
)
@click.option(
    "--data",
    multiple=True,
    metavar="NAME=CLASSIFICATION:SOURCE",
    help="A data set; SOURCE is a path in the image, or the word airlock. May be repeated.",
)
@click.option("--budget", metavar="AMOUNT", help="What the project may spend over its life.")
@click.option("--currency", default="GBP", show_default=True, help="The budget's currency.")
@click.option("--target", default="", help="Which of the site's targets it runs on.")
@folder_option
@click.option("--print", "only_print", is_flag=True, help="Print the file instead of writing it.")
def add(
    site: str,
    name: str,
    title: str | None,
    approval: str | None,
    expires: datetime.datetime | None,
    analyst: Sequence[str],
    checker: Sequence[str],
    owner: Sequence[str],
    manager: Sequence[str],
    data: Sequence[str],
    budget: str | None,
    currency: str,
    target: str,
    folder: Path,
    only_print: bool,
) -> None:
    """Write the file of a new project NAME of SITE, asking for what is not given."""
    from tre.model.load import load_site
    from tre.model.templates import ProjectAnswers, project_text

    check_name(name)
    loaded = load_site(folder, site)
    answers = ProjectAnswers(
        site=site,
        name=name,
        title=ask(title, "--title", "What people call the study"),
        approval=ask(approval, "--approval", "The reference of its approval"),
        expires=date(expires, "--expires", "The last day of the approval"),
        people=[
            *_people("--analyst", analyst, "data-analyst", 1),
            *_people("--checker", checker, "output-checker", _checkers(loaded, data)),
            *_people("--owner", owner, "information-asset-owner", 0),
            *_people("--manager", manager, "project-manager", 0),
        ],
        data=[_data(each) for each in data],
        amount=_amount(ask(budget, "--budget", "What it may spend over its life, in " + currency)),
        currency=currency,
        target=target,
    )
    file = folder / f"Pulumi.{site}-{name}.yaml"
    finish(folder, site, file, project_text(answers, folder), only_print, next_command=f"tre plan {site}")


def check_name(name: str) -> None:
    """Refuse what cannot be a project's name, before it becomes part of a path."""
    from tre.model.words import NAME_PATTERN, SENTENCES

    if not 2 <= len(name) <= 20 or not re.fullmatch(NAME_PATTERN, name):
        remedy = f"Use 2 to 20 characters: {SENTENCES[NAME_PATTERN]}."
        raise InvalidInput(Problem(f"project {name!r}", "is no project's name", remedy), summary=NOTHING)


def _checkers(loaded: LoadedSite, data: Sequence[str]) -> int:
    """Return how many output checkers the tier of the named data needs."""
    from tre.model.resolve import reviewers
    from tre.model.tiers import TIERS

    named = {tier.name: tier.level for tier in TIERS}
    tiers = [named.get(each.partition("=")[2].partition(":")[0], loaded.site.tier) for each in data]
    return reviewers(loaded.site, max(tiers, default=loaded.site.tier))


def _people(option: str, given: Sequence[str], role: str, needed: int) -> list[tuple[str, str, str]]:
    missing = range(len(given), needed)
    asked = [ask(None, option, f"One {role.replace('-', ' ')}, as NAME=EMAIL") for _ in missing]
    return [(*_named(option, each), role) for each in (*given, *asked)]


def _named(option: str, text: str) -> tuple[str, str]:
    name, sign, email = text.partition("=")
    if not sign:
        problem = Problem(
            f"{option} {text}", "is no NAME=EMAIL", f"Write it like {option} ada=ada@example.org"
        )
        raise InvalidInput(problem, summary=NOTHING)
    return name, email


def _data(text: str) -> tuple[str, str, str]:
    name, _, rest = text.partition("=")
    classification, colon, source = rest.partition(":")
    if not colon or not classification.replace("-", "").isalpha():
        remedy = "Write it like --data patients=pseudonymised:airlock"
        raise InvalidInput(
            Problem(f"--data {text}", "is no NAME=CLASSIFICATION:SOURCE", remedy), summary=NOTHING
        )
    return name, classification, source


def _amount(text: str) -> str:
    """Return an amount as YAML writes it, without an exponent."""
    try:
        amount = decimal.Decimal(text)
    except decimal.InvalidOperation:
        amount = decimal.Decimal("NaN")
    if not amount.is_finite() or len(text) > 20:
        problem = Problem("--budget", f'"{text}" is no amount', "Write a number, such as 2500.")
        raise InvalidInput(problem, summary=NOTHING)
    return f"{amount:f}"


command.add_command(close)


@command.command("list")
@click.argument("site")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(site: str, folder: Path, as_json: bool) -> None:
    """List the projects of SITE as its files describe them."""
    from tre.model.load import load_site

    loaded = load_site(folder, site, allow_expired=True)
    projects = [_row(loaded, name) for name in loaded.projects]
    if as_json:
        console.emit("projects", {"site": site, "projects": projects})
        return
    width = max((len(row["name"]) for row in projects), default=0)
    for row in projects:
        ended = ", ENDED" if row["ended"] else ""
        told = (
            f"tier {row['tier']}, {row['people']} people, on {row['target']}, until {row['expires']}{ended}"
        )
        console.say(f"{row['name']:{width}}  {told}  {row['title']}")
    if not projects:
        console.say(f"Site {site} has no project. Next: tre project add {site} NAME")


def _row(loaded: LoadedSite, name: str) -> dict[str, Any]:
    from tre.model.resolve import resolve

    project = loaded.projects[name]
    resolved = resolve(loaded.site, project)
    ends = project.approval.expires
    return {
        "name": name,
        "title": project.title,
        "tier": resolved.tier,
        "target": resolved.target,
        "people": len(project.people),
        "data_sets": [each.name for each in project.data_sets],
        "approval": project.approval.reference,
        "expires": ends.isoformat(),
        "ended": ends < datetime.date.today(),
    }


command.add_command(close)
