"""Proofs of the workspace's promises about what may run in it, and how much."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from components.contract import Evidence, Record, Records, Verdict, changed
from providers.kubernetes.evidence.view import (
    BINDING,
    CONFIG_MAP,
    CRON_JOB,
    LIMITS,
    NAMESPACE,
    POD,
    POLICY,
    QUOTA,
    ROLE,
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

_PSA: Final = "pod-security.kubernetes.io"
_FORBIDDEN: Final = {
    "*",
    "pods/*",
    "pods/exec",
    "pods/attach",
    "pods/portforward",
    "pods/log",
    "pods/proxy",
    "pods/ephemeralcontainers",
    "secrets",
    "services/proxy",
}


def no_privilege(records: Records) -> Verdict:
    """Pod Security `restricted` is enforced at a pinned version, and admission refuses privilege by itself."""
    project = view(records)
    own = project.own_namespace()
    labels = mapped(own and own.inputs, "metadata", "labels")
    pinned = str(labels.get(f"{_PSA}/enforce-version", "")).startswith("v")
    restricted = labels.get(f"{_PSA}/enforce") == "restricted" and pinned
    means = [own if restricted else None, *project.admits("privilege")]
    return all_of("privilege is refused by Pod Security and by admission", means)


def approved_images_only(records: Records) -> Verdict:
    """Admission refuses every image that is not of an approved registry and named by digest."""
    project = view(records)
    loose = [
        f"pod {at(pod.inputs, 'metadata', 'name')} runs {at(each, 'image')}, which is not named by digest"
        for pod in project.mine(POD)
        for each in listed(pod.inputs, "spec", "containers")
        if "@sha256:" not in str(at(each, "image"))
    ]
    return all_of("only images of approved registries run, by digest", project.admits("images"), loose)


def no_copy_out(records: Records) -> Verdict:
    """Admission refuses sessions and publication, and no role grants shells, logs, secrets or forwarded ports."""
    project = view(records)
    offences = [
        f"role {at(role.inputs, 'metadata', 'name')} grants {', '.join(granted)}"
        for role in project.mine(ROLE)
        if (granted := _granted(role))
    ]
    means = project.admits("sessions", "services", "routes")
    return all_of("shells, forwarded ports and publication are refused", means, offences)


def _granted(role: Record) -> list[str]:
    resources = {each for rule in listed(role.inputs, "rules") for each in listed(rule, "resources")}
    return sorted(resources & _FORBIDDEN)


def quota_enforced(records: Records) -> Verdict:
    """A quota caps cores, memory, storage and pods, and limits give every container a bound."""
    project = view(records)
    needed = {"limits.cpu", "limits.memory", "requests.storage", "pods", "services.loadbalancers"}
    quotas = [each for each in project.mine(QUOTA) if needed <= set(at(each.inputs, "spec", "hard") or {})]
    limits = project.mine(LIMITS)
    return all_of("the project's share is capped", [*(quotas or [None]), *(limits or [None])])


def budget_capped(records: Records) -> Verdict:
    """The project's budget is written down, and the keeper stops its compute when that is spent."""
    project = view(records)
    told = [each for each in project.mine(CONFIG_MAP) if at(each.inputs, "data", "budget.json")]
    bounded = [each for each in told if json.loads(str(at(each.inputs, "data", "budget.json")))["amount"] > 0]
    means, silent = keeper(project)
    return all_of("the keeper stops compute when the budget is spent", [*(bounded or [None]), *means], silent)


EVIDENCE: Final[Mapping[str, Evidence]] = {
    "no-privilege": Evidence(
        no_privilege,
        {
            "labelled privileged": lambda records: [
                Record(r.type, r.name, _relabelled(r.inputs, f"{_PSA}/enforce", "privileged"), r.component)
                if r.type == NAMESPACE
                else r
                for r in records
            ],
            "no binding": without(called(BINDING, "--privilege")),
        },
    ),
    "approved-images-only": Evidence(
        approved_images_only,
        {
            "policy that fails open": respecified(POLICY, "--images", failurePolicy="Ignore"),
            "binding that only warns": respecified(BINDING, "--images", validationActions=["Warn"]),
            "a pod by tag": planted(
                POD, "loose", spec={"containers": [{"image": "example.org/tool:latest"}]}
            ),
        },
    ),
    "no-copy-out": Evidence(
        no_copy_out,
        {
            "a role with shells": planted(
                ROLE, "shell", rules=[{"resources": ["pods/exec"], "verbs": ["create"]}]
            ),
            "a role with logs": planted(ROLE, "logs", rules=[{"resources": ["pods/log"], "verbs": ["get"]}]),
            "sessions allowed": without(called(BINDING, "--sessions")),
        },
    ),
    "quota-enforced": Evidence(
        quota_enforced,
        {
            "no quota": without(lambda record: record.type == QUOTA),
            "no cap on memory": respecified(QUOTA, "quota", hard={"pods": "10"}),
        },
    ),
    "budget-capped": Evidence(
        budget_capped,
        {
            "no keeper": without(lambda record: record.type == CRON_JOB),
            "a keeper that is suspended": respecified(CRON_JOB, "keeper", suspend=True),
            "no budget": changed(called(CONFIG_MAP, "workspace"), data={}),
        },
    ),
}


def _relabelled(inputs: Mapping[str, Any], label: str, value: str) -> dict[str, Any]:
    metadata = dict(inputs["metadata"])
    return {**inputs, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), label: value}}}
