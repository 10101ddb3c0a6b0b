"""What the commands that read and write site files share: where the files are, asking, and writing once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tre.errors import InvalidInput, Problem

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def default_folder() -> Path:
    """Return where the sites' files are: `TRE_FOLDER`, else `stacks` here, else the checkout's `stacks`."""
    from tre.paths import checkout

    given = os.environ.get("TRE_FOLDER")
    here = Path("stacks")
    return Path(given) if given else here if here.is_dir() else checkout() / "stacks"


def folder_option(function: FunctionT) -> FunctionT:
    """Add `--folder` to a command."""
    option = click.option(
        "--folder",
        type=click.Path(path_type=Path),
        default=default_folder,
        show_default="stacks, or TRE_FOLDER",
        help="The folder of the sites' files.",
    )
    return option(function)


def ask(given: str | None, option: str, question: str, default: str | None = None) -> str:
    """Return an option's value, asking for it at a terminal.

    Raises:
        InvalidInput: it is missing, and nobody is there to be asked.
    """
    if given:
        return given
    if not sys.stdin.isatty():
        if default is not None:
            return default
        raise InvalidInput(
            Problem(option, "is missing", f"{question}: give it with {option}."), summary=NOTHING
        )
    return str(click.prompt(question, default=default, err=True))


NOTHING = "Nothing was written."


def write_new(file: Path, text: str) -> None:
    """Write a file that must not be there yet.

    Raises:
        InvalidInput: it is there, or cannot be written.
    """
    from tre.model.load import shown

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        problem = Problem(shown(file), "exists already", "Edit it, or choose another name.")
        raise InvalidInput(problem, summary=NOTHING) from None
    except OSError as error:
        problem = Problem(shown(file), f"cannot be written: {error.strerror}", "Choose another folder.")
        raise InvalidInput(problem, summary=NOTHING) from None


def check_drafts(folder: Path, site: str, file: Path, text: str) -> None:
    """Judge a file together with its site before it is written.

    Raises:
        InvalidInput: it would not be valid; every problem by file and line, of a file that does not exist yet.
    """
    from tre.model.load import load_site

    try:
        load_site(folder, site, drafts={file: text})
    except InvalidInput as invalid:
        raise InvalidInput(*invalid.problems, summary=NOTHING) from None
