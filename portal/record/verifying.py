"""Proves an exported record, anywhere and years later: standard library and `cryptography` alone, no database.

What is proved: no byte of the file changed since it was written; the chain is gapless and every event is the one that
was hashed into it; every record is signed by a known key, holds together in itself, and is named in the chain, as is
every receipt; every release was approved by enough people, none of them the requester. Given a head that was written
down before, also that nothing up to it was taken away or written anew; given the keys, that nobody else signed.

An export of one project withholds the events of others. That none of its own is among those, the whole export shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from portal.record import forms, releases
from portal.record.releases import Wrong

Document = Mapping[str, Any]

_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "header": frozenset({"kind", "form", "project", "head"}),
    "key": frozenset({"kind", "key_id", "public", "at"}),
    "record": frozenset({"kind", "request_id", "body", "signature", "key_id", "at"}),
    "receipt": frozenset(
        {"kind", "id", "request_id", "file_id", "path", "sha256", "person", "person_name", "at"}
    ),
    "event": frozenset({"kind", "seq", "body", "previous", "hash"}),
    "withheld": frozenset({"kind", "seq", "body_sha256", "previous", "hash"}),
    "end": frozenset({"kind", "lines", "sha256"}),
}
_ORDER: Final = {"header": 0, "key": 1, "record": 2, "receipt": 2, "event": 3, "withheld": 3, "end": 4}
MOST_PROBLEMS: Final = 1000
"""How many are told; one fault can make every line after it wrong."""


@dataclass(frozen=True)
class Problem:
    """What is wrong, and in which line of the export (from 1; 0: in the export as a whole)."""

    line: int
    what: str


@dataclass(frozen=True)
class Report:
    """What was found. `head` is the hash of the chain's end: write it down, and expect it the next time."""

    problems: tuple[Problem, ...]
    project: str | None
    lines: int
    events: int
    withheld: int
    records: int
    receipts: int
    head: str
    keys: tuple[str, ...]
    """The ids of the keys that signed the records."""

    @property
    def good(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems


def verify(lines: Iterable[bytes], head: str | None = None, keys: Collection[str] = ()) -> Report:
    """Read an export once, line by line, and return everything that is wrong with it.

    Args:
        lines: the lines with their ends, as a file opened in binary mode gives them.
        head: the hash of an event that the chain must hold, written down before and elsewhere.
        keys: the ids of the keys that may have signed; none given: any key that the export holds.
    """
    reading = _Reading(head, frozenset(keys))
    for number, line in enumerate(lines, 1):
        reading.take(number, line)
    return reading.report()


@dataclass
class _Reading:
    """How far an export was read. What it holds grows with the records and receipts, never with the events."""

    expected: str | None
    trusted: frozenset[str]
    problems: list[Problem] = field(default_factory=list[Problem])
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_FIELDS, 0))
    running: Any = field(default_factory=hashlib.sha256)
    number: int = 0
    rank: int = -1
    project: str | None = None
    told_head: Any = None
    seq: int = 0
    hash: str = forms.START
    met: bool = False
    public: dict[str, str] = field(default_factory=dict[str, str])
    signed: set[str] = field(default_factory=set[str])
    sealed: dict[str, int] = field(default_factory=dict[str, int])
    """The lines that an event must name: hash of the line, and its number."""
    anchors: dict[int, list[tuple[str, int]]] = field(default_factory=dict[int, list[tuple[str, int]]])
    """The hashes that records say certain events have."""
    files: releases.Files | None = None
    doubtful: bool = False
    """Whether the last record is wrong."""

    def take(self, number: int, line: bytes) -> None:
        """Judge one line. One that cannot be read is told of, and what follows is still judged."""
        self.number = number
        try:
            if self.rank == _ORDER["end"]:
                raise Wrong("stands after the end")
            document = _read(line)
            self._in_order(document)
            self.counts[document["kind"]] += 1
            _JUDGES[document["kind"]](self, document)
        except Wrong as wrong:
            self._problem(str(wrong))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            self._problem("has not the form that it should have")
        self.running.update(line)

    def report(self) -> Report:
        """Return what was found, once every line was taken."""
        taken, self.number = self.number, 0
        self._whole()
        for digest, line in self.sealed.items():
            self._problem(f"no event names it ({digest[:16]})", line)
        for found in self.anchors.values():
            for _, line in found:
                self._problem("the event that the record refers to is missing", line)
        counts = self.counts
        return Report(
            problems=tuple(sorted(self.problems, key=lambda problem: problem.line)),
            project=self.project,
            lines=taken,
            events=counts["event"],
            withheld=counts["withheld"],
            records=counts["record"],
            receipts=counts["receipt"],
            head=self.hash,
            keys=tuple(sorted(self.signed)),
        )

    def _whole(self) -> None:
        if self.rank != _ORDER["end"]:
            self._problem("the export has no end: it was cut off")
        if self.told_head != {"seq": self.seq, "hash": self.hash}:
            self._problem("the chain does not end where the header says")
        if self.expected is not None and not (self.met or self.expected == forms.START):
            self._problem("the chain does not hold the expected head: events were taken away or written anew")

    def _problem(self, what: str, line: int | None = None) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(self.number if line is None else line, what))

    def _in_order(self, document: Document) -> None:
        rank = _ORDER[document["kind"]]
        first, self_first = self.rank == -1, document["kind"] == "header"
        if first is not self_first or rank < self.rank:
            self.rank = max(rank, self.rank)
            raise Wrong(f"a line of kind {document['kind']} does not belong here")
        self.rank = rank

    def header(self, document: Document) -> None:
        """Take down what the export says of itself."""
        if document["form"] != forms.EXPORT:
            raise Wrong(f"is of another form than {forms.EXPORT}")
        self.project, self.told_head = document["project"], document["head"]

    def key(self, document: Document) -> None:
        """A key's id is the hash of the key, and the chain names when it came."""
        raw = bytes.fromhex(document["public"])
        if hashlib.sha256(raw).hexdigest() != document["key_id"]:
            raise Wrong("the key's id is not its hash")
        if document["key_id"] in self.public:
            raise Wrong("stands in the export twice")
        self.public[document["key_id"]] = document["public"]
        if self.project is None:  # no project's event tells of the site's keys
            self._seal(document)

    def record(self, document: Document) -> None:
        """A record is signed by a trusted key and holds together in itself."""
        self.doubtful = True
        self._seal(document)
        key_id = document["key_id"]
        self.signed.add(key_id)
        if self.trusted and key_id not in self.trusted:
            raise Wrong("is signed by another key than expected")
        if key_id not in self.public:
            raise Wrong("is signed by a key that the export does not hold")
        releases.signed(self.public[key_id], document["body"], document["signature"])
        body = _inner(document["body"], "the record")
        if self.project not in (None, body["project"]["name"]):
            raise Wrong("is of another project")
        self._anchor(body["chain"])
        self.files = releases.judged(document["request_id"], body)
        self.doubtful = False

    def receipt(self, document: Document) -> None:
        """A receipt is for a file of the record before it; where that one is wrong, nothing more can be said."""
        self._seal(document)
        if self.doubtful:
            return
        if self.files is None or not self.files.holds(document):
            raise Wrong("the record before holds no such file")

    def event(self, document: Document) -> None:
        """An event's hash is over its body and the hash before."""
        body = document["body"]
        true = forms.linked(document["previous"], body)
        self._link(document)
        if true != document["hash"]:
            raise Wrong("the event was changed: its hash is another")
        inner = _inner(body, "the event")
        if (inner["form"], inner["seq"]) != (forms.EVENT, document["seq"]):
            raise Wrong("the event says another number or form")
        if self.project not in (None, inner["project"]):
            raise Wrong("is of another project")
        self._unseal(inner["detail"])

    def withheld(self, document: Document) -> None:
        """Of another project's event the hash of its body alone is known."""
        self._link(document)
        if forms.joined(document["previous"], document["body_sha256"]) != document["hash"]:
            raise Wrong("the event was changed: its hash is another")
        if self.project is None:
            raise Wrong("an export of the whole site withholds nothing")

    def end(self, document: Document) -> None:
        """The end counts and hashes every line before it."""
        if document["lines"] != self.number - 1:
            raise Wrong(f"the export had {document['lines']} lines, not {self.number - 1}")
        if document["sha256"] != self.running.hexdigest():
            raise Wrong("a line before was changed since the export was made")

    def _link(self, document: Document) -> None:
        seq, previous = self.seq, self.hash
        self.seq, self.hash = document["seq"], document["hash"]
        self.met = self.met or self.hash == self.expected
        for claimed, line in self.anchors.pop(self.seq, []):
            if claimed != self.hash:
                self._problem("the record refers to an event that was another", line)
        if self.seq != seq + 1:
            raise Wrong(f"event {self.seq} follows event {seq}: some are missing, doubled or moved")
        if document["previous"] != previous:
            raise Wrong("does not follow the event before: one of the two was changed")

    def _anchor(self, chain: Document) -> None:
        if (chain["seq"], chain["hash"]) != (0, forms.START):
            self.anchors.setdefault(chain["seq"], []).append((chain["hash"], self.number))

    def _seal(self, document: Document) -> None:
        digest = forms.digest(document)
        if digest in self.sealed:
            raise Wrong("stands in the export twice")
        self.sealed[digest] = self.number

    def _unseal(self, detail: Document) -> None:
        digest = detail.get(forms.SEALS)
        if digest is None:
            return
        if self.sealed.pop(digest, None) is None:
            raise Wrong("the key, record or receipt that the event names is missing or was changed")


_JUDGES: Final = {
    "header": _Reading.header,
    "key": _Reading.key,
    "record": _Reading.record,
    "receipt": _Reading.receipt,
    "event": _Reading.event,
    "withheld": _Reading.withheld,
    "end": _Reading.end,
}


def _read(line: bytes) -> dict[str, Any]:
    """Return a line's document; every byte of it must be as the export writes it."""
    if not line.endswith(b"\n"):
        raise Wrong("has no line end: the export was cut off")
    try:
        text = line[:-1].decode()
    except UnicodeDecodeError:
        raise Wrong("is not UTF-8") from None
    document = _inner(text, "the line")
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise Wrong("is of no kind that a record has")
    if frozenset(document) != _FIELDS[kind]:
        raise Wrong(f"has other fields than a line of kind {kind}")
    return document


def _inner(text: str, what: str) -> dict[str, Any]:
    try:
        document: object = json.loads(text)
        same = isinstance(document, dict) and forms.canonical(cast("dict[str, Any]", document)) == text
    except (ValueError, RecursionError):
        raise Wrong(f"{what} is not JSON") from None
    if not same:
        raise Wrong(f"{what} is not written as the airlock writes it")
    return cast("dict[str, Any]", document)
