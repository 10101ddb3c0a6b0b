"""Reading a file into values with line numbers, without trusting it.

The subset is the one that people need and that two readers (this one and Pulumi's) agree on: mappings with text
keys, lists, and plain scalars after YAML 1.2's core schema plus dates. `yes` and `on` are text. Anchors, aliases,
tags and several documents are refused: they hide what a reviewer signs. PyYAML's C scanner is used for its speed;
its events are consumed one by one, so neither depth nor size can exhaust anything.
"""

from __future__ import annotations

import datetime
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import yaml

from tre.model.findings import Finding, Steps, clip, dotted

MOST_BYTES: Final = 512 * 1024
MOST_DEPTH: Final = 24
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,15})")
_FLOAT: Final = re.compile(r"[-+]?((0|[1-9][0-9]{0,15})(\.[0-9]{1,17})?|\.[0-9]{1,17})([eE][-+]?[0-9]{1,2})?")
_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})( 00:00:00 \+0000 UTC)?")
"""A day; plain Pulumi writes the longer form when it adds its own keys to a stack's file."""
_WORDS: Final[Mapping[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
}


@dataclass(frozen=True)
class Document:
    """A file's content. `lines` gives the line of each path's key, or of the list item."""

    file: str
    data: Any
    lines: Mapping[Steps, int]

    def line(self, steps: Steps) -> int:
        """Return the line of a path, or of the nearest thing around it that the file has."""
        for length in range(len(steps), -1, -1):
            if steps[:length] in self.lines:
                return self.lines[steps[:length]]
        return 1

    def finding(self, steps: Steps, what: str, remedy: str = "") -> Finding:
        """Return something wrong at a path."""
        return Finding(self.file, self.line(steps), dotted(steps), what, remedy)


class Unreadable(Exception):
    """A file that cannot be read at all; `findings` say why."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__("unreadable")


def read(path: Path, shown: str) -> Document:
    """Return a file's content; `shown` is how messages call the file.

    Raises:
        Unreadable: it is no readable UTF-8 YAML of the subset above.
    """
    return parse(_text(path, shown), shown)


def _stop(shown: str, what: str, remedy: str = "", line: int = 0, path: str = "") -> Unreadable:
    return Unreadable([Finding(shown, line, path, what, remedy)])


def _text(path: Path, shown: str) -> str:
    try:
        raw = content(path, shown)
    except FileNotFoundError:
        raise _stop(shown, "there is no such file", "Write it, or correct the name.") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _stop(shown, f"cannot be read: {reason}", "Make it readable by you.") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"is not UTF-8 text (byte 0x{raw[error.start]:02x} at position {error.start})"
        raise _stop(shown, what, "Save the file as UTF-8.", line) from None


def content(path: Path, shown: str) -> bytes:
    """Return what an ordinary file holds.

    Raises:
        Unreadable: it is no ordinary file, or too large.
        OSError: it cannot be opened.
    """
    # Without O_NONBLOCK, opening a named pipe would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise _stop(shown, "is a folder, not a file", "Put the configuration into a file of this name.")
        if not stat.S_ISREG(mode):
            raise _stop(shown, "is not an ordinary file", "Replace it with a text file.")
        raw = os.read(descriptor, MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(raw) > MOST_BYTES:
        raise _stop(shown, f"is larger than {MOST_BYTES // 1024} KiB", "A site or project file is a few KiB.")
    return raw


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a value that was read if it is a mapping, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _events(text: str) -> Iterator[Any]:
    return cast(Any, yaml).parse(text, Loader=yaml.CSafeLoader)


def parse(text: str, shown: str) -> Document:
    """Return the content of YAML text.

    Raises:
        Unreadable: the text is not YAML of the subset; all duplicate keys, tags and the like are told at once.
    """
    builder = _Builder(shown)
    try:
        for event in _events(text):
            builder.feed(event)
    except Unreadable as stop:
        raise Unreadable([*builder.findings, *stop.findings]) from None
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        what = f"is not valid YAML here: {error.problem or error.context}"
        remedy = "Check the indentation, colons and quotes on this line and above."
        raise _stop(shown, what, remedy, mark.line + 1 if mark else 0) from None
    except (yaml.YAMLError, ValueError):
        raise _stop(
            shown, "holds characters that text may not hold", "Save the file as plain text."
        ) from None
    return builder.document()


@dataclass
class _Frame:
    """A mapping or list being filled. `key` is the mapping's key that waits for its value."""

    steps: Steps
    items: dict[str, Any] | list[Any]
    key: str | None = None


@dataclass
class _Builder:
    shown: str
    frames: list[_Frame] = field(default_factory=list[_Frame])
    lines: dict[Steps, int] = field(default_factory=dict[Steps, int])
    findings: list[Finding] = field(default_factory=list[Finding])
    data: Any = None
    documents: int = 0

    def document(self) -> Document:
        if self.data is None and not self.findings:
            self.findings.append(Finding(self.shown, 0, "", "is empty", "Write the configuration into it."))
        if self.findings:
            raise Unreadable(self.findings)
        return Document(self.shown, self.data, self.lines)

    def feed(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._check(event, line)
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._check(event, line)
            self._open({} if isinstance(event, yaml.MappingStartEvent) else [], line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._note(line, "uses an alias", "Write the value out where it is used.")
            self._place(None, line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._begin(line)

    def _begin(self, line: int) -> None:
        self.documents += 1
        if self.documents > 1:
            what = "a second document begins here"
            raise _stop(self.shown, what, 'Keep one site or project per file, and remove the "---".', line)

    def _check(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            self._note(
                line, f'defines the anchor "{clip(event.anchor)}"', "Write values out where they are used."
            )
        if event.tag is not None:
            self._note(line, f'uses the tag "{clip(event.tag)}"', "Write the value without a tag.")

    def _note(self, line: int, what: str, remedy: str) -> None:
        self.findings.append(Finding(self.shown, line, dotted(self._steps()), what, remedy))

    def _steps(self) -> Steps:
        if not self.frames:
            return ()
        frame = self.frames[-1]
        if isinstance(frame.items, list):
            return (*frame.steps, len(frame.items))
        return (*frame.steps, frame.key) if frame.key is not None else frame.steps

    def _open(self, items: dict[str, Any] | list[Any], line: int) -> None:
        if len(self.frames) >= MOST_DEPTH:
            raise _stop(
                self.shown, f"nests more than {MOST_DEPTH} levels deep", "Remove the needless levels.", line
            )
        if self._wants_key():
            what = "a key is a list or a mapping"
            raise _stop(self.shown, what, "Use text as a key.", line, dotted(self._steps()))
        self.lines.setdefault(self._steps(), line)
        self.frames.append(_Frame(self._steps(), items))

    def _wants_key(self) -> bool:
        return bool(self.frames) and isinstance(self.frames[-1].items, dict) and self.frames[-1].key is None

    def _close(self) -> None:
        items = self.frames.pop().items
        # Strict models take tuples only, as nothing that is read may change later.
        self._place(tuple(items) if isinstance(items, list) else items, 0)

    def _scalar(self, event: Any, line: int) -> None:
        if self._wants_key():
            self._take_key(event.value, line)
        else:
            self._place(self._value(event, line), line)

    def _take_key(self, key: str, line: int) -> None:
        frame = self.frames[-1]
        frame.key = key
        steps = (*frame.steps, key)
        if key in frame.items:
            what = f"is written twice; the first is on line {self.lines[steps]}"
            self._note(line, what, "Keep one of the two.")
        self.lines.setdefault(steps, line)

    def _place(self, value: Any, line: int) -> None:
        if not self.frames:
            self.data = value
            return
        if line:
            self.lines.setdefault(self._steps(), line)
        frame = self.frames[-1]
        if isinstance(frame.items, list):
            frame.items.append(value)
        elif frame.key is None:
            raise _stop(self.shown, "uses an alias as a key", "Write the key out.", line)
        else:
            frame.items[frame.key] = value
            frame.key = None

    def _value(self, event: Any, line: int) -> Any:
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        date = _DATE.fullmatch(text)
        return self._date(date[1], line) if date else text

    def _date(self, text: str, line: int) -> datetime.date | None:
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            self._note(line, f"{text} is not a day that exists", "Write a date as year-month-day.")
            return None
