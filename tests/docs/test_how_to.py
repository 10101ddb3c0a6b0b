"""Every `tre` command in the how-to guides exists, with its options, and every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tre import cli, paths

DOCS = paths.checkout() / "docs"
GUIDES = sorted((DOCS / "how-to").glob("*.md"))
FENCE = re.compile(r"^ *```(?:sh|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(tre [^`]*)`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def commands(text: str) -> Iterator[str]:
    """Yield each `tre` command line of the fenced blocks, continued lines joined, and of the running text."""
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip().startswith("tre "):
                yield line.strip()
    yield from (each for each in INLINE.findall(text) if "..." not in each)


def found(line: str) -> tuple[click.Command, list[str]]:
    """Return the command that a line names, and the words after it. Fails where there is none."""
    words = shlex.split(line)[1:]
    command: click.Command = cli.tre
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        named = command.get_command(click.Context(command), words[0])
        assert named, f"{line}: there is no command {words[0]}"
        command, words = named, words[1:]
    return command, words


CASES = sorted({(guide.name, line) for guide in GUIDES for line in commands(guide.read_text())})


def test_there_are_guides_with_commands() -> None:
    assert len(GUIDES) >= 9
    assert {name for name, _ in CASES} == {guide.name for guide in GUIDES} - {"README.md"}


@pytest.mark.parametrize(("guide", "line"), CASES)
def test_the_command_exists_with_its_options(guide: str, line: str) -> None:
    command, words = found(line)
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    used = [word for word in words[: words.index("--") if "--" in words else None] if word.startswith("--")]
    assert set(used) <= known, f"{guide}: {line}"


@pytest.mark.parametrize("command", sorted({tuple(line.split("--")[0].split()) for _, line in CASES}))
def test_its_help_can_be_had(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    path = found(" ".join(command))[0]
    with click.Context(path, info_name="tre") as context:
        assert path.get_help(context).startswith("Usage: tre")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.name))
def test_links_lead_somewhere(guide: Path) -> None:
    links = [link for link in LINK.findall(guide.read_text()) if "://" not in link]
    assert [link for link in links if not (guide.parent / link).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.name))
def test_files_named_in_commands_are_there(guide: Path) -> None:
    named = re.findall(r"(?:examples|images|toolchain)/[\w./-]*[\w/]", guide.read_text())
    assert [name for name in named if not (paths.checkout() / name).exists()] == []
