"""`tre airlock`: ask for files to leave or to come in, look, decide, and pick up, at either door."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from tre import console
from tre.cli.consent import consent
from tre.cli.sites import json_option, yes_option
from tre.errors import InvalidInput, Problem, Refused, failure

if TYPE_CHECKING:
    from tre.airlock.door import Door

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
_ENDED: Final = frozenset({"blocked", "rejected", "cancelled", "expired", "failed", "revoked"})
_POLL: Final = 2.0
_KIB: Final = 1024
_MINUTE: Final = 60

door_option = click.option(
    "--door",
    "address",
    envvar="TRE_AIRLOCK",
    default="http://127.0.0.1:8420",
    show_default=True,
    show_envvar=True,
    help="The door's address.",
)
request_argument = click.argument("request_id", metavar="REQUEST")
reason_option = click.option("--reason", default="", help="Why.")


def common(function: FunctionT) -> FunctionT:
    """Add `--door` and `--json` to a command."""
    return door_option(json_option(function))


def _opened(address: str) -> Door:
    from tre.airlock import door, sessions

    return sessions.opened(door.origin(address))


def _clean(text: object) -> str:
    from tre.airlock.door import clean

    return clean(str(text))


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


@command.command("sign-in")
@common
@click.option("--name", default="", help="Your name, where the door has accounts of its own.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True), help="Holds the password.")
@click.option("--code", default="", help="The one-time code.")
@click.option("--pass-file", type=click.Path(path_type=Path, exists=True), help="Holds a workspace pass.")
@click.option(
    "--workload-file",
    type=click.Path(path_type=Path, exists=True),
    envvar="TRE_WORKLOAD_TOKEN_FILE",
    show_envvar=True,
    help="Holds the workspace's own token (inside a workspace).",
)
def sign_in(
    address: str,
    as_json: bool,
    name: str,
    password_file: Path | None,
    code: str,
    pass_file: Path | None,
    workload_file: Path | None,
) -> None:
    """Sign in at a door. In a workspace, with a pass made at the outside door."""
    from tre.airlock import sessions, signing_in

    given = signing_in.Given(name, password_file, code, pass_file, workload_file)
    session = signing_in.sign_in(address, given, _prompt, console.say)
    sessions.keep(session)
    if as_json:
        console.emit(
            "airlock-session",
            {"door": session.door, "name": session.name, "expires_at": session.expires_at},
        )
    console.say(f"Signed in at {session.door}{' as ' + _clean(session.name) if session.name else ''}.")


def _prompt(what: str, secret: bool) -> str:
    if not sys.stdin.isatty():
        problem = Problem(
            "sign-in", f"needs a {what}, and nobody is at a terminal", "See --help for options."
        )
        raise InvalidInput(problem)
    return str(click.prompt(what.capitalize(), hide_input=secret, err=True))


@command.command("sign-out")
@common
def sign_out(address: str, as_json: bool) -> None:
    """End the session at a door, there and here."""
    from tre.airlock import door, sessions
    from tre.errors import TreError

    place = door.origin(address)
    try:
        sessions.opened(place).call("DELETE", "/session")
    except Refused:
        console.say("Nobody was signed in.")
    except TreError as error:
        console.warn(f"The door was not told: {error}")
    sessions.forget(place)
    if as_json:
        console.emit("airlock-session", {"door": place, "name": "", "expires_at": ""})


@command.command("pass")
@common
@click.argument("project")
def make_pass(address: str, as_json: bool, project: str) -> None:
    """Make a workspace pass for PROJECT (outside door): it signs one workspace in, once."""
    made = _opened(address).post(f"/projects/{project}/passes")
    if as_json:
        console.emit("airlock-pass", made)
        return
    console.say(f"For {made['minutes']} minutes, once, in a workspace of {_clean(made['project'])}:")
    click.echo(_clean(made["pass"]))


@command.command("projects")
@common
def projects(address: str, as_json: bool) -> None:
    """List the projects in which you have a role."""
    found = _opened(address).get("/projects")
    if as_json:
        console.emit("airlock-projects", {"projects": found})
        return
    for each in found:
        roles = ", ".join(each["roles"])
        console.say(f"  {each['name']:20} tier {each['tier']}  until {each['expires']}  {_clean(roles)}")


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
    found = _pages(_opened(address), query, every)
    if as_json:
        console.emit("airlock-requests", {"requests": found})
        return
    for each in found:
        console.say(_line(each))
    if not found:
        console.say("There is no such request.")


def _pages(door: Door, query: Mapping[str, object], every: bool) -> list[Any]:
    found: list[Any] = []
    before: str | None = None
    while True:
        page = door.get("/requests", **query, before=before)
        found += page["items"]
        before = page["next"]
        if not before or not every:
            return found


def _line(request: Mapping[str, Any]) -> str:
    state = console.paint(f"{request['state'].replace('_', ' '):17}", _colour(request["state"]))
    who = _clean(request["requester_name"])
    return f"  {request['id']}  {state}  {request['project']:14} {who:16} {_clean(request['title'])}"


def _colour(state: str) -> str:
    return "green" if state == "released" else "red" if state in _ENDED else "yellow"


@command.command("show")
@common
@request_argument
def show(address: str, as_json: bool, request_id: str) -> None:
    """Show a request: its files, what the checks found, who decided, and what you may do."""
    detail = _opened(address).get(f"/requests/{request_id}")
    if as_json:
        console.emit("airlock-request", detail)
        return
    _tell(detail)


def _tell(detail: Mapping[str, Any]) -> None:
    request = detail["request"]
    console.say(_line(request))
    for name, value in (
        ("purpose", request["purpose"]),
        ("reason", request["reason"]),
        ("manifest", request["manifest_sha256"]),
        ("approvals", f"{detail['approvals_had']} of {detail['approvals_needed']}"),
        ("you may", ", ".join(detail["allowed"])),
    ):
        if value:
            console.say(f"    {name:10} {_clean(value)}")
    for each in detail["files"]:
        missing = "" if each["complete"] else "  (not whole yet)"
        console.say(f"    {_bytes(each['size']):>10}  {_clean(each['path'])}  {each['sha256'][:16]}{missing}")
    for each in detail["verdicts"]:
        colour = "green" if each["outcome"] == "clean" else "red" if each["blocks"] else "yellow"
        console.say(
            f"    {console.paint(each['outcome'], colour)}  {each['check']}: {_clean(each['summary'])}"
        )
    for each in detail["decisions"]:
        said = f"{each['outcome']}: {_clean(each['reason'])}"
        console.say(f"    {each['at'][:19]}  {_clean(each['person_name'])}  {said}")


def _bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < _KIB:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KIB
    return f"{size:.1f} TiB"


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
    made = _begin(_opened(address), project, title, purpose, direction, key="")
    if as_json:
        console.emit("airlock-request", {"request": made})
        return
    click.echo(made["id"])


def _begin(door: Door, project: str, title: str, purpose: str, direction: str, key: str) -> Mapping[str, Any]:
    if not project or not title:
        raise InvalidInput(Problem("request", "needs a project and a title", "Add --project and --title."))
    body = {"project": project, "title": title, "purpose": purpose, "direction": direction}
    made: Mapping[str, Any] = door.post("/requests", body, key=key)
    return made


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
def submit(address: str, as_json: bool, **given: Any) -> None:
    """Send FILES and folders out of the TRE's inside, and hand the request in (inside door).

    Broken off, the same command goes on where it stopped.

    \b
    Example:
      tre airlock submit --project alpha --title "Table 2" table2.csv figures/
    """
    _send(address, as_json, "output", **given)


@command.command("bring-in")
@common
@about
@sending
def bring_in(address: str, as_json: bool, **given: Any) -> None:
    """Send FILES and folders into the TRE, and hand the request in (outside door)."""
    _send(address, as_json, "input", **given)


def _send(
    address: str,
    as_json: bool,
    direction: str,
    *,
    project: str,
    title: str,
    purpose: str,
    request_id: str,
    files: tuple[Path, ...],
    draft: bool,
    wait: bool,
) -> None:
    from tre.airlock import sending

    door = _opened(address)
    local = sending.found(files) if files or not request_id else []
    journal = sending.Journal(door.address, project or request_id, title, local)
    if not request_id:
        request_id = _unsent(door, journal, project, title, purpose, direction)
    for each in local:
        sending.send(door, request_id, each, journal, _progress)
    if not draft:
        door.post(f"/requests/{request_id}/submit", {})
    journal.forget()
    detail = (
        _awaited(door, request_id, {"submitted", "checking"}) if wait else door.get(f"/requests/{request_id}")
    )
    if as_json:
        console.emit("airlock-request", detail)
        return
    _tell(detail)


def _unsent(door: Door, journal: Any, project: str, title: str, purpose: str, direction: str) -> str:
    """Return the request that an earlier attempt began, or a new one where that was handed in since."""
    made = _begin(door, project, title, purpose, direction, journal.key)
    if made["state"] in {"draft", "changes_requested"}:
        return str(made["id"])
    journal.forget()
    return str(_begin(door, project, title, purpose, direction, journal.key)["id"])


def _progress(path: str, there: int, size: int) -> None:
    share = 100 if not size else there * 100 // size
    console.say(f"  {share:3} %  {_bytes(there):>10} of {_bytes(size):>10}  {_clean(path)}")


def _awaited(door: Door, request_id: str, while_in: set[str]) -> Mapping[str, Any]:
    while True:
        detail: Mapping[str, Any] = door.get(f"/requests/{request_id}")
        if detail["request"]["state"] not in while_in:
            return detail
        time.sleep(_POLL)


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
    door = _opened(address)
    detail = door.get(f"/requests/{request_id}")
    if not outcome:
        _tell(detail)
        problem = Problem("review", "says nothing", "Add --approve, --reject or --changes, and --reason.")
        raise InvalidInput(problem)
    _decide(door, detail, outcome, reason, manifest, _files(detail, turned_down), yes)
    decided = door.get(f"/requests/{request_id}")
    if as_json:
        console.emit("airlock-request", decided)
        return
    _tell(decided)


def _files(detail: Mapping[str, Any], turned_down: tuple[str, ...]) -> dict[str, dict[str, str]]:
    numbers = {each["path"]: each["id"] for each in detail["files"]}
    found: dict[str, dict[str, str]] = {}
    for each in turned_down:
        path, _, why = each.rpartition("=")
        if path not in numbers:
            raise InvalidInput(Problem(path, "is no file of this request", "Write --file 'path=reason'."))
        found[numbers[path]] = {"outcome": "changes", "reason": why}
    return found


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
        raise Refused(
            Problem("manifest", f"is another by now: {_clean(shown)}", "Look at the request again.")
        )
    if not yes:
        _tell(detail)
    consent(f"{outcome.capitalize()} manifest {_clean(shown)}?", yes, where="tre airlock review")
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
    door = _opened(address)
    detail = door.get(f"/requests/{request_id}")
    if detail["request"]["state"] == "in_review":
        _decide(door, detail, "approve", reason, manifest, {}, yes)
    detail = _awaited(door, request_id, {"approved", "releasing"})
    if as_json:
        console.emit("airlock-request", detail)
    else:
        _tell(detail)
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
    from tre.airlock import fetching

    door = _opened(address)
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
        _progress(each["path"], each["size"], each["size"])
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


def _changed(address: str, as_json: bool, request_id: str, what: str, body: Mapping[str, Any] | None) -> None:
    changed = _opened(address).post(f"/requests/{request_id}/{what}", body)
    if as_json:
        console.emit("airlock-request", {"request": changed})
        return
    console.say(_line(changed))


@command.command("record")
@common
@request_argument
def record(address: str, as_json: bool, request_id: str) -> None:
    """Print a released request's signed disclosure record (auditors)."""
    found = _opened(address).get(f"/requests/{request_id}/record")
    if as_json:
        console.emit("airlock-record", found)
        return
    click.echo(json.dumps(json.loads(found["body"]), indent=2, ensure_ascii=True))
