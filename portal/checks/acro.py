"""ACRO's `results.json`: what its author's own disclosure checks said of each output.

That is the asking person's run of the checks, never a decision. Text that they wrote themselves (exceptions,
comments) is shown in the preview to those who may read, and only counted here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from portal.checks import rows
from portal.checks.subject import Said, Subject
from portal.checks.verdict import Outcome
from portal.checks.window import Unreadable

VERSION: Final = "1"
NAME: Final = "results.json"
_MOST_OUTPUTS: Final = 1000
_STATUSES: Final = ("pass", "review", "fail")
_RULE: Final = re.compile(r"[a-z][a-z0-9 _-]{0,39}", re.IGNORECASE)
_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+-]{0,30}")


@dataclass(frozen=True)
class Output:
    """One output in the results. `rules` counts the cells that each rule of ACRO found; texts are the author's."""

    uid: str
    status: Literal["pass", "review", "fail"]
    kind: str
    files: tuple[str, ...]
    rules: Mapping[str, int]
    suppressed: bool
    summary: str
    exception: str
    comments: tuple[str, ...]


def is_results(subject: Subject) -> bool:
    """Tell whether a file is named as ACRO names its results."""
    return subject.path.rpartition("/")[2].lower() == NAME


def outputs(subject: Subject) -> tuple[str, list[Output]]:
    """Return the version of ACRO that wrote the results, and the outputs in them.

    Raises:
        Unreadable: the file is not such a document.
    """
    thing = rows.loaded(subject)
    document = _mapping(thing)
    found = _mapping(document.get("results"))
    version = document.get("version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise Unreadable("it says no version of ACRO")
    if len(found) > _MOST_OUTPUTS:
        raise Unreadable("it has more outputs than can be looked at")
    return version, [_output(key, _mapping(each)) for key, each in found.items()]


def _mapping(thing: object) -> dict[str, Any]:
    if not isinstance(thing, dict):
        raise Unreadable("it is not a document as ACRO writes them")
    return cast("dict[str, Any]", thing)


def _list(thing: object) -> list[Any]:
    if not isinstance(thing, list):
        raise Unreadable("it is not a document as ACRO writes them")
    return cast("list[Any]", thing)


def _output(key: str, output: dict[str, Any]) -> Output:
    status = output.get("status")
    if status not in _STATUSES:
        raise Unreadable("an output in it has no status that ACRO knows")
    files = [_mapping(each) for each in _list(output.get("files", []))]
    sdc = [_mapping(_mapping(each.get("sdc") or {}).get("summary") or {}) for each in files]
    return Output(
        uid=key,
        status=status,
        kind=_word(output.get("type")),
        files=tuple(str(each.get("name", "")) for each in files),
        rules=_rules(sdc),
        suppressed=any(each.get("suppressed") is True for each in sdc),
        summary=str(output.get("summary") or ""),
        exception=str(output.get("exception") or ""),
        comments=tuple(map(str, _list(output.get("comments") or []))),
    )


def _word(thing: object) -> str:
    return thing if isinstance(thing, str) and _RULE.fullmatch(thing) else "unnamed"


def _rules(summaries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for summary in summaries:
        for rule, cells in summary.items():
            if isinstance(cells, int) and not isinstance(cells, bool) and cells > 0 and _RULE.fullmatch(rule):
                counted[rule] = counted.get(rule, 0) + cells
    return counted


def judge(subject: Subject, siblings: Mapping[str, str]) -> Iterator[tuple[str, Said]]:
    """Give verdicts on the results and on every file that they name, each with the file's id ("" for the results).

    Args:
        subject: the `results.json`.
        siblings: ids of the request's files by their path.
    """
    try:
        version, found = outputs(subject)
    except Unreadable as unreadable:
        yield "", Said("acro", VERSION, Outcome.UNREADABLE, str(unreadable))
        return
    folder = subject.path[: -len(NAME)]
    missing = 0
    for place, output in enumerate(found, 1):
        for name in output.files:
            file_id = siblings.get(folder + name.strip().removeprefix("./"))
            missing += file_id is None
            if file_id is not None:
                yield file_id, _of_file(output, place, version)
    named = {folder + name.strip().removeprefix("./") for output in found for name in output.files}
    yield "", _overall(found, version, missing, _unnamed(folder, named, siblings))


def _unnamed(folder: str, named: set[str], siblings: Mapping[str, str]) -> int:
    """Return how many files lie beside the results without being named in them."""
    own = {folder + NAME, folder + "config.json", folder + "evidence.json"}
    beside = {p for p in siblings if p.startswith(folder) and not p.startswith(f"{folder}checksums/")}
    return len(beside - named - own)


def _of_file(output: Output, place: int, version: str) -> Said:
    rules = ", ".join(f"{rule}: {cells} cells" for rule, cells in sorted(output.rules.items()))
    summary = f"ACRO says {output.status}" + (f" ({rules})" if rules else "")
    if output.exception:
        summary += "; an exception is asked for"
    detail = {
        "acro": version,
        "output": place,
        "type": output.kind,
        "status": output.status,
        "rules": dict(output.rules),
        "suppressed": output.suppressed,
        "exception": bool(output.exception),
    }
    return Said(
        "acro", VERSION, Outcome.CLEAN if output.status == "pass" else Outcome.WARNING, summary, detail
    )


def _overall(found: Sequence[Output], version: str, missing: int, unnamed: int) -> Said:
    counts = {status: sum(output.status == status for output in found) for status in _STATUSES}
    parts = [f"{count} {status}" for status, count in counts.items() if count]
    if missing:
        parts.append(f"{missing} named files are not in the request")
    if unnamed:
        parts.append(f"{unnamed} files beside it were never checked by ACRO")
    clean = counts["pass"] == len(found) and not missing and not unnamed
    detail = {
        "acro": version,
        "outputs": [
            {
                "output": place,
                "type": o.kind,
                "status": o.status,
                "rules": dict(o.rules),
                "exception": bool(o.exception),
            }
            for place, o in enumerate(found, 1)
        ],
        "missing": missing,
        "unnamed": unnamed,
    }
    summary = f"ACRO {version}: " + (", ".join(parts) or "no outputs")
    return Said("acro", VERSION, Outcome.CLEAN if clean else Outcome.WARNING, summary, detail)
