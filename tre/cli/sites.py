"""What the commands that act on a site's stacks share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tre import console
from tre.cli.consent import consent
from tre.cli.files import default_folder, folder_option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tre.engine.session import Session
    from tre.engine.stack import Outcome
    from tre.engine.work import Work
    from tre.model.load import LoadedSite

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def parallel_option(function: FunctionT) -> FunctionT:
    """Add `--parallel` to a command."""
    option = click.option(
        "--parallel",
        type=click.IntRange(1, 64),
        default=_parallel,
        show_default="one more than there are processors, at most 4",
        help="How many stacks at once.",
    )
    return option(function)


def _parallel() -> int:
    # Each engine takes 50 to 100 MB, and waits for its target half of the time.
    return min(4, (os.cpu_count() or 1) + 1)


def site_argument(function: FunctionT) -> FunctionT:
    """Add the SITE argument and `--folder` to a command."""
    return click.argument("site", shell_complete=_complete)(folder_option(function))


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from tre.model.load import site_names

    folder: Path = context.params.get("folder") or default_folder()
    return [CompletionItem(name) for name in site_names(folder) if name.startswith(incomplete)]


def load(folder: Path, site: str, *, allow_expired: bool = False) -> LoadedSite:
    """Return a site, telling what is worth a warning."""
    from tre.model.load import load_site

    loaded = load_site(folder, site, allow_expired=allow_expired)
    for warning in loaded.warnings:
        console.warn(str(warning))
    return loaded


def settle(session: Session, work: Sequence[Work], yes: bool) -> None:
    """Find what a killed deployment left behind in some work's stacks, tell it, and clear it on consent.

    Raises:
        Refused: somebody else is deploying, or the answer is no.
        TreError: clearing it failed.
    """
    from tre import audit
    from tre.engine import recovery
    from tre.engine.work import by_target

    stacks = [each.stack for each in work]
    recovery.wait_for_engines(session, stacks, console.say)
    found = recovery.find(session, stacks)
    if not found:
        return
    console.say("An earlier deployment was interrupted:")
    for line in (line for each in found for line in each.explain()):
        console.say(f"  {line}")
    consent("Clear this and go on?", yes)
    session.prepare(by_target(work))
    for each in found:
        recovery.clear(session, each)
    audit.append(session.settings.site, "recover", {"stacks": [each.stack for each in found]})


def tell_failures(outcomes: Iterable[Outcome]) -> None:
    """Tell what failed, in the substrate's own words, and where the whole report is."""
    from tre.engine.failures import gathered

    for outcome in outcomes:
        for problem in gathered(outcome.failed):
            console.say(f"{console.paint('✗', 'red')} {problem}")
        if outcome.report:
            console.say(f"    Everything that was said: {outcome.report}")
