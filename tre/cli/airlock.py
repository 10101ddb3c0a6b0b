"""`tre airlock`: ask for files to leave or to come in, look, decide, and pick up, at either door."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from tre import console
from tre.airlock import asking, fetching, telling
from tre.airlock.door import Door, clean
from tre.cli.airlock_session import common, make_pass, sign_in, sign_out
from tre.cli.consent import consent
from tre.cli.sites import yes_option
from tre.errors import InvalidInput, Problem, Refused, failure

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
_CHECKED: Final = frozenset({"submitted", "checking"})
_RELEASING: Final = frozenset({"approved", "releasing"})

request_argument = click.argument("request_id", metavar="REQUEST")
reason_option = click.option("--reason", default="", help="Why.")


@click.group(name="airlock")
def command() -> None:
    """Bring files in and out of a TRE, with somebody else looking at them.

    \b
    Examples:
      tre airlock sign-in
      tre airlock submit --project alpha --title "Table 2" results/
      tre airlock review REQUEST --approve --reason "counts are rounded"
      tre airlock fetch REQUEST --to results
    """


for _each in (sign_in, sign_out, make_pass):
    command.add_command(_each)


@command.command("projects")
@common
def projects(address: str, as_json: bool) -> None:
    """List the projects in which you have a role."""
    found = asking.opened(address).get("/projects")
    if as_json:
        console.emit("airlock-projects", {"projects": found})
        return
    for each in found:
        roles = ", ".join(each["roles"])
        console.say(f"  {each['name']:20} tier {each['tier']}  until {each['expires']}  {clean(roles)}")


@command.command("list")
@common
@click.option("--project", help="Of one project.")
@click.option("--state", help="In one state, such as in_review.")
@click.option("--direction", type=click.Choice(["output", "input"]))
@click.option("--mine", is_flag=True, help="Your own.")
@click.option("--waiting", is_flag=True, help="What waits for your decision.")
@click.option("--all", "every", is_flag=True, help="Every page, not the newest 50 alone.")
def list_(
    address: str,
    as_json: bool,
    project: str | None,
    state: str | None,
    direction: str | None,
    mine: bool,
    waiting: bool,
    every: bool,
) -> None:
    """List requests, newest first."""
    query: dict[str, object] = {"project": project, "state": state, "direction": direction}
    query |= {"mine": True if mine else None, "awaiting_me": True if waiting else None}
    found = asking.pages(asking.opened(address), query, every)
    if as_json:
        console.emit("airlock-requests", {"requests": found})
        return
    for each in found:
        console.say(telling.line(each))
    if not found:
        console.say("There is no such request.")


@command.command("show")
@common
@request_argument
def show(address: str, as_json: bool, request_id: str) -> None:
    """Show a request: its files, what the checks found, who decided, and what you may do."""
    detail = asking.opened(address).get(f"/requests/{request_id}")
    if as_json:
        console.emit("airlock-request", detail)
        return
    telling.request(detail)


def about(function: FunctionT) -> FunctionT:
    """Add what a new request is told: its project, title and purpose."""
    for option in (
        click.option("--purpose", default="", help="What the files are for."),
        click.option("--title", default="", help="What the files are, in a line."),
        click.option("--project", default="", help="The project."),
    ):
        function = option(function)
    return function


@command.command("create")
@common
@about
@click.option("--direction", type=click.Choice(["output", "input"]), default="output", show_default=True)
def create(address: str, as_json: bool, project: str, title: str, purpose: str, direction: str) -> None:
    """Begin a request without files; `submit --request` adds them."""
    made = asking.begin(asking.opened(address), asking.About(project, title, purpose, direction))
    if as_json:
        console.emit("airlock-request", {"request": made})
        return
    click.echo(made["id"])


def sending(function: FunctionT) -> FunctionT:
    """Add what sending takes."""
    for option in (
        click.option("--wait", is_flag=True, help="Wait until the checks have looked at it."),
        click.option("--draft", is_flag=True, help="Send the files, and do not hand the request in."),
        click.option("--request", "request_id", default="", help="Add to a request that exists."),
        click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True)),
    ):
        function = option(function)
    return function


@command.command("submit")
@common
@about
@sending
def submit(address: str, as_json: bool, project: str, title: str, purpose: str, **given: Any) -> None:
    """Send FILES and folders out of the TRE's inside, and hand the request in (inside door).

    Broken off, the same command goes on where it stopped.

    \b
    Example:
      tre airlock submit --project alpha --title "Table 2" table2.csv figures/
    """
    _send(address, as_json, asking.About(project, title, purpose, "output"), **given)


@command.command("bring-in")
@common
@about
@sending
def bring_in(address: str, as_json: bool, project: str, title: str, purpose: str, **given: Any) -> None:
    """Send FILES and folders into the TRE, and hand the request in (outside door)."""
    _send(address, as_json, asking.About(project, title, purpose, "input"), **given)


def _send(
    address: str,
    as_json: bool,
    about: asking.About,
    *,
    request_id: str,
    files: tuple[Path, ...],
    draft: bool,
    wait: bool,
) -> None:
    door = asking.opened(address)
    number = asking.send(door, about, request_id, files, not draft)
    detail = asking.awaited(door, number, _CHECKED if wait else frozenset())
    if as_json:
        console.emit("airlock-request", detail)
        return
    telling.request(detail)


@command.command("review")
@common
@yes_option
@request_argument
@click.option("--approve", "outcome", flag_value="approve", help="Let it through.")
@click.option("--reject", "outcome", flag_value="reject", help="Turn it down for good.")
@click.option("--changes", "outcome", flag_value="changes", help="Send it back for changes.")
@click.option(
    "--file", "turned_down", multiple=True, metavar="PATH=REASON", help="What is wrong with a file."
)
@click.option("--manifest", help="The manifest that you looked at; another by now is refused.")
@reason_option
def review(
    address: str,
    as_json: bool,
    yes: bool,
    request_id: str,
    outcome: str | None,
    turned_down: tuple[str, ...],
    manifest: str | None,
    reason: str,
) -> None:
    """Decide on a request: on exactly the files whose manifest is shown."""
    door = asking.opened(address)
    detail = door.get(f"/requests/{request_id}")
    if not outcome:
        telling.request(detail)
        problem = Problem("review", "says nothing", "Add --approve, --reject or --changes, and --reason.")
        raise InvalidInput(problem)
    _decide(door, detail, outcome, reason, manifest, asking.turned_down(detail, turned_down), yes)
    decided = door.get(f"/requests/{request_id}")
    if as_json:
        console.emit("airlock-request", decided)
        return
    telling.request(decided)


def _decide(
    door: Door,
    detail: Mapping[str, Any],
    outcome: str,
    reason: str,
    manifest: str | None,
    files: Mapping[str, Any],
    yes: bool,
) -> None:
    shown = detail["request"]["manifest_sha256"]
    if manifest is not None and manifest != shown:
        raise Refused(Problem("manifest", f"is another by now: {clean(shown)}", "Look at the request again."))
    if not yes:
        telling.request(detail)
    consent(f"{outcome.capitalize()} manifest {clean(shown)}?", yes, where="tre airlock review")
    body = {"outcome": outcome, "manifest_sha256": shown, "reason": reason, "files": files}
    door.post(f"/requests/{detail['request']['id']}/decisions", body)


@command.command("release")
@common
@yes_option
@request_argument
@click.option("--manifest", help="The manifest that you looked at; another by now is refused.")
@reason_option
def release(
    address: str, as_json: bool, yes: bool, request_id: str, manifest: str | None, reason: str
) -> None:
    """Approve a request, and wait until its files are released; says so where a second approval is needed."""
    door = asking.opened(address)
    detail = door.get(f"/requests/{request_id}")
    if detail["request"]["state"] == "in_review":
        _decide(door, detail, "approve", reason, manifest, {}, yes)
    detail = asking.awaited(door, request_id, _RELEASING)
    if as_json:
        console.emit("airlock-request", detail)
    else:
        telling.request(detail)
    if detail["request"]["state"] == "in_review":
        console.say("Another person's approval is needed before it is released.")
    elif detail["request"]["state"] != "released":
        raise failure(request_id, f"is {detail['request']['state'].replace('_', ' ')}", "")


@command.command("fetch")
@common
@request_argument
@click.option(
    "--to", "folder", type=click.Path(path_type=Path, file_okay=False), default=".", show_default=True
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
def fetch(address: str, as_json: bool, request_id: str, folder: Path, overwrite: bool) -> None:
    """Fetch a request's released files, each checked against its hash before it is there."""

    door = asking.opened(address)
    detail = door.get(f"/requests/{request_id}")
    saved: list[dict[str, object]] = []
    targets = {each["id"]: fetching.place(folder, each["path"]) for each in detail["files"]}
    for each in detail["files"]:
        target = targets[each["id"]]
        if target.exists() and not overwrite:
            raise failure(
                str(target), "is there already", "Add --overwrite, or name another folder with --to."
            )
        found = fetching.fetch(door, each, target, lambda size: None)
        telling.progress(each["path"], each["size"], each["size"])
        saved.append({"path": str(target), "sha256": found, "size": each["size"]})
    if as_json:
        console.emit("airlock-files", {"request": request_id, "files": saved})


