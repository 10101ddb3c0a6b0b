"""Checks of people: named once, in date, with duties that keep each other in check."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tre.model.findings import Finding, Steps
from tre.model.placed import Placed
from tre.model.project import Member, Project
from tre.model.resolve import reviewers, tier_of
from tre.model.site import Site, StaffMember

Person = Member | StaffMember
_STRICT_TIER = 2
"""From this tier on a recommended separation of duties is required: it holds data about people."""


@dataclass(frozen=True)
class Day:
    """Which day it is, and whether what has ended is told as advice (to take things down) or refused."""

    today: datetime.date
    allow_expired: bool = False


@dataclass
class Verdicts:
    """What is wrong, and what is merely unwise."""

    refused: list[Finding]
    advised: list[Finding]

    def note(self, finding: Finding, *, advice: bool) -> None:
        """Add a finding to one of the two."""
        (self.advised if advice else self.refused).append(finding)


def ending(
    placed: Placed[Site] | Placed[Project],
    steps: Steps,
    expires: datetime.date | None,
    longest: int,
    day: Day,
    into: Verdicts,
) -> None:
    """Judge one date on which an approval or access ends: not in the past, and not absurdly far ahead."""
    if expires is None:
        return
    if expires < day.today:
        what = f"ended on {expires.isoformat()}"
        remedy = "Write the new date once it is renewed, or remove the entry."
        into.note(placed.at(steps, what, remedy), advice=day.allow_expired)
    elif (expires - day.today).days > longest:
        what = f"{expires.isoformat()} is more than {longest} days ahead"
        remedy = "Write an earlier date; the site's identity.longest_access_days sets the limit."
        into.note(placed.at(steps, what, remedy), advice=day.allow_expired)


def site_people(placed: Placed[Site], day: Day, into: Verdicts) -> None:
    """Judge a site's staff."""
    site = placed.model
    into.refused += _listed_once(placed, site.people)
    for position, person in enumerate(site.people):
        steps: Steps = ("people", position)
        ending(placed, (*steps, "expires"), person.expires, site.identity.longest_access_days, day, into)
        if len(set(person.roles)) > 1:
            what = f"{person.name} would both run and audit the site"
            into.refused.append(
                placed.at((*steps, "roles"), what, "Give the auditor's role to another person.")
            )
    if not any("operator" in person.roles for person in site.people):
        into.refused.append(
            placed.at(("people",), "nobody is the site's operator", "Give one person that role.")
        )


def project_people(placed: Placed[Project], site: Site, day: Day, into: Verdicts) -> None:
    """Judge a project's people: their terms, their duties, and whether an output can be released at all."""
    project = placed.model
    strict = tier_of(site, project) >= _STRICT_TIER
    into.refused += _listed_once(placed, project.people)
    for position, person in enumerate(project.people):
        steps: Steps = ("people", position)
        ending(placed, (*steps, "expires"), person.expires, site.identity.longest_access_days, day, into)
        _duties(placed, (*steps, "roles"), person, strict, into)
        _staff(placed, steps, person, site, strict, into)
    into.refused += _checkers(placed, site, day)
    if not any("data-analyst" in person.roles for person in project.people):
        finding = placed.at(
            ("people",), "nobody is a data analyst, so nobody can work", "Give one person that role."
        )
        into.advised.append(finding)


def _listed_once(placed: Placed[Site] | Placed[Project], people: Sequence[Person]) -> Iterator[Finding]:
    names: dict[str, int] = {}
    emails: dict[str, int] = {}
    for position, person in enumerate(people):
        if not person.roles:
            remedy = "Write at least one role, or remove the person."
            yield placed.at(("people", position, "roles"), f"{person.name} has no role", remedy)
        yield from _again(placed, names, person.name, position, "name")
        yield from _again(placed, emails, person.email.lower(), position, "email")


def _again(
    placed: Placed[Site] | Placed[Project], seen: dict[str, int], value: str, position: int, key: str
) -> Iterator[Finding]:
    first = seen.setdefault(value, position)
    if first != position:
        line = placed.document.line((*placed.base, "people", first, key))
        remedy = "List each person once, with all their roles."
        yield placed.at(("people", position, key), f'"{value}" is listed already, on line {line}', remedy)


def _duties(placed: Placed[Project], steps: Steps, person: Member, strict: bool, into: Verdicts) -> None:
    if {"data-analyst", "output-checker"} <= set(person.roles):
        what = f"{person.name} would check outputs of a project in which they analyse"
        into.refused.append(
            placed.at(steps, what, "Give one of the two roles to another person (SATRE 3.3.05).")
        )
    if {"data-analyst", "project-manager"} <= set(person.roles):
        what = f"{person.name} would manage a project in which they analyse"
        finding = placed.at(steps, what, "Give one of the two roles to another person (SATRE 4.2.02).")
        into.note(finding, advice=not strict)


def _staff(
    placed: Placed[Project], steps: Steps, person: Member, site: Site, strict: bool, into: Verdicts
) -> None:
    """Note a person who runs or audits the site and also works in a project with its data or outputs."""
    staff = {each.name: each for each in site.people}.get(person.name)
    if staff is not None and {"data-analyst", "output-checker"} & set(person.roles):
        what = f"{person.name} is the site's {' and '.join(staff.roles)} and would work on a project's data"
        finding = placed.at((*steps, "roles"), what, "Give one of the two to another person (SATRE 1.5.03).")
        into.note(finding, advice=not strict)


def _checkers(placed: Placed[Project], site: Site, day: Day) -> Iterator[Finding]:
    project = placed.model
    tier = tier_of(site, project)
    needed = reviewers(site, tier)
    checkers = {
        each.name
        for each in project.people
        if "output-checker" in each.roles and (each.expires is None or each.expires >= day.today)
    }
    if len(checkers) < needed and not day.allow_expired:
        have = f"has {len(checkers)}" if checkers else "has none"
        what = f"tier {tier} needs {needed} output checker{'s' if needed > 1 else ''}, and the project {have}"
        yield placed.at(
            ("people",), what, "Add people with the role output-checker who do not analyse in it."
        )


def one_identity(site: Placed[Site], projects: Iterable[Placed[Project]]) -> Iterator[Finding]:
    """Yield people who appear across a site's files under one name with two e-mails, or the other way round."""
    seen: list[tuple[dict[str, tuple[str, str]], str, str]] = [({}, "name", "email"), ({}, "email", "name")]
    for placed in (site, *projects):
        for position, person in enumerate(placed.model.people):
            words = {"name": person.name, "email": person.email.lower()}
            for table, key, other in seen:
                known, where = table.setdefault(words[key], (words[other], placed.document.file))
                if known != words[other]:
                    what = f'"{words[key]}" has the {other} "{known}" in {where}'
                    remedy = (
                        "One sign-in name and one e-mail address belong to one person: correct one of them."
                    )
                    yield placed.at(("people", position, other), what, remedy)
