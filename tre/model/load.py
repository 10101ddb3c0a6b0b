"""Loading a site and its projects: every problem of every file at once, at its line, or a site that is sound."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from pydantic import ValidationError

from components.model import Model
from tre.errors import InvalidInput, Problem
from tre.model import checks, translate
from tre.model.findings import Finding, Steps, alternatives, clip, did_you_mean
from tre.model.people import Day
from tre.model.placed import Placed
from tre.model.project import Project
from tre.model.reading import Document, Unreadable, content, mapping, parse, read
from tre.model.site import Site
from tre.model.words import NAME_PATTERN

SITE_KEY: Final = "tre:site"
PROJECT_KEY: Final = "tre:project"
PULUMI_KEYS: Final = ("encryptionsalt", "secretsprovider", "encryptedkey", "environment")
"""What Pulumi itself writes into a stack's file."""

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(frozen=True)
class LoadedSite:
    """A sound site. `projects` is sorted by name; `files` maps each stack's name to its file."""

    site: Site
    projects: Mapping[str, Project]
    files: Mapping[str, Path]
    warnings: tuple[Problem, ...] = ()


@dataclass
class _Reading:
    """What a pass over the files has found so far."""

    drafts: Mapping[Path, str]
    """Files that are not written yet, which are judged as if they were."""
    findings: list[Finding] = field(default_factory=list[Finding])
    sites: dict[str, Placed[Site]] = field(default_factory=dict[str, Placed[Site]])
    projects: list[Placed[Project]] = field(default_factory=list[Placed[Project]])
    broken: set[str] = field(default_factory=set[str])
    """Sites whose own file is there and wrong, so that no project is blamed for it."""


def load_site(
    folder: Path,
    site: str,
    *,
    today: datetime.date | None = None,
    allow_expired: bool = False,
    drafts: Mapping[Path, str] = MappingProxyType({}),
) -> LoadedSite:
    """Return a site and its projects from `Pulumi.<site>.yaml` and `Pulumi.<site>-<project>.yaml`.

    `allow_expired` turns ended approvals and access into warnings, for commands that take things down. `drafts`
    are files of the folder that are not written yet, judged as if they were.

    Raises:
        InvalidInput: anything in any of the files is wrong; it holds every problem, by file and line.
    """
    if not 2 <= len(site) <= 16 or not re.fullmatch(NAME_PATTERN, site):
        raise InvalidInput(
            Problem(f'site "{clip(site)}"', "is no site's name", "Use 2 to 16 of a-z, 0-9, hyphen.")
        )
    if not drafts:
        _check_folder(folder)
    reading = _Reading(drafts)
    _read_all(reading, _files_of(folder, site, drafts), site)
    loaded = _finish(reading, today or datetime.date.today(), allow_expired, only=site)
    return loaded[site]


def load_all(
    folder: Path, *, today: datetime.date | None = None, allow_expired: bool = False
) -> Mapping[str, LoadedSite]:
    """Return every site in a folder by name.

    Raises:
        InvalidInput: anything in any of the files is wrong, or there is no site at all.
    """
    _check_folder(folder)
    reading = _Reading({})
    _read_all(reading, sorted(folder.glob("Pulumi.*.y*ml")), None)
    if not reading.sites and not reading.findings:
        raise InvalidInput(Problem(shown(folder), "holds no site", "Write one with: tre init NAME"))
    return _finish(reading, today or datetime.date.today(), allow_expired)


def site_names(folder: Path) -> list[str]:
    """Return the names of the sites that a folder seems to hold, by a look at its files."""
    return sorted(_stack(each) for each in folder.glob("Pulumi.*.yaml") if _mentions_site(each))


def _mentions_site(file: Path) -> bool:
    try:
        return bool(re.search(rb"^ +['\"]?tre:site['\"]?:", content(file, ""), re.MULTILINE))
    except (OSError, Unreadable):
        return False


def shown(path: Path) -> str:
    """Return how messages call a file: below the working folder by its relative path."""
    try:
        return str(path.absolute().relative_to(Path.cwd())) or "."
    except ValueError:
        return str(path)


def _check_folder(folder: Path) -> None:
    try:
        there, fits = folder.exists(), folder.is_dir()
    except OSError:  # Such as a name that is too long.
        there = fits = False
    if not fits:
        what = "is not a folder" if there else "there is no such folder"
        raise InvalidInput(
            Problem(clip(shown(folder), 200), what, "Name the folder that holds the sites' files.")
        )


def _files_of(folder: Path, site: str, drafts: Mapping[Path, str]) -> list[Path]:
    own = folder / f"Pulumi.{site}.yaml"
    if own not in drafts and not own.exists() and not own.is_symlink():
        known = site_names(folder)
        remedy = f"Sites here: {alternatives(known)}." if known else f"Write one with: tre init {site}"
        raise InvalidInput(Problem(shown(own), f"there is no such site.{did_you_mean(site, known)}", remedy))
    return sorted({own, *drafts, *folder.glob(f"Pulumi.{site}-*.y*ml")})


def _read_all(reading: _Reading, files: Iterable[Path], only: str | None) -> None:
    for file in files:
        try:
            _read_one(reading, file, only)
        except Unreadable as unreadable:
            reading.findings += unreadable.findings
            reading.broken.add(_stack(file))


def _stack(file: Path) -> str:
    return file.name.removeprefix("Pulumi.").rpartition(".")[0]


