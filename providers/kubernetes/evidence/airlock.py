"""Proofs of the airlock's promises: what is mounted where, who reaches whom, what each process is told.

What a running airlock does with a request is for probes. These show that no process could do otherwise: which areas
it sees, as whom it signs in to the database, which paths the network leaves it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from components.contract import Evidence, Fault, Record, Records, Verdict, changed, with_record
from providers.kubernetes import names
from providers.kubernetes.evidence.data_store import inputs_read_only
from providers.kubernetes.evidence.network import egress_only_through_airlock
from providers.kubernetes.evidence.view import (
    BINDING,
    CLAIM,
    CONFIG_MAP,
    CRON_JOB,
    DEPLOYMENT,
    GUARD,
    JOB,
    NETWORK_POLICY,
    SERVICE,
    STATEFUL_SET,
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
from providers.kubernetes.objects import NAMESPACE_LABEL, NETWORK_POLICIES

_SERVICE_LABEL: Final = f"{names.LABEL}/service"
_WRITERS: Final = {
    "output-uploads": {"inside", "worker"},
    "input-uploads": {"outside", "worker"},
    "held": {"worker"},
    "released-outputs": {"worker"},
    "released-inputs": {"worker"},
}
"""Who may write each area; the worker alone writes what was checked and what is released."""
_READERS: Final = {"held": {"outside"}, "released-outputs": {"outside"}, "released-inputs": {"inside"}}


def _place(project: View, part: str = "airlock") -> str:
    return names.site_namespace(project.site, part)


def _in(project: View, *types: str, part: str = "airlock") -> list[Record]:
    """Return the objects of these types in a namespace of the site."""
    place = _place(project, part)
    return [each for each in project.all(*types) if at(each.inputs, "metadata", "namespace") == place]


def _named(project: View, type_: str, name: str, part: str = "airlock") -> Record | None:
    found = [each for each in _in(project, type_, part=part) if _name(each) == name]
    return found[0] if found else None


def _name(record: Record) -> str:
    return str(at(record.inputs, "metadata", "name"))


def running(project: View, name: str, part: str = "airlock") -> Record | None:
    """Return a service's pods, if any are asked for and, read back, ready."""
    found = _named(project, DEPLOYMENT, name, part) or _named(project, STATEFUL_SET, name, part)
    if found is None or not at(found.inputs, "spec", "replicas"):
        return None
    status = mapped(found.inputs, "status")
    return None if status and not (status.get("availableReplicas") or status.get("readyReplicas")) else found


def scope(project: View) -> Record | None:
    """Return the list of the project's people and rules that the registrar reads."""
    return _named(project, CONFIG_MAP, f"scope-{project.project}", "identity")


def listing(found: Record | None) -> Mapping[str, Any]:
    """Return what a list says; nothing where it is not there."""
    text = at(found and found.inputs, "data", "scope.json")
    return json.loads(str(text)) if text else {}


def _pod(record: Record) -> Mapping[str, Any]:
    if record.type == CRON_JOB:
        return mapped(record.inputs, "spec", "jobTemplate", "spec", "template", "spec")
    return mapped(record.inputs, "spec", "template", "spec")


def _programs(project: View) -> list[Record]:
    """Return everything that runs in the airlock's namespace."""
    return _in(project, DEPLOYMENT, STATEFUL_SET, CRON_JOB, JOB)


def _mounts(record: Record) -> Iterator[tuple[str, bool]]:
    """Yield (claim, whether it is written) for each volume that lasts."""
    pod = _pod(record)
    for volume in listed(pod, "volumes"):
        claim = at(volume, "persistentVolumeClaim", "claimName")
        if claim:
            closed = at(volume, "persistentVolumeClaim", "readOnly")
            yield str(claim), not closed or _written(pod, str(at(volume, "name")))


def _written(pod: Mapping[str, Any], volume: str) -> bool:
    mounts = [each for one in listed(pod, "containers") for each in listed(one, "volumeMounts")]
    return any(at(each, "name") == volume and not at(each, "readOnly") for each in mounts)


