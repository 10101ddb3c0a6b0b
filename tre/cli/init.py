"""`tre init`: the file of a new site."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from tre import console
from tre.cli.files import NOTHING, ask, check_drafts, folder_option, write_new
from tre.errors import InvalidInput, Problem
from tre.registry import BACKENDS, LOCAL_CLUSTER

DATE = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("name")
@click.option("--title", help="What people call the site.")
@click.option(
    "--tier", type=click.IntRange(0, 4), default=2, show_default=True, help="The highest tier of its data."
)
@click.option("--backend", type=click.Choice(list(BACKENDS)), default=LOCAL_CLUSTER, show_default=True)
@click.option("--target", multiple=True, metavar="KEY=VALUE", help="A key of the target, such as an account.")
@click.option("--operator", metavar="NAME", help="The operator's sign-in name.")
@click.option("--operator-email", metavar="EMAIL", help="The operator's e-mail address.")
@click.option(
    "--governance-email", metavar="EMAIL", help="Information governance's; the operator's where unset."
)
@click.option(
    "--security-email", metavar="EMAIL", help="Where incidents are told; the operator's where unset."
)
@click.option("--expires", type=DATE, metavar="DATE", help="The last day of the operator's access.")
@click.option(
    "--network", multiple=True, metavar="CIDR", help="A network that people sign in from (tiers 3, 4)."
)
@click.option("--image", default="embedded", show_default=True, help="The workspace image by digest.")
@click.option("--portal-image", default="embedded", show_default=True, help="The airlock's image by digest.")
@folder_option
@click.option("--print", "only_print", is_flag=True, help="Print the file instead of writing it.")
def command(
    name: str,
    title: str | None,
    tier: int,
    backend: str,
    target: Sequence[str],
    operator: str | None,
    operator_email: str | None,
    governance_email: str | None,
    security_email: str | None,
    expires: datetime.datetime | None,
    network: Sequence[str],
    image: str,
    portal_image: str,
    folder: Path,
    only_print: bool,
) -> None:
    """Write the file of a new site NAME, asking for what is not given."""
    from tre.model.templates import SiteAnswers, site_text

    email = ask(operator_email, "--operator-email", "The operator's e-mail address")
    answers = SiteAnswers(
        name=name,
        title=ask(title, "--title", "What people call the site", f"{name} TRE"),
        tier=tier,
        backend=backend,
        target=_target(backend, target),
        operator=ask(operator, "--operator", "The operator's sign-in name"),
        operator_email=email,
        governance_email=governance_email or email,
        security_email=security_email or email,
        expires=date(expires, "--expires", "The last day of the operator's access"),
        networks=_networks(tier, network),
        image=image,
        portal_image=portal_image,
    )
    file = folder / f"Pulumi.{name}.yaml"
    finish(
        folder,
        name,
        file,
        site_text(answers, folder),
        only_print,
        next_command=f"tre project add {name} PROJECT",
    )


def _target(backend: str, given: Sequence[str]) -> Mapping[str, str]:
    from tre.model.templates import needed_keys

    pairs = dict(_pair(each) for each in given)
    needed = {
        key: ask(pairs.get(key), f"--target {key}=...", f"The target's {key}") for key in needed_keys(backend)
    }
    return {**needed, **pairs}


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key.replace("_", "").isalnum():
        problem = Problem(f"--target {text}", "is no KEY=VALUE", "Write it like --target region=...")
        raise InvalidInput(problem, summary=NOTHING)
    return key, value


def _networks(tier: int, given: Sequence[str]) -> Sequence[str]:
    if given or tier < 3:
        return given
    answer = ask(None, "--network", "A network that people sign in from, such as 192.0.2.0/24")
    return [each.strip() for each in answer.split(",")]


def date(given: datetime.datetime | None, option: str, question: str) -> datetime.date:
    """Return a day from an option, asking for it at a terminal."""
    if given:
        return given.date()
    answer = ask(None, option, f"{question} (year-month-day)")
    try:
        return datetime.date.fromisoformat(answer)
    except ValueError:
        problem = Problem(option, f'"{answer}" is no date', "Write it as year-month-day, such as 2027-03-31.")
        raise InvalidInput(problem, summary=NOTHING) from None


def finish(folder: Path, site: str, file: Path, text: str, only_print: bool, next_command: str) -> None:
    """Judge a new file, then print or write it, and say what comes next."""
    from tre.model.load import shown

    check_drafts(folder, site, file, text)
    if only_print:
        click.echo(text, nl=False)
        return
    write_new(file, text)
    console.say(f"Wrote {shown(file)}, which is valid. Next: {next_command}")
