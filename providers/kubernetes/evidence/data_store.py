"""Proofs of the data store's promises."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any, Final

from components.contract import Evidence, Record, Records, Verdict, changed
from providers.kubernetes import names
from providers.kubernetes.evidence.view import (
    BINDING,
    CLAIM,
    CONFIG_MAP,
    CRON_JOB,
    NAMESPACE,
    POD,
    POLICY,
    SECRET,
    STORAGE_CLASS,
    View,
    all_of,
    at,
    called,
    keeper,
    listed,
    mapped,
    planted,
    respecified,
    view,
    without,
)
from providers.kubernetes.objects import LOADER_USER

_SECRET_PREFIX: Final = "csi.storage.kubernetes.io/node-stage-secret"  # noqa: S105 # a parameter's name
_HELD: Final = (NAMESPACE, CLAIM, SECRET, STORAGE_CLASS)


def _claims(project: View) -> list[Record]:
    return [
        each
        for each in project.mine(CLAIM)
        if at(each.inputs, "metadata", "name") in ("inputs", "working", "outbox")
    ]


def _class(project: View) -> Record | None:
    return project.named(STORAGE_CLASS, names.storage_class(project.site, project.project))


def _key(project: View) -> Record | None:
    return project.named(SECRET, names.key_secret(project.project))


def _uses_key(project: View, storage_class: Record) -> bool:
    """Tell whether a class takes its key from this project's Secret: by name and by namespace."""
    parameters = mapped(storage_class.inputs, "parameters")
    wanted = {
        "name": names.key_secret(project.project),
        "namespace": names.site_namespace(project.site, "keys"),
    }
    return all(parameters.get(f"{_SECRET_PREFIX}-{part}") == value for part, value in wanted.items())


def inputs_read_only(records: Records) -> Verdict:
    """The inputs belong to the loader's user, and admission refuses any other pod that mounts them writable."""
    project = view(records)
    inputs = next(
        (each for each in _claims(project) if at(each.inputs, "metadata", "name") == "inputs"), None
    )
    owner = str(at(inputs.inputs, "metadata", "annotations", "tre.local/owner")) if inputs else ""
    offences = [
        f"pod {at(pod.inputs, 'metadata', 'name')} mounts the inputs writable"
        for pod in project.mine(POD)
        if at(pod.inputs, "spec", "serviceAccountName") != "loader" and _mounts_writable(pod)
    ]
    means = [inputs if owner.startswith(f"{LOADER_USER}:") else None, *project.admits("volumes")]
    return all_of("the loader alone may write the inputs", means, offences)


def _mounts_writable(pod: Record) -> bool:
    claims = [at(volume, "persistentVolumeClaim") for volume in listed(pod.inputs, "spec", "volumes")]
    return any(at(each, "claimName") == "inputs" and not at(each, "readOnly") for each in claims)


def encrypted_at_rest(records: Records) -> Verdict:
    """Every claim uses the project's class, and the class asks its driver to encrypt."""
    project = view(records)
    own = _class(project)
    parameters = mapped(own and own.inputs, "parameters")
    encrypts = parameters.get("encrypted") == "true" or "diskEncryptionSetID" in parameters
    claims = _claims(project)
    offences = [
        f"claim {at(each.inputs, 'metadata', 'name')} is on another storage class"
        for each in project.mine(CLAIM)
        if at(each.inputs, "spec", "storageClassName") != names.storage_class(project.site, project.project)
    ]
    offences += [
        f"the volume of claim {at(each.inputs, 'metadata', 'name')} is not encrypted"
        for each in claims
        if mapped(each.inputs, "volume").get("tre.local/encrypted", "true") != "true"
    ]
    return all_of(
        "every volume is on the project's encrypted class", [own if encrypts else None, *claims], offences
    )


def key_per_project(records: Records) -> Verdict:
    """The class takes its key from a Secret that is this project's alone, held apart from the data."""
    project = view(records)
    own, key = _class(project), _key(project)
    uses = own is not None and _uses_key(project, own)
    apart = key is not None and at(key.inputs, "metadata", "namespace") != project.namespace
    shared = [
        f"storage class {at(each.inputs, 'metadata', 'name')} uses this project's key"
        for each in project.all(STORAGE_CLASS)
        if each is not own and _uses_key(project, each)
    ]
    return all_of(
        "the project's key opens no other project's volumes",
        [own if uses else None, key if apart else None],
        shared,
    )


def reachable_only_from_project(records: Records) -> Verdict:
    """Claims live in the project's own namespace, and admission keeps claims and volumes to it."""
    project = view(records)
    return all_of(
        "the data can be mounted in its own project alone",
        [*_claims(project), *project.admits("claims", "volumes")],
    )


