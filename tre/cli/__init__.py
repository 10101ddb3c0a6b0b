"""The command `tre`: one file per noun or verb, each loaded only when it is used.

A module `tre.cli.<name>` exports its click command as `command`.
"""

from __future__ import annotations

import datetime
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import click

from tre import VERSION, console, paths
from tre.errors import ExitCode, Problem, TreError, failure

COMMANDS: Final[Mapping[str, str]] = {
    "init": "Write the files of a new site.",
    "project": "Add, list or close a project.",
    "validate": "Check a site's files, offline.",
    "plan": "Show what `up` would change, promises first.",
    "up": "Deploy a site and its projects.",
    "status": "Show what is deployed.",
    "run": "Run a command in a project's workspace.",
    "people": "List who belongs to a site, and how they first sign in.",
    "verify": "Show, promise by promise, what holds and how it is known.",
    "recover": "Find and clear what a killed deployment left behind.",
    "destroy": "Take a site down, keeping its data.",
    "portal": "Run the airlock on this machine alone, to try it.",
    "airlock": "Bring files in and out through an airlock.",
    "audit": "Read and check a site's audit log, and an airlock's record.",
    "doctor": "Check the tools and the target.",
    "cluster": "Run a real local cluster.",
    "toolchain": "Find, download or build the tools.",
    "schema": "Print the JSON Schema of a site or project file.",
    "completion": "Print shell completion.",
}
"""Every command and its one-line help, so that `tre --help` need load none of them."""

_ROOM: Final[Mapping[int, str]] = {
    errno.ENOSPC: "Make room on the disk, then run the same command: it takes up where this stopped.",
    errno.EDQUOT: "Make room in your quota, then run the same command: it takes up where this stopped.",
    errno.EROFS: "Set TRE_STATE and TRE_CACHE to folders that can be written.",
    errno.EACCES: "Make it yours, or set TRE_STATE and TRE_CACHE to folders that you can write.",
}
"""What the machine refuses to give, and the remedy: no fault of the program."""

INTERRUPTED: Final = 130
"""How shells see a command that Ctrl-C ended (128 + SIGINT)."""


class Lazy(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        here = {file.stem for file in Path(__file__).parent.glob("*.py")}
        return [name for name in COMMANDS if name in here]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return cast("click.Command", importlib.import_module(f"tre.cli.{cmd_name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="tre")
def tre() -> None:
    """Deploy a trusted research environment, and prove what it promises."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 failed, 2 invalid input, 3 changes pending, 4 refused, 130 stopped."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(execute(given))


def execute(given: Sequence[str]) -> int:
    """Run the command and return its exit code. Nothing but `SystemExit` of a shell's own ever escapes."""
    try:
        ended: Any = tre.main(list(given), prog_name="tre", standalone_mode=False)
        return int(ended) if isinstance(ended, int) else ExitCode.DONE
    except TreError as error:
        return _told(error, "--json" in given)
    except click.ClickException as error:
        return _usage(error)
    except (KeyboardInterrupt, click.Abort):
        console.say("Stopped. What was begun is recorded; the same command takes it up again.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; writing the rest at exit would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except OSError as error:
        return _told(_out_of_reach(error), "--json" in given) if error.errno in _ROOM else _bug(error, given)
    except Exception as error:
        return _bug(error, given)


def _told(error: TreError, as_json: bool) -> int:
    if as_json:
        document = {"problems": [each.document() for each in error.problems], "summary": error.summary}
        console.emit("error", {**document, "exit_code": int(error.code)})
    for problem in dict.fromkeys(error.problems):
        console.say(f"{console.paint('✗', 'red')} {problem}")
    if error.summary:
        console.say(error.summary)
    return error.code


def _out_of_reach(error: OSError) -> TreError:
    return failure(str(error.filename or "disk"), str(error.strerror or error), _ROOM[error.errno or 0])


def _usage(error: click.ClickException) -> int:
    console.say(str(Problem("tre", error.format_message(), _usage_remedy(error))))
    return ExitCode.INVALID


def _usage_remedy(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"Try `{context.command_path if context else 'tre'} --help`."


def _bug(error: Exception, given: Sequence[str]) -> int:
    saved = _save_trace(given)
    kept = (
        f"What happened is written in {saved}; please send it to whoever maintains this program."
        if saved
        else ""
    )
    console.say(
        f"{console.paint('✗', 'red')} This is a fault in tre itself, not in what you asked for: "
        f"{error.__class__.__name__}: {error}. {kept} What was deployed before it stands; `tre status` shows it."
    )
    return ExitCode.FAILED


def _save_trace(given: Sequence[str]) -> Path | None:
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%f")
    try:
        folder = paths.private_folder(paths.private_folder(paths.state_folder()) / "faults")
        file = folder / f"{moment}.txt"
        paths.write_private(file, f"tre {VERSION} {' '.join(given)}\n\n{traceback.format_exc()}")
    except OSError:
        return None  # A full or read-only disk must not hide the fault itself.
    return file
