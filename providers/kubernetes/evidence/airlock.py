"""Proofs of the airlock's promises: what is mounted where, who reaches whom, what each process is told.

What a running airlock does with a request is for probes. These show that no process could do otherwise: which areas
it sees, as whom it signs in to the database, which paths the network leaves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.contract import Evidence, Record, Records, Verdict, changed
from providers.kubernetes.evidence.airlock_faults import (
    NO_GUARD,
    NO_WALL,
    analyst_decides,
    as_owner,
    endless,
    intruder,
    malware_passes,
    opened_path,
    planted,
    rewritten,
    stopped,
    without_reviewers,
)
from providers.kubernetes.evidence.data_store import inputs_read_only
from providers.kubernetes.evidence.network import egress_only_through_airlock
from providers.kubernetes.evidence.site import (
    holders,
    listing,
    mounts,
    name_of,
    named,
    running,
    scope,
    signs_in_as,
    standing_in,
    strays,
    told_to,
    walled,
    ways,
)
from providers.kubernetes.evidence.view import (
    BINDING,
    CLAIM,
    CONFIG_MAP,
    CRON_JOB,
    JOB,
    NETWORK_POLICY,
    SERVICE,
    View,
    all_of,
    at,
    called,
    listed,
    mapped,
    respecified,
    view,
    without,
)


def only_way_out(records: Records) -> Verdict:
    """A workspace sends to the inside door alone, nothing is published, and the worker alone fills the way out."""
    project = view(records)
    way = egress_only_through_airlock(records)
    if not way.kept:
        return way
    means = [
        running(project, "outside"),
        running(project, "worker"),
        *project.admits("sessions", "services", "routes"),
    ]
    return all_of("what leaves goes through the airlock", means, strays(project, "released-outputs"))


def only_way_in(records: Records) -> Verdict:
    """The loader alone writes inputs, and what the inside door hands over comes from the worker."""
    project = view(records)
    way = inputs_read_only(records)
    if not way.kept:
        return way
    means = [running(project, "inside"), running(project, "worker"), _deny_in(project)]
    return all_of("what enters comes through the airlock", means, strays(project, "released-inputs"))


def _deny_in(project: View) -> Record | None:
    found = [each for each in project.mine(NETWORK_POLICY) if name_of(each) == "default-deny"]
    return found[0] if found and not listed(found[0].inputs, "spec", "ingress") else None


def another_person_decides(records: Records) -> Verdict:
    """The project asks for as many people as its tier does, nobody asks and decides, and the database holds to it."""
    project = view(records)
    found = scope(project)
    told = listing(found)
    rules, people = mapped(told, "project"), listed(told, "people")
    offences = [
        f"{at(person, 'name')} both asks for outputs and decides on them"
        for person in people
        if _both(person)
    ]
    least = {0: 0, 1: 1, 2: 1}.get(int(rules.get("tier", 4)), 2)
    if found is not None and int(rules.get("reviewers", 0)) < least:
        offences.append(f"{rules.get('reviewers')} people release an output, and the tier asks for {least}")
    means = [found, running(project, "outside"), signs_in_as(project, "outside"), _migrated(project)]
    return all_of("people other than who asked decide, as many as the tier asks for", means, offences)


def _both(person: Mapping[str, Any]) -> bool:
    roles = {str(group).rsplit(":", 1)[-1] for group in listed(person, "groups")}
    return {"data-analyst", "output-checker"} <= roles


def _migrated(project: View) -> Record | None:
    """Return the job that set the database's own guards, if it did."""
    found = [each for each in standing_in(project, JOB) if name_of(each).startswith("migrate-")]
    done = [
        each for each in found if not mapped(each.inputs, "status") or at(each.inputs, "status", "succeeded")
    ]
    return done[0] if done else None


def bytes_bound(records: Records) -> Verdict:
    """The worker alone writes what is checked and what is released, so that no door can change it in between."""
    project = view(records)
    areas = ("held", "released-outputs", "released-inputs")
    claims = [named(project, CLAIM, area) for area in areas]
    return all_of(
        "nobody but the worker can change what was decided on",
        [running(project, "worker"), *claims],
        strays(project, *areas),
    )


def scanned(records: Records) -> Verdict:
    """The worker has a scanner that runs and that it reaches, and the project's rules let malware block."""
    project = view(records)
    found, told = told_to(project, "worker")
    way = named(project, NETWORK_POLICY, "into-scanner")
    rules = mapped(listing(scope(project)), "project", "rules")
    lax = "blocking" in rules and "malware" not in listed(rules, "blocking")
    return all_of(
        "every file goes through the scanner",
        [
            running(project, "scanner"),
            running(project, "worker"),
            found if told.get("scanner") else None,
            way,
        ],
        ["the project's rules let malware pass"] if lax else [],
    )


def recorded(records: Records) -> Verdict:
    """The record is in a database that is kept and backed up, under guards of its own, signed by the worker alone."""
    project = view(records)
    backup = named(project, CRON_JOB, "backup")
    held = [named(project, CLAIM, "database"), named(project, CLAIM, "backups")]
    kept = [each if each is not None and each.protect and each.retain else None for each in held]
    others = sorted(holders(project, "worker") - {"worker"})
    return all_of(
        "the record is kept, backed up, and signed by the worker alone",
        [
            running(project, "database"),
            backup if backup is not None and not at(backup.inputs, "spec", "suspend") else None,
            _migrated(project),
            *kept,
        ],
        [f"{each} holds the key that signs the record" for each in others],
    )