def kept_on_destroy(records: Records) -> Verdict:
    """All that holds data is protected and retained, and volumes outlive their claims."""
    project = view(records)
    own = _class(project)
    held = [project.own_namespace(), _key(project), own, *_claims(project)]
    loose = [
        f"{each.type} {each.name} would be deleted with the stack"
        for each in held
        if each is not None and not (each.protect and each.retain)
    ]
    if own is not None and at(own.inputs, "reclaimPolicy") != "Retain":
        loose.append("the storage class deletes volumes with their claims")
    return all_of("destroying the stack leaves the data, its volumes and its key", held, loose)


def access_recorded(records: Records) -> Verdict:
    """Each pod that mounts a claim is put on the API server's audit record, with who asked for it."""
    project = view(records)
    policy, binding = project.admits("volumes")
    audits = policy is not None and bool(listed(policy.inputs, "spec", "auditAnnotations"))
    return all_of("every mount of the data is on the audit record", [policy if audits else None, binding])


def retention_enforced(records: Records) -> Verdict:
    """The data's term is written down, the keeper ends its use, and an overdue project stands out as broken."""
    project = view(records)
    own = project.own_namespace()
    days = str(at(own and own.inputs, "metadata", "annotations", f"{names.LABEL}/retention-days") or "")
    terms = next((each for each in project.mine(CONFIG_MAP) if at(each.inputs, "data", "terms.json")), None)
    means, offences = keeper(project)
    if days.isdigit() and terms is not None:
        ends = datetime.date.fromisoformat(json.loads(str(at(terms.inputs, "data", "terms.json")))["ends"])
        if datetime.date.today() > ends + datetime.timedelta(days=int(days)):
            offences.append(
                f"the data should be gone: it was kept for {days} days after {ends}; close the project"
            )
    return all_of(
        "the data has a term, and its use ends with it",
        [own if days.isdigit() else None, terms, *means],
        offences,
    )


def deletion_certified(records: Records) -> Verdict:
    """The data can be erased for certain: its key is one object, kept apart, and the class depends on it."""
    verdict = key_per_project(records)
    return Verdict(
        verdict.kept,
        "destroying the project's key makes its volumes unreadable" if verdict.kept else verdict.because,
        verdict.cited,
    )


def _parameters(**parameters: str) -> Any:
    return changed(lambda record: record.type == STORAGE_CLASS, parameters=parameters)


def _borrowed_key(records: Records) -> Records:
    own = _class(view(records))
    assert own is not None, "the fault needs the class whose key it borrows"
    metadata = {"name": "borrowed"}
    return [*records, Record(STORAGE_CLASS, "borrowed", {**own.inputs, "metadata": metadata})]


def _unheld(records: Records) -> Records:
    return [Record(r.type, r.name, r.inputs, r.component) if r.type in _HELD else r for r in records]


EVIDENCE: Final[Mapping[str, Evidence]] = {
    "inputs-read-only": Evidence(
        inputs_read_only,
        {
            "no binding": without(called(BINDING, "--volumes")),
            "a pod that mounts them writable": planted(
                POD, "writer", spec={"volumes": [{"persistentVolumeClaim": {"claimName": "inputs"}}]}
            ),
        },
    ),
    "encrypted-at-rest": Evidence(
        encrypted_at_rest,
        {
            "class that does not encrypt": _parameters(encrypted="false"),
            "a volume that is not": changed(
                called(CLAIM, "working"), volume={"tre.local/encrypted": "false"}
            ),
            "a claim elsewhere": planted(CLAIM, "spare", spec={"storageClassName": "plain"}),
        },
    ),
    "key-per-project": Evidence(
        key_per_project,
        {
            "the cluster's key": _parameters(encrypted="true"),
            "a class that shares the key": _borrowed_key,
        },
    ),
    "reachable-only-from-project": Evidence(
        reachable_only_from_project, {"claims on any class": without(called(BINDING, "--claims"))}
    ),
    "kept-on-destroy": Evidence(
        kept_on_destroy,
        {
            "nothing held": _unheld,
            "volumes deleted": changed(lambda record: record.type == STORAGE_CLASS, reclaimPolicy="Delete"),
        },
    ),
    "retention-enforced": Evidence(
        retention_enforced,
        {
            "no keeper": without(lambda record: record.type == CRON_JOB),
            "kept for too long": changed(
                called(CONFIG_MAP, "terms"), data={"terms.json": '{"ends": "2001-01-01"}'}
            ),
        },
    ),
    "access-recorded": Evidence(
        access_recorded, {"no record": respecified(POLICY, "--volumes", auditAnnotations=[])}
    ),
    "deletion-certified": Evidence(deletion_certified, {"the cluster's key": _parameters(encrypted="true")}),
}
