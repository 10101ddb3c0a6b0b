"""What went wrong in a run of the engine, said so that a person can act on it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tre import paths
from tre.engine.events import Complaint, Watcher, place
from tre.errors import Problem

LOCKED: Final = "currently locked by"
"""What the engine says of a stack that another engine works on."""
CAUSES: Final[Sequence[tuple[str, str]]] = (
    (r"\(code: -9\)", "somebody or something killed the engine, perhaps because memory ran out"),
    (LOCKED, "another deployment of this stack is running, or one was killed"),
    (
        r"conflict.*field manager|field manager.*conflict",
        "something else manages the same field of this object",
    ),
    (
        r"forbidden|access ?denied|unauthorized|authorizationfailed|not authorized",
        "the credentials in use may not do this",
    ),
    (
        r"connection refused|no such host|i/o timeout|connect: |unreachable|server is not responding",
        "the target cannot be reached from here",
    ),
    (
        r"transport is closing|error reading from server|code = unavailable",
        "the resource plugin ended half-way",
    ),
    (r"no resource plugin|could not load plugin|plugin.*not found", "a resource plugin is not installed"),
    (r"no space left", "a disk is full"),
    (r"incorrect passphrase|decrypt", "the stack's secrets were encrypted with another passphrase"),
    (r"already exists|alreadyownedbyyou", "something of this name is there already, made by somebody else"),
    (r"quota|limitexceeded|exceeded", "a quota or a limit of the target is used up"),
    (r"timed? ?out|deadline", "something took longer than it should have"),
    (r"admission|denied the request|violates", "a policy of the target refuses this object"),
    (r"cannot be deleted|protect", "the resource holds data and is protected"),
)
"""Words that substrates use, and what they commonly mean. The first that matches is told."""

_NOISE: Final = re.compile(
    r"^(update|preview|destroy|refresh) failed$|^one or more errors|^an unhandled error occurred",
    re.IGNORECASE,
)
"""What the engine says on top of the error itself."""
_TRACE: Final = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Failure:
    """One failed run: of which stack, in which component, at which resource, and what the substrate said."""

    stack: str
    component: str
    resource: str
    words: str
    cause: str
    resume: str

    def document(self) -> dict[str, Any]:
        """Return the failure as JSON-ready fields."""
        return dict(vars(self))

    def problem(self) -> Problem:
        """Return the failure as a problem: where, what, and what to do."""
        where = " ".join(part for part in (self.stack, self.component, self.resource) if part)
        cause = f"Likely cause: {self.cause}. " if self.cause else ""
        return Problem(where, self.words, f"{cause}{self.resume}")


def gathered(found: Iterable[Failure]) -> list[Problem]:
    """Return failures as problems, those that say the same as one: the first, and how many more there are."""
    alike: dict[tuple[str, str], list[Failure]] = {}
    for each in found:
        alike.setdefault((each.stack, each.words), []).append(each)
    return [_together(some) for some in alike.values()]


def _together(some: Sequence[Failure]) -> Problem:
    first = some[0].problem()
    more = f" (and {len(some) - 1} more resources)" if len(some) > 1 else ""
    return Problem(first.where + more, first.what, first.remedy)


def failures(stack: str, watcher: Watcher, error: Exception, resume: str) -> list[Failure]:
    """Return what failed in a run, one entry per complaint; the engine's own error where nobody complained."""
    errors = [each for each in watcher.complaints if each.severity == "error"]
    told = list(dict.fromkeys(each for each in errors if not _NOISE.match(each.words)))
    if not told:
        told = [Complaint(next(iter(watcher.failed), ""), "error", engine_words(error))]
    return [_failure(stack, each, resume) for each in told]


def _failure(stack: str, told: Complaint, resume: str) -> Failure:
    at = place(told.urn)
    resource = f"{at.type} {at.name}" if at.type and at.component else ""
    words = concise(told.words)
    return Failure(stack, at.component, resource, words, likely_cause(words), resume)


def likely_cause(words: str) -> str:
    """Return what an error commonly means, or nothing where it is not known."""
    return next((cause for pattern, cause in CAUSES if re.search(pattern, words, re.IGNORECASE)), "")


def concise(words: str) -> str:
    """Return an error without a traceback: the sentence before it and the line that ends it."""
    if _TRACE not in words:
        return words.strip()
    before, _, after = words.partition(_TRACE)
    last = next((line for line in reversed(after.splitlines()) if line.strip()), "")
    lead = before.strip().rpartition("\n")[2]
    return " ".join(part for part in (lead, last.strip()) if part)


def engine_words(error: Exception) -> str:
    """Return the engine's own sentence out of what its command line printed."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line.split("error: ", 1)[1] for line in lines if "error: " in line]
    if said:
        return said[-1]
    code = next((line for line in lines if line.startswith("code: ")), "")
    return f"the engine ended without a word ({code or error.__class__.__name__})"


def save(site_folder: Path, found: Sequence[Failure], error: Exception, watcher: Watcher) -> Path:
    """Write a failure report, with everything that was said, to a private file and return its place."""
    folder = paths.private_folder(site_folder / "failures")
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%f")
    file = folder / f"{found[0].stack}-{moment}.txt"
    parts = [str(each.problem()) for each in found]
    parts += [f"[{each.severity}] {each.urn}\n{each.words}" for each in watcher.complaints]
    paths.write_private(file, "\n\n".join([*parts, str(error)]) + "\n")
    return file
