"""`tre run`: a job in a project's workspace. Its state is shown; what it prints and writes is data and stays inside."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tre import audit, console
from tre.cli.consent import consent
from tre.cli.sites import json_option, load, site_argument, yes_option
from tre.cli.verify import known
from tre.errors import ExitCode, InvalidInput, Problem, Refused

if TYPE_CHECKING:
    from components.backend import JobState, Live, Scope
    from tre.model.load import LoadedSite

INTERPRETERS: Final = {".py": "python3", ".r": "Rscript", ".sh": "bash"}
"""What runs a script when no command is given, by its file's suffix in small letters."""
JOB_NAME: Final = r"[a-z]([a-z0-9-]{0,29}[a-z0-9])?"
OUTPUT_STAYS: Final = "What it wrote stays in the project; it leaves through the airlock alone."


@dataclass(frozen=True)
class _Place:
    """Where a job runs: the project, and the live side of its target."""

    site: str
    scope: Scope
    live: Live


@dataclass(frozen=True)
class _Wish:
    """What is to run: a command, the text of the script that goes along, and the job's name, or none."""

    command: Sequence[str]
    script: str
    name: str
    wait: bool


@click.command()
@site_argument
@click.argument("project")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option(
    "--script", type=click.Path(path_type=Path), help="A file to run: .py, .R, .sh, or any by COMMAND."
)
@click.option(
    "--wait/--detach", default=True, help="Wait for the job to end (the default), or leave it running."
)
@click.option(
    "--name", help="Name the job; where it succeeded already with this very command and script, that is told."
)
@click.option("--job", help="Show how this earlier job stands, instead of running one.")
@click.option("--break-glass", metavar="REASON", help="Show what the job printed. Goes on record first.")
@yes_option
@json_option
def command(
    site: str,
    folder: Path,
    project: str,
    words: Sequence[str],
    script: Path | None,
    wait: bool,
    name: str | None,
    job: str | None,
    break_glass: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Run COMMAND as a job in the workspace of PROJECT, and show its state only.

    The command line goes into the site's audit log: keep data out of it. Ends with 1 when the job failed.
    """
    loaded = load(folder, site)
    place = _place(loaded, known(loaded, project))
    if break_glass is not None:
        _check_break_glass(break_glass, wait, yes)
    if job:
        _refuse_both(words, script)
        found = place.live.state(place.scope, job)
    else:
        wish = _wish(words, script, name, wait)
        found = _done_already(place, wish) or _run(place, wish)
    printed = _printed(place, found.name, break_glass) if break_glass is not None else None
    _tell(place, found, printed, as_json)
    return ExitCode.FAILED if found.state == "failed" else ExitCode.DONE


def _place(loaded: LoadedSite, project: str) -> _Place:
    """Return a project's place.

    Raises:
        Refused: its backend runs no jobs.
    """
    from tre.program import Settled, project_part
    from tre.verify.collect import live_of, scope_of

    part = project_part(loaded, project, Settled(offline=True))
    live = live_of(part.target)
    if live is None:
        raise Refused(Problem(f"backend {part.target.backend}", "runs no jobs yet"))
    return _Place(loaded.site.name, scope_of(loaded, part), live)


def _check_break_glass(reason: str, wait: bool, yes: bool) -> None:
    if not reason.strip():
        raise InvalidInput(Problem("--break-glass", "gives no reason", "Say in a sentence why it must be."))
    if not wait:
        remedy = "Wait for the job, or ask later with --job."
        raise InvalidInput(Problem("--break-glass", "needs a job that has ended", remedy))
    consent("What the job printed may be data. Show it here, on record?", yes)


def _refuse_both(words: Sequence[str], script: Path | None) -> None:
    if words or script:
        remedy = "Leave out either --job or what to run."
        raise InvalidInput(Problem("--job", "shows an earlier job and runs nothing", remedy))


def _read(script: Path) -> str:
    try:
        return script.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "is no text in UTF-8"
        raise InvalidInput(Problem(f"--script {script}", str(what), "Name a text file.")) from error


def _command(words: Sequence[str], script: Path | None) -> list[str]:
    """Return the job's command: the words as given, with the script's place inside the job at their end."""
    from components.backend import SCRIPT

    if script is None:
        if not words:
            remedy = "Write it after two hyphens, or give --script FILE."
            raise InvalidInput(Problem("tre run", "there is no command to run", remedy))
        return list(words)
    if words:
        return [*words, SCRIPT]
    interpreter = INTERPRETERS.get(script.suffix.lower())
    if interpreter is None:
        remedy = f"Name what runs it: tre run SITE PROJECT --script {script.name} -- COMMAND"
        raise InvalidInput(Problem(f"--script {script}", "has no suffix that says what runs it", remedy))
    return [interpreter, SCRIPT]


def _wish(words: Sequence[str], script: Path | None, name: str | None, wait: bool) -> _Wish:
    command, text = _command(words, script), _read(script) if script else ""
    return _Wish(command, text, _job_name(name, command, text) if name is not None else "", wait)


def _job_name(name: str, command: Sequence[str], text: str) -> str:
    """Return a name that the same command and script always have, and others never."""
    if not re.fullmatch(JOB_NAME, name):
        remedy = "Use 1 to 31 of a-z, 0-9 and hyphens, a letter first and no hyphen last."
        raise InvalidInput(Problem(f"--name {name[:60]}", "is no job's name", remedy))
    content = json.dumps([*command, text])
    return f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def _done_already(place: _Place, wish: _Wish) -> JobState | None:
    """Return the job of this name, command and script, if it succeeded already."""
    if not wish.name:
        return None
    found = place.live.state(place.scope, wish.name)
    if found.state != "succeeded":
        return None
    console.say(f"Job {wish.name} ran before with this very command and script; it is not run again.")
    return found


def _run(place: _Place, wish: _Wish) -> JobState:
    """Run a job, with an entry in the audit log before and one after: a run that was cut short shows, too."""
    detail: dict[str, Any] = {"project": place.scope.project, "command": list(wish.command)}
    if wish.script:
        detail["script_sha256"] = hashlib.sha256(wish.script.encode()).hexdigest()
    audit.append(place.site, "run", {**detail, "result": "begun"})
    ended = "interrupted"
    job = ""
    try:
        found = place.live.run(
            place.scope, wish.command, console.say, script=wish.script, wait=wish.wait, name=wish.name
        )
        ended, job = found.state, found.name
    finally:
        audit.append(place.site, "run", {"project": place.scope.project, "job": job, "result": ended})
    return found


def _printed(place: _Place, job: str, reason: str) -> str:
    """Return what a job printed, once the look is on record."""
    audit.append(place.site, "break-glass", {"project": place.scope.project, "job": job, "reason": reason})
    return place.live.output(place.scope, job)


def _tell(place: _Place, found: JobState, printed: str | None, as_json: bool) -> None:
    if as_json:
        document = {"site": place.site, "project": place.scope.project, "job": dict(vars(found))}
        console.emit("run", document if printed is None else {**document, "printed": printed})
        return
    if printed is not None:
        click.echo(printed, nl=not printed.endswith("\n"))
    console.say(_closing(place, found))


def _closing(place: _Place, found: JobState) -> str:
    took = f" after {found.seconds:.0f} s" if found.seconds else ""
    reason = f" ({found.reason})" if found.reason else ""
    if found.state == "succeeded":
        return f"Job {found.name} succeeded{took}. {OUTPUT_STAYS}"
    if found.state == "failed":
        return f"Job {found.name} failed{took}{reason}."
    look = f"tre run {place.site} {place.scope.project} --job {found.name}"
    return f"Job {found.name} is {found.state}{reason}. Next: {look}"