def _strays(project: View, *areas: str) -> list[str]:
    """Return who sees or writes one of these areas and should not."""
    found: list[str] = []
    for record in _programs(project):
        for claim, written in _mounts(record):
            may = set(_WRITERS.get(claim, ())) | set(() if written else _READERS.get(claim, ()))
            if claim in areas and _name(record) not in may:
                found.append(f"{_name(record)} {'writes' if written else 'sees'} {claim}")
    return found


def _holders(project: View, secret: str) -> set[str]:
    """Return what runs with a Secret of the airlock."""
    return {
        _name(each)
        for each in _programs(project)
        if any(at(volume, "secret", "secretName") == secret for volume in listed(_pod(each), "volumes"))
    }


def _told(project: View, role: str) -> tuple[Record | None, Mapping[str, Any]]:
    found = _named(project, CONFIG_MAP, f"{role}-settings")
    text = at(found and found.inputs, "data", "settings.json")
    # A setting that hangs on another resource is not known before a deployment.
    return found, json.loads(str(text)) if text and str(text).startswith("{") else {}


def _signs_in_as(project: View, role: str) -> Record | None:
    """Return a process's settings, if it signs in to the database as its own role."""
    found, told = _told(project, role)
    return found if str(at(told, "database", "url")).startswith(f"postgresql+psycopg://{role}@") else None


def _walled(project: View) -> list[Record | None]:
    """Return what denies by default in the airlock's namespace, and outright between it and the projects."""
    deny = _named(project, NETWORK_POLICY, "default-deny")
    spec = mapped(deny and deny.inputs, "spec")
    shut = not spec.get("ingress") and not spec.get("egress") and not spec.get("podSelector")
    means = [deny if deny and shut and len(listed(spec, "policyTypes")) == 2 else None]
    own = project.own_namespace()
    if own is not None and at(own.inputs, "metadata", "annotations", NETWORK_POLICIES) == "cilium":
        guard = project.named(GUARD, names.guard(project.site, "site-airlock"))
        both = (
            guard
            and listed(guard.inputs, "spec", "egressDeny")
            and listed(guard.inputs, "spec", "ingressDeny")
        )
        means.append(guard if both else None)
    return means


def _peers(record: Record, direction: str, key: str) -> Iterator[Mapping[str, Any]]:
    for rule in listed(record.inputs, "spec", direction):
        yield from listed(rule, key) or [{}]


def _selects(policy: Record, service: str) -> bool:
    """Tell whether a policy is about a service's pods: by its label, or because it is about all."""
    wanted = mapped(policy.inputs, "spec", "podSelector", "matchLabels")
    return not wanted or wanted.get(_SERVICE_LABEL) == service or service in wanted.values()


def _ways(project: View, service: str, direction: str) -> list[str]:
    """Return the policies that open a path between a service and the projects, or everybody in the cluster."""
    key = {"egress": "to", "ingress": "from"}[direction]
    return [
        f"network policy {_name(policy)} opens a path between {service} and workspaces"
        for policy in _in(project, NETWORK_POLICY)
        if _selects(policy, service)
        for peer in _peers(policy, direction, key)
        if _reaches_projects(project, peer)
    ]


def _reaches_projects(project: View, peer: Mapping[str, Any]) -> bool:
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" not in peer:
        return "podSelector" not in peer
    place = mapped(peer, "namespaceSelector", "matchLabels").get(NAMESPACE_LABEL)
    return place is None or str(place).startswith(f"tre-p-{project.site}--")


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
    return all_of("what leaves goes through the airlock", means, _strays(project, "released-outputs"))


def only_way_in(records: Records) -> Verdict:
    """The loader alone writes inputs, and what the inside door hands over comes from the worker."""
    project = view(records)
    way = inputs_read_only(records)
    if not way.kept:
        return way
    means = [running(project, "inside"), running(project, "worker"), _deny_in(project)]
    return all_of("what enters comes through the airlock", means, _strays(project, "released-inputs"))


def _deny_in(project: View) -> Record | None:
    found = [each for each in project.mine(NETWORK_POLICY) if _name(each) == "default-deny"]
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
    means = [found, running(project, "outside"), _signs_in_as(project, "outside"), _migrated(project)]
    return all_of("people other than who asked decide, as many as the tier asks for", means, offences)