def _read_one(reading: _Reading, file: Path, only: str | None) -> None:
    """Take in one file. With `only`, files of other sites are left alone."""
    if not file.name.endswith(".yaml"):
        what, remedy = "is not read: its name does not end in .yaml", f"Rename it to {file.stem}.yaml."
        reading.findings.append(Finding(shown(file), 0, "", what, remedy))
        return
    document = parse(reading.drafts[file], shown(file)) if file in reading.drafts else read(file, shown(file))
    stack = _stack(file)
    # A site's stack on a further target is called `<site>.<target>`; Pulumi keeps its salt in a file of its own.
    if "." in stack and set(mapping(document.data)) <= set(PULUMI_KEYS):
        return
    kind = _kind(document)
    if only and kind == SITE_KEY and stack != only:
        return
    section = document.data["config"][kind]
    if only and kind == PROJECT_KEY and _other_site(section, stack, only):
        return
    reading.findings += _stray_keys(document, kind)
    reading.findings += checks.placeholders(document)
    _take(reading, file, document, kind)


def _other_site(section: object, stack: str, only: str) -> bool:
    """Tell whether a project's file belongs to another site, whose name begins like this one's."""
    site = mapping(section).get("site")
    return isinstance(site, str) and site != only and stack.startswith(f"{site}-")


def _kind(document: Document) -> str:
    """Return which of the two keys a file holds.

    Raises:
        Unreadable: neither or both.
    """
    config = mapping(mapping(document.data).get("config"))
    kinds = [each for each in (SITE_KEY, PROJECT_KEY) if each in config]
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        finding = document.finding(
            ("config", PROJECT_KEY), "stands beside a site", "Put each into its own file."
        )
    else:
        remedy = f'Write "config:" and below it "{SITE_KEY}:" or "{PROJECT_KEY}:".'
        finding = document.finding(("config",), f"holds neither {SITE_KEY} nor {PROJECT_KEY}", remedy)
    raise Unreadable([finding])


def _stray_keys(document: Document, kind: str) -> Iterable[Finding]:
    """Yield what stands beside our key: anything but the keys that Pulumi writes itself."""
    for key in document.data:
        if key != "config" and key not in PULUMI_KEYS:
            hint = did_you_mean(key, ("config",))
            yield document.finding(
                (key,), f"unknown key.{hint}", "Only config belongs here, and Pulumi's own keys."
            )
    for key in document.data["config"]:
        if key != kind:
            yield document.finding(("config", key), "unknown key.", f"Only {kind} belongs here.")


def _take(reading: _Reading, file: Path, document: Document, kind: str) -> None:
    base: Steps = ("config", kind)
    if kind == SITE_KEY:
        site = _model(reading, Site, document, base)
        if site is None:
            reading.broken.add(_stack(file))
        elif _named(reading, document, base, file, site.name):
            reading.sites[site.name] = Placed(site, document, base, file)
        else:
            reading.broken.add(_stack(file))
    else:
        project = _model(reading, Project, document, base)
        if project is not None and _named(reading, document, base, file, f"{project.site}-{project.name}"):
            reading.projects.append(Placed(project, document, base, file))


def _model(reading: _Reading, model: type[ModelT], document: Document, base: Steps) -> ModelT | None:
    try:
        return model.model_validate(document.data["config"][base[-1]])
    except ValidationError as error:
        reading.findings += translate.findings(error, model, document, base)
        return None


def _named(reading: _Reading, document: Document, base: Steps, file: Path, stack: str) -> bool:
    """Tell whether a file is called after what it holds, or note that it is not."""
    if file.name == f"Pulumi.{stack}.yaml":
        return True
    if file.with_name(f"Pulumi.{stack}.yaml").exists():
        what, remedy = (
            f'"{stack}" has a file of its own already',
            "Give this one a name of its own, or remove it.",
        )
    else:
        what = f'the file is called {file.name}, and what it holds is "{stack}"'
        remedy = f"Rename the file to Pulumi.{stack}.yaml, or correct what it says."
    reading.findings.append(document.finding((*base, "name"), what, remedy))
    return False


def _finish(
    reading: _Reading, today: datetime.date, allow_expired: bool, only: str | None = None
) -> Mapping[str, LoadedSite]:
    verdicts = checks.check(reading.sites, reading.projects, reading.broken, Day(today, allow_expired))
    refused = sorted({*reading.findings, *verdicts.refused})
    if refused:
        raise _invalid(refused)
    names = [only] if only else sorted(reading.sites)
    return {name: _loaded(reading, name, verdicts.advised) for name in names}


def _invalid(refused: list[Finding]) -> InvalidInput:
    files = sorted({each.file for each in refused})
    count = f"{len(refused)} problem{'s' if len(refused) > 1 else ''}"
    where = files[0] if len(files) == 1 else f"{len(files)} files"
    return InvalidInput(
        *(each.problem() for each in refused), summary=f"{count} in {where}. Nothing was deployed."
    )


def _loaded(reading: _Reading, name: str, advised: Iterable[Finding]) -> LoadedSite:
    own = reading.sites[name]
    placed = sorted(
        (each for each in reading.projects if each.model.site == name), key=lambda p: p.model.name
    )
    files = {name: own.file} | {f"{name}-{each.model.name}": each.file for each in placed}
    told = {own.document.file, *(each.document.file for each in placed)}
    warnings = tuple(each.problem() for each in sorted(advised) if each.file in told)
    return LoadedSite(own.model, {each.model.name: each.model for each in placed}, files, warnings)
