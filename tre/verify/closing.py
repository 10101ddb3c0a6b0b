"""Closes a project: archives its record, destroys its key and its data, looks for what is left, and certifies.

Every step may be taken again: what a project held is written down before anything is destroyed, so a closing that
was cut short is taken up with nothing lost from the certificate.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tre import audit, paths
from tre.engine.settings import site_folder
from tre.errors import Problem, Refused
from tre.verify import certificate, memory
from tre.verify.certificate import Approval, Certificate, Held, Seen

if TYPE_CHECKING:
    from components.backend import Live, Scope
    from tre.model.load import LoadedSite

HELD: Final = "held.json"
CERTIFICATE: Final = "certificate.json"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Closing:
    """One project on its way out. `archive` is the private folder that its record goes into."""

    loaded: LoadedSite
    project: str
    scope: Scope
    live: Live
    archive: Path
    held: Held

    @property
    def site(self) -> str:
        """The site's name."""
        return self.loaded.site.name


@dataclass(frozen=True)
class Closed:
    """A closed project: its certificate, where that is, and the SHA-256 of the file."""

    certificate: Certificate
    file: Path
    sha256: str


def prepare(loaded: LoadedSite, project: str, scope: Scope, live: Live) -> Closing:
    """Read what a project holds and return its closing, begun or taken up again. Destroys nothing.

    Raises:
        Refused: there is nothing to close.
        TreError: the target cannot be reached.
    """
    archive = _archive(loaded.site.name, project)
    earlier = _earlier(archive)
    found = certificate.held_of(live.holdings(scope))
    held = earlier.joined(found) if earlier else found
    if held.empty and not live.remains(scope):
        what = "holds nothing on its target, so there is nothing to close"
        raise Refused(Problem(f"project {project}", what, "Remove its file if the project is over."))
    return Closing(loaded, project, scope, live, archive, held)


def _archive(site: str, project: str) -> Path:
    """Return the folder of a closing that was cut short, else a new one: a name may be used again."""
    closed = paths.private_folder(site_folder(site) / "closed")
    number = 1
    while (closed / f"{project}.{number}" / CERTIFICATE).exists():
        number += 1
    return closed / f"{project}.{number}"


def _earlier(archive: Path) -> Held | None:
    file = archive / HELD
    return Held.model_validate_json(file.read_bytes()) if file.is_file() else None


def close(closing: Closing, destroy: Callable[[], None], say: Say) -> Closed:
    """Archive, destroy, look, certify. `destroy` takes the project's stack down with all that it held.

    Raises:
        Refused: something of the project is left, so there is no certificate.
        TreError: the target or the engine failed; closing it again goes on from there.
    """
    _keep(closing)
    begun = _recorded(closing, {"result": "begun", "manifest": closing.held.manifest})
    try:
        closing.live.stop(closing.scope, say)
        destroy()
        removed = tuple(closing.live.erase(closing.scope, say))
        left = tuple(closing.live.remains(closing.scope))
    except BaseException:
        _recorded(closing, {"result": "failed"})
        raise
    if left:
        _recorded(closing, {"result": "incomplete", "left": list(left)})
        raise _left(closing, left)
    return _certified(closing, begun, removed)


def _keep(closing: Closing) -> None:
    """Put the project's record into its archive: what it held, its file, its last judgements, its audit entries."""
    folder = paths.private_folder(closing.archive)
    paths.write_private(folder / HELD, closing.held.model_dump_json(indent=2) + "\n")
    stack = f"{closing.site}-{closing.project}"
    paths.write_private(folder / "project.yaml", closing.loaded.files[stack].read_text())
    if found := memory.recall(closing.site, closing.project):
        kept = memory.Remembered(promises={name: dict(each) for name, each in found.items()})
        paths.write_private(folder / "verified.json", kept.model_dump_json(indent=1) + "\n")
    lines = [json.dumps(each, sort_keys=True) for each in _entries(closing, stack)]
    paths.write_private(folder / "audit.jsonl", "".join(f"{line}\n" for line in lines))


def _entries(closing: Closing, stack: str) -> list[dict[str, Any]]:
    def concerns(detail: dict[str, Any]) -> bool:
        return detail.get("project") == closing.project or stack in detail.get("stacks", ())

    return [each for each in audit.entries(closing.site) if concerns(each.get("detail", {}))]


def _recorded(closing: Closing, detail: dict[str, Any]) -> str:
    reference = closing.loaded.projects[closing.project].approval.reference
    return audit.append(closing.site, "close", {"project": closing.project, "approval": reference, **detail})


def _left(closing: Closing, left: tuple[str, ...]) -> Refused:
    remedy = f"Remove it, then close the project again: tre project close {closing.site} {closing.project}"
    problems = [Problem(f"project {closing.project}", f"{each} is still there", remedy) for each in left]
    return Refused(*problems, summary="The project is not closed, and no certificate was written.")


def _certified(closing: Closing, begun: str, removed: tuple[str, ...]) -> Closed:
    made = _certificate(closing, begun, removed)
    file = closing.archive / CERTIFICATE
    text, sha256 = certificate.text_of(made)
    # The log first: cut short between the two, the closing still counts as unfinished and is taken up again.
    _recorded(closing, {"result": "done", "certificate": sha256})
    paths.write_private(file, text)
    memory.forget(closing.site, closing.project)
    return Closed(made, file, sha256)


def _certificate(closing: Closing, begun: str, removed: tuple[str, ...]) -> Certificate:
    project = closing.loaded.projects[closing.project]
    first = next(each for each in reversed(audit.entries(closing.site)) if each.get("hash") == begun)
    now = datetime.datetime.now(datetime.UTC)
    return Certificate(
        version=certificate.VERSION,
        kind="deletion-certificate",
        site=closing.site,
        project=closing.project,
        title=project.title,
        approval=Approval(reference=project.approval.reference, expires=project.approval.expires),
        who=str(first["who"]),
        host=str(first["host"]),
        begun=datetime.datetime.fromisoformat(str(first["when"])),
        ended=now,
        method=certificate.method_of(closing.held),
        data_sets_named=tuple(each.name for each in project.data_sets),
        held=closing.held,
        removed=removed,
        seen=Seen(when=now, gone=_gone(closing), remains=()),
        limits=certificate.limits_of(closing.held),
        audit=audit.verify(closing.site).head,
    )


def _gone(closing: Closing) -> tuple[str, ...]:
    keys = sorted({f"key {each.key}" for each in closing.held.volumes if each.key})
    return (*keys, *(f"volume {each.name} ({each.area})" for each in closing.held.volumes))
