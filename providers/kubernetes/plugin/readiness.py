"""When an object counts as ready, from its own status; pure functions of the live object."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from providers.kubernetes.plugin.naming import Kind
from providers.kubernetes.plugin.values import Object, part, parts


class Phase(Enum):
    """How far an object has come."""

    READY = "ready"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True)
class Verdict:
    """How far an object has come, and for the last two what is missing, in words."""

    phase: Phase
    missing: str = ""


_READY = Verdict(Phase.READY)
WAIT_FOR_CONSUMER = "WaitForFirstConsumer"


def _waiting(missing: str) -> Verdict:
    return Verdict(Phase.WAITING, missing)


def verdict(kind: Kind, live: Object) -> Verdict:
    """How far the object has come; kinds without a rule are ready at once."""
    rule = _RULES.get((kind.group, kind.kind))
    return rule(live) if rule else _READY


def has_rule(kind: Kind) -> bool:
    """Whether objects of this kind are waited for."""
    return (kind.group, kind.kind) in _RULES


def condition(live: Object, name: str) -> Object:
    """The status condition `name`, or an empty object."""
    found = [item for item in parts(live, "status", "conditions") if item.get("type") == name]
    return found[0] if found else {}


def _count(live: Object, *path: str) -> int:
    return int(part(live, *path) or 0)


def _is_observed(live: Object) -> bool:
    return _count(live, "status", "observedGeneration") >= _count(live, "metadata", "generation")


def _wanted(live: Object) -> int:
    replicas: Any = part(live, "spec", "replicas")
    return 1 if replicas is None else int(replicas)


def _deployment(live: Object) -> Verdict:
    wanted = _wanted(live)
    progress = condition(live, "Progressing")
    if not _is_observed(live):
        return _waiting("the controller has not seen the change yet")
    if progress.get("reason") == "ProgressDeadlineExceeded" and not _is_older(progress, live):
        return Verdict(Phase.FAILED, f"the roll-out does not progress: {progress.get('message', '')}")
    updated, available = (
        _count(live, "status", "updatedReplicas"),
        _count(live, "status", "availableReplicas"),
    )
    if updated < wanted:
        return _waiting(f"{updated} of {wanted} pods are of the new version")
    if _count(live, "status", "replicas") > updated:
        return _waiting(
            f"{_count(live, 'status', 'replicas') - updated} pods of the old version are still there"
        )
    return _READY if available >= wanted else _waiting(f"{available} of {wanted} pods are available")


def _is_older(found: Object, live: Object) -> bool:
    """Whether a condition was last true before the object was changed: then it is about what was there before."""
    applied = [str(each.get("time", "")) for each in parts(live, "metadata", "managedFields") if _whole(each)]
    return str(found.get("lastUpdateTime", "")) < max(applied, default="")


def _whole(field_set: Object) -> bool:
    return field_set.get("operation") == "Apply" and not field_set.get("subresource")


def _stateful_set(live: Object) -> Verdict:
    if not _is_observed(live):
        return _waiting("the controller has not seen the change yet")
    wanted, ready = _wanted(live), _count(live, "status", "readyReplicas")
    rolling = part(live, "spec", "updateStrategy", "type") != "OnDelete"
    partition = _count(live, "spec", "updateStrategy", "rollingUpdate", "partition")
    if rolling and _count(live, "status", "updatedReplicas") < wanted - partition:
        return _waiting(
            f"{_count(live, 'status', 'updatedReplicas')} of {wanted} pods are of the new version"
        )
    return _READY if ready >= wanted else _waiting(f"{ready} of {wanted} pods are ready")


def _daemon_set(live: Object) -> Verdict:
    if not _is_observed(live):
        return _waiting("the controller has not seen the change yet")
    wanted = _count(live, "status", "desiredNumberScheduled")
    updated, available = (
        _count(live, "status", "updatedNumberScheduled"),
        _count(live, "status", "numberAvailable"),
    )
    if part(live, "spec", "updateStrategy", "type") != "OnDelete" and updated < wanted:
        return _waiting(f"{updated} of {wanted} pods are of the new version")
    return _READY if available >= wanted else _waiting(f"{available} of {wanted} pods are available")


def _job(live: Object) -> Verdict:
    failed = condition(live, "Failed")
    if failed.get("status") == "True":
        return Verdict(
            Phase.FAILED, f"the job failed: {failed.get('reason', '')}: {failed.get('message', '')}"
        )
    if condition(live, "Complete").get("status") == "True" or part(live, "spec", "suspend"):
        return _READY
    done, wanted = _count(live, "status", "succeeded"), _count(live, "spec", "completions") or 1
    return _waiting(f"{done} of {wanted} completions, {_count(live, 'status', 'active')} pods active")


def _pod(live: Object) -> Verdict:
    phase = part(live, "status", "phase")
    if phase == "Succeeded" or condition(live, "Ready").get("status") == "True":
        return _READY
    if phase == "Failed":
        return Verdict(Phase.FAILED, f"the pod failed: {part(live, 'status', 'reason') or pod_state(live)}")
    return _waiting(pod_state(live) or f"the pod is {phase or 'not scheduled'}")


def _claim(live: Object) -> Verdict:
    phase = part(live, "status", "phase")
    if phase == "Lost":
        return Verdict(Phase.FAILED, "the claim lost its volume")
    return _READY if phase == "Bound" else _waiting(f"the claim is {phase or 'not yet seen'}, not bound")


def _namespace(live: Object) -> Verdict:
    phase = part(live, "status", "phase")
    return (
        _READY if phase == "Active" else _waiting(f"the namespace is {phase or 'not yet seen'}, not active")
    )


def _definition(live: Object) -> Verdict:
    names = condition(live, "NamesAccepted")
    if names.get("status") == "False":
        return Verdict(Phase.FAILED, f"its names are not accepted: {names.get('message', '')}")
    established = condition(live, "Established").get("status") == "True"
    return _READY if established else _waiting("the definition is not established")


_RULES: dict[tuple[str, str], Callable[[Object], Verdict]] = {
    ("", "Namespace"): _namespace,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
}


def pod_state(pod: Object) -> str:
    """Why a pod is not running, in words: the reasons of its containers and its scheduling.

    Never a container's termination message: that may hold the last lines of its log, which are data.
    """
    found: list[str] = []
    for field in ("initContainerStatuses", "containerStatuses"):
        found += [text for status in parts(pod, "status", field) if (text := _container_state(status))]
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        found.append(f"not scheduled: {scheduled.get('message', '')}")
    return "; ".join(found)


def _container_state(status: Object) -> str:
    name = f"container {status.get('name')}"
    for when in ("state", "lastState"):
        ended = part(status, when, "terminated")
        if ended and (ended.get("exitCode") or when == "lastState"):
            return f"{name}: {ended.get('reason', 'ended')} (exit code {ended.get('exitCode')})"
        held = part(status, when, "waiting")
        if held and held.get("reason") not in (
            None,
            "ContainerCreating",
            "PodInitializing",
            "CrashLoopBackOff",
        ):
            return f"{name}: {held.get('reason')}: {held.get('message', '')}"
    return ""