def _both(person: Mapping[str, Any]) -> bool:
    roles = {str(group).rsplit(":", 1)[-1] for group in listed(person, "groups")}
    return {"data-analyst", "output-checker"} <= roles


def _migrated(project: View) -> Record | None:
    """Return the job that set the database's own guards, if it did."""
    found = [each for each in _in(project, JOB) if _name(each).startswith("migrate-")]
    done = [
        each for each in found if not mapped(each.inputs, "status") or at(each.inputs, "status", "succeeded")
    ]
    return done[0] if done else None


def bytes_bound(records: Records) -> Verdict:
    """The worker alone writes what is checked and what is released, so that no door can change it in between."""
    project = view(records)
    areas = ("held", "released-outputs", "released-inputs")
    claims = [_named(project, CLAIM, area) for area in areas]
    return all_of(
        "nobody but the worker can change what was decided on",
        [running(project, "worker"), *claims],
        _strays(project, *areas),
    )


def scanned(records: Records) -> Verdict:
    """The worker has a scanner that runs and that it reaches, and the project's rules let malware block."""
    project = view(records)
    found, told = _told(project, "worker")
    way = _named(project, NETWORK_POLICY, "into-scanner")
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
    backup = _named(project, CRON_JOB, "backup")
    held = [_named(project, CLAIM, "database"), _named(project, CLAIM, "backups")]
    kept = [each if each is not None and each.protect and each.retain else None for each in held]
    others = sorted(_holders(project, "worker") - {"worker"})
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
    seen = [claim for claim, _ in _mounts(own)] if own else []
    offences = [f"the inside door sees {area}" for area in ("held", "released-outputs") if area in seen]
    offences += [f"the inside door writes {each}" for each in _written_by(own) - {"output-uploads"}]
    offences += _ways(project, "outside", "ingress")
    offences += [
        f"the inside door holds what belongs to the {each}"
        for each in ("worker", "outside", "migrate")
        if "inside" in _holders(project, each)
    ]
    means = [own, _signs_in_as(project, "inside"), *_walled(project)]
    return all_of("nothing that workspaces reach can decide or release", means, offences)


def _written_by(record: Record | None) -> set[str]:
    return {claim for claim, written in _mounts(record) if written} if record else set()


def outside_cannot_reach(records: Records) -> Verdict:
    """No policy leads from the outside door to a workspace, and what is not allowed is denied, twice."""
    project = view(records)
    offences = _ways(project, "outside", "egress")
    return all_of(
        "no path leads from the outside door to a workspace",
        [running(project, "outside"), *_walled(project)],
        offences,
    )