@command.command("withdraw")
@common
@yes_option
@request_argument
@reason_option
def withdraw(address: str, as_json: bool, yes: bool, request_id: str, reason: str) -> None:
    """Take your own request back."""
    consent("Take the request back?", yes, where="tre airlock withdraw")
    _changed(address, as_json, request_id, "withdraw", {"reason": reason})


@command.command("revoke")
@common
@yes_option
@request_argument
@click.option("--reason", required=True, help="Why.")
def revoke(address: str, as_json: bool, yes: bool, request_id: str, reason: str) -> None:
    """Take an approval back: the files can no longer be fetched."""
    consent("Take the approval back?", yes, where="tre airlock revoke")
    _changed(address, as_json, request_id, "revoke", {"reason": reason})


@command.command("retry")
@common
@request_argument
def retry(address: str, as_json: bool, request_id: str) -> None:
    """Let a failed request go on (operators)."""
    _changed(address, as_json, request_id, "retry", None)


@command.command("record")
@common
@request_argument
def record(address: str, as_json: bool, request_id: str) -> None:
    """Print a released request's signed disclosure record (auditors)."""
    found = asking.opened(address).get(f"/requests/{request_id}/record")
    if as_json:
        console.emit("airlock-record", found)
        return
    click.echo(json.dumps(json.loads(found["body"]), indent=2, ensure_ascii=True))


def _changed(address: str, as_json: bool, request_id: str, what: str, body: Mapping[str, Any] | None) -> None:
    changed = asking.opened(address).post(f"/requests/{request_id}/{what}", body)
    if as_json:
        console.emit("airlock-request", {"request": changed})
        return
    console.say(telling.line(changed))