def inside_cannot_release(records: Records) -> Verdict:
    """The inside door has a database role and areas that release nothing, and workspaces reach no other door."""
    project = view(records)
    own = running(project, "inside")
    seen = [claim for claim, _ in mounts(own)] if own else []
    offences = [f"the inside door sees {area}" for area in ("held", "released-outputs") if area in seen]
    offences += [f"the inside door writes {each}" for each in _written_by(own) - {"output-uploads"}]
    offences += ways(project, "outside", "ingress")
    offences += [
        f"the inside door holds what belongs to the {each}"
        for each in ("worker", "outside", "migrate")
        if "inside" in holders(project, each)
    ]
    means = [own, signs_in_as(project, "inside"), *walled(project)]
    return all_of("nothing that workspaces reach can decide or release", means, offences)


def _written_by(record: Record | None) -> set[str]:
    return {claim for claim, written in mounts(record) if written} if record else set()


def outside_cannot_reach(records: Records) -> Verdict:
    """No policy leads from the outside door to a workspace, and what is not allowed is denied, twice."""
    project = view(records)
    offences = ways(project, "outside", "egress")
    return all_of(
        "no path leads from the outside door to a workspace",
        [running(project, "outside"), *walled(project)],
        offences,
    )


def refusal_leaks_nothing(records: Records) -> Verdict:
    """The outside door hands out what the worker released and can put nothing there; nothing else is published."""
    project = view(records)
    published = [
        f"service {name_of(each)} is published"
        for each in standing_in(project, SERVICE)
        if at(each.inputs, "spec", "type") in ("NodePort", "LoadBalancer") and name_of(each) != "outside"
    ]
    own = running(project, "outside")
    claim = named(project, CLAIM, "released-outputs")
    writes = _written_by(own) - {"input-uploads"}
    offences = [
        *published,
        *strays(project, "released-outputs"),
        *(f"the outside door writes {each}" for each in writes),
    ]
    return all_of("only what was released can be fetched", [own, running(project, "worker"), claim], offences)


def stuck_requests_expire(records: Records) -> Verdict:
    """The project's rules set a term to each wait, and the worker, which ends them, runs."""
    project = view(records)
    found = scope(project)
    days = mapped(listing(found), "project", "days")
    terms = all(float(days.get(each, 0)) > 0 for each in ("review", "pickup", "retention"))
    return all_of(
        "every wait has a term, and the worker ends it",
        [found if terms else None, running(project, "worker")],
    )


EVIDENCE: Final[Mapping[str, Evidence]] = {
    "only-way-out": Evidence(
        only_way_out,
        {
            "something else fills the way out": intruder("copier", "released-outputs"),
            "published workspaces": without(called(BINDING, "--services")),
            "no outside door": stopped("outside"),
        },
    ),
    "only-way-in": Evidence(
        only_way_in,
        {
            "something else hands over": intruder("feeder", "released-inputs"),
            "no inside door": stopped("inside"),
        },
    ),
    "another-person-decides": Evidence(
        another_person_decides,
        {
            "nobody decides": rewritten(without_reviewers),
            "who asks decides": rewritten(analyst_decides),
            "a door that owns the database": as_owner("outside"),
        },
    ),
    "bytes-bound-to-decision": Evidence(
        bytes_bound,
        {
            "something writes what is held": intruder("swapper", "held"),
            "no worker": stopped("worker"),
        },
    ),
    "scanned": Evidence(
        scanned,
        {
            "no scanner": stopped("scanner"),
            "a worker that knows of none": changed(
                called(CONFIG_MAP, "worker-settings"), data={"settings.json": '{"scanner": ""}'}
            ),
            "malware may pass": rewritten(malware_passes),
        },
    ),
    "recorded": Evidence(
        recorded,
        {
            "no backups": respecified(CRON_JOB, "backup", suspend=True),
            "another signer": intruder("forger", secret="worker"),  # noqa: S106 # a Secret's name
        },
    ),
    "inside-cannot-release": Evidence(
        inside_cannot_release,
        {
            "as the owner": as_owner("inside"),
            "workspaces at the outside door": opened_path("ingress"),
            "no guard": NO_GUARD,
            "no wall": NO_WALL,
        },
    ),
    "outside-cannot-reach-workspace": Evidence(
        outside_cannot_reach,
        {"a path to workspaces": opened_path("egress"), "no guard": NO_GUARD, "no wall": NO_WALL},
    ),
    "refusal-leaks-nothing": Evidence(
        refusal_leaks_nothing,
        {
            "something else published": planted(SERVICE, "side", spec={"type": "NodePort"}),
            "something fills the way out": intruder("copier", "released-outputs"),
        },
    ),
    "stuck-requests-expire": Evidence(
        stuck_requests_expire, {"no term": rewritten(endless), "no worker": stopped("worker")}
    ),
}
