"""Every text of the pages stands in `portal.pages.words`, and every one there is used."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from portal.domain.errors import (
    AirlockError,
    Conflict,
    Invalid,
    NotFound,
    NotSignedIn,
    Refused,
    TooLarge,
    TooMany,
    Unavailable,
)
from portal.domain.people import Role
from portal.domain.states import Direction, State, Step
from portal.pages import marks, showing, words

FOLDER = Path(words.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
SAID = ("title", "alt", "placeholder", "aria-label", "aria-description", "value", "label")
LETTER = re.compile(r"[^\W\d_]")
KEY = re.compile(r"""\b(?:t|n|words\.say|words\.count|count|say)\(\s*f?["']([a-z_]+\.?[a-z0-9_.{}-]*)["']""")
DYNAMIC = re.compile(r"""["']([a-z_]+\.[a-z_]*)["']\s*~|f["']([a-z_]+\.(?:[a-z_]+_)?)\{""")


class _Prose(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found += [data.strip()] if LETTER.search(data) else []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            f"{name}={value}"
            for name, value in attrs
            if name in SAID and value and LETTER.search(value) and not _own(tag, name, value)
        ]


def _own(tag: str, name: str, value: str) -> bool:
    """Tell whether a value is for the program alone: which of several choices a control stands for."""
    return name == "value" and tag in {"option", "input"} and value in {"yes", "no"}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_prose(template: Path) -> None:
    """Without what Jinja puts in, no letter of text is left in a template."""
    reader = _Prose()
    reader.feed(JINJA.sub("", template.read_text()))
    assert reader.found == []


def _sources() -> str:
    code = [path.read_text() for path in sorted(FOLDER.glob("*.py")) if path.name != "words.py"]
    return "\n".join([*(path.read_text() for path in TEMPLATES), *code])


def test_every_key_that_is_asked_for_is_there() -> None:
    """No page stops for want of a text."""
    asked = {key for key in KEY.findall(_sources()) if "{" not in key and not key.endswith(("_", "."))}
    assert asked - set(words.WORDS) == set()
    assert len(asked) > 100


def test_every_text_is_used() -> None:
    """A text that nobody asks for is one that nobody corrects."""
    sources = _sources()
    starts = {found for pair in DYNAMIC.findall(sources) for found in pair if found}
    starts |= {"check.", "action.", "state.", "role."}
    quoted = set(re.findall(r"""["']([a-z0-9_.-]+)["']""", sources))
    done = {f"done.{name}" for name in quoted}
    unused = [
        key
        for key in words.WORDS
        if key not in quoted | done and not any(key.startswith(start) for start in starts)
    ]
    assert unused == []


@pytest.mark.parametrize("kind,names", [("state", State), ("means", State), ("role", Role), ("action", Step)])
def test_everything_that_has_a_name_has_a_text(kind: str, names: type[State | Role | Step]) -> None:
    """States, roles and steps are never shown by the names that programs use."""
    assert [name for name in names if f"{kind}.{name}" not in words.WORDS] == []


@pytest.mark.parametrize("direction", list(Direction), ids=str)
def test_both_directions_have_their_texts(direction: Direction) -> None:
    """What is asked for in one direction is worded in the other, too."""
    for key in ("direction.", "new.", "new.lead_", "projects.ask_", "files.title_", "files.submit_lead_"):
        assert f"{key}{direction}" in words.WORDS


def test_every_state_has_a_mark_that_no_other_tone_and_word_share() -> None:
    """Two states may share a shape, never all of tone, shape and word."""
    seen = {(marks.of_state(state), words.say(f"state.{state}")) for state in State}
    assert len(seen) == len(State)


def test_an_outcome_that_nobody_knows_is_never_shown_as_clean() -> None:
    """What came later than the pages is a question."""
    assert marks.of_outcome("new-kind").tone == "bad"


@pytest.mark.parametrize(
    "number,text", [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (5 << 40, "5 TiB")]
)
def test_sizes(number: int, text: str) -> None:
    """Binary units, as few digits as say enough."""
    assert showing.size(number) == text


@pytest.mark.parametrize(
    "seconds,text",
    [
        (1, "less than a minute"),
        (61, "1 minute"),
        (7200, "2 hours"),
        (86_400, "24 hours"),
        (259_200, "3 days"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    """How long, in the largest unit that says something."""
    assert showing.span(seconds) == text


@pytest.mark.parametrize(
    "error", [Refused, NotFound, Conflict, Invalid, TooLarge, NotSignedIn, TooMany, Unavailable]
)
def test_every_error_has_a_page_with_a_title_of_its_own(error: type[AirlockError]) -> None:
    """Nobody reads "error" where something plainer can be said."""
    assert words.WORDS[f"error.title_{error.code}"] != words.WORDS["error.title_error"]