def refusal_leaks_nothing(records: Records) -> Verdict:
    """The outside door hands out what the worker released and can put nothing there; nothing else is published."""
    project = view(records)
    published = [
        f"service {_name(each)} is published"
        for each in _in(project, SERVICE)
        if at(each.inputs, "spec", "type") in ("NodePort", "LoadBalancer") and _name(each) != "outside"
    ]
    own = running(project, "outside")
    claim = _named(project, CLAIM, "released-outputs")
    writes = _written_by(own) - {"input-uploads"}
    offences = [
        *published,
        *_strays(project, "released-outputs"),
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


def _planted(type_: str, name: str, part: str = "airlock", **inputs: Any) -> Fault:
    """Return a fault that adds an object to a namespace of the site."""

    def plant(records: Records) -> Records:
        metadata = {"name": name, "namespace": names.site_namespace(view(records).site, part)}
        return with_record(Record(type_, name, {**inputs, "metadata": metadata}))(records)

    return plant


def _intruder(name: str, claim: str = "", secret: str = "") -> Fault:
    """Return a fault that runs something in the airlock's namespace with a volume or a secret."""
    source: dict[str, Any] = (
        {"persistentVolumeClaim": {"claimName": claim}} if claim else {"secret": {"secretName": secret}}
    )
    pod = {"containers": [{"volumeMounts": [{"name": "v"}]}], "volumes": [{"name": "v", **source}]}
    return _planted(DEPLOYMENT, name, spec={"replicas": 1, "template": {"spec": pod}})


def stopped(name: str) -> Fault:
    """Return a fault that runs no pod of a service."""
    return respecified(DEPLOYMENT, name, replicas=0)


def rewritten(edit: Callable[[dict[str, Any]], None]) -> Fault:
    """Return a fault that changes what is said of the project to the registrar."""

    def plant(records: Records) -> Records:
        found = scope(view(records))
        told = json.loads(json.dumps(listing(found)))
        edit(told)
        return changed(lambda each: each is found, data={"scope.json": json.dumps(told)})(records)

    return plant


def _without_reviewers(told: dict[str, Any]) -> None:
    told["project"]["reviewers"] = 0


def _analyst_decides(told: dict[str, Any]) -> None:
    told["people"][0]["groups"] = ["tre:x:y:data-analyst", "tre:x:y:output-checker"]


def _endless(told: dict[str, Any]) -> None:
    told["project"]["days"] = {}


def _malware_passes(told: dict[str, Any]) -> None:
    told["project"]["rules"] = {"blocking": []}


def _path(direction: str) -> Fault:
    key = {"egress": "to", "ingress": "from"}[direction]
    peer = {"namespaceSelector": {"matchLabels": {"tre/site": "demo"}}}
    selector = {"matchLabels": {_SERVICE_LABEL: "outside"}}
    return _planted(NETWORK_POLICY, "path", spec={"podSelector": selector, direction: [{key: [peer]}]})


def _as_owner(role: str) -> Fault:
    text = json.dumps({"database": {"url": "postgresql+psycopg://owner@database:5432/airlock"}})
    return changed(called(CONFIG_MAP, f"{role}-settings"), data={"settings.json": text})


_NO_GUARD: Final = without(lambda record: record.type == GUARD and record.name.endswith("airlock-guard"))
_NO_WALL: Final = without(
    lambda record: (
        record.type == NETWORK_POLICY
        and str(at(record.inputs, "metadata", "namespace")).endswith("--airlock")
        and str(at(record.inputs, "metadata", "name")) == "default-deny"
    )
)


EVIDENCE: Final[Mapping[str, Evidence]] = {
    "only-way-out": Evidence(
        only_way_out,
        {
            "something else fills the way out": _intruder("copier", "released-outputs"),
            "published workspaces": without(called(BINDING, "--services")),
            "no outside door": stopped("outside"),
        },
    ),
    "only-way-in": Evidence(
        only_way_in,
        {
            "something else hands over": _intruder("feeder", "released-inputs"),
            "no inside door": stopped("inside"),
        },
    ),
    "another-person-decides": Evidence(
        another_person_decides,
        {
            "nobody decides": rewritten(_without_reviewers),
            "who asks decides": rewritten(_analyst_decides),
            "a door that owns the database": _as_owner("outside"),
        },
    ),
    "bytes-bound-to-decision": Evidence(
        bytes_bound,
        {
            "something writes what is held": _intruder("swapper", "held"),
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
            "malware may pass": rewritten(_malware_passes),
        },
    ),
    "recorded": Evidence(
        recorded,
        {
            "no backups": respecified(CRON_JOB, "backup", suspend=True),
            "another signer": _intruder("forger", secret="worker"),  # noqa: S106 # a Secret's name
        },
    ),
    "inside-cannot-release": Evidence(
        inside_cannot_release,
        {
            "as the owner": _as_owner("inside"),
            "workspaces at the outside door": _path("ingress"),
            "no guard": _NO_GUARD,
            "no wall": _NO_WALL,
        },
    ),
    "outside-cannot-reach-workspace": Evidence(
        outside_cannot_reach,
        {"a path to workspaces": _path("egress"), "no guard": _NO_GUARD, "no wall": _NO_WALL},
    ),
    "refusal-leaks-nothing": Evidence(
        refusal_leaks_nothing,
        {
            "something else published": _planted(SERVICE, "side", spec={"type": "NodePort"}),
            "something fills the way out": _intruder("copier", "released-outputs"),
        },
    ),
    "stuck-requests-expire": Evidence(
        stuck_requests_expire, {"no term": rewritten(_endless), "no worker": stopped("worker")}
    ),
}
