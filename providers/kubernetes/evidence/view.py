"""A project's objects as proofs look at them, whether recorded or read back."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from components.contract import Fault, Record, Records, Verdict, broken, changed, kept, with_record
from providers.kubernetes import names

NETWORK_POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
GUARD: Final = "kubernetes:cilium.io/v2:CiliumClusterwideNetworkPolicy"
NAMESPACE: Final = "kubernetes:core/v1:Namespace"
CLAIM: Final = "kubernetes:core/v1:PersistentVolumeClaim"
VOLUME: Final = "kubernetes:core/v1:PersistentVolume"
SECRET: Final = "kubernetes:core/v1:Secret"  # noqa: S105 # a type token
POD: Final = "kubernetes:core/v1:Pod"
CONFIG_MAP: Final = "kubernetes:core/v1:ConfigMap"
QUOTA: Final = "kubernetes:core/v1:ResourceQuota"
LIMITS: Final = "kubernetes:core/v1:LimitRange"
ACCOUNT: Final = "kubernetes:core/v1:ServiceAccount"
STORAGE_CLASS: Final = "kubernetes:storage.k8s.io/v1:StorageClass"
POLICY: Final = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"
BINDING: Final = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding"
CRON_JOB: Final = "kubernetes:batch/v1:CronJob"
JOB: Final = "kubernetes:batch/v1:Job"
DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
STATEFUL_SET: Final = "kubernetes:apps/v1:StatefulSet"
SERVICE: Final = "kubernetes:core/v1:Service"
ROLE: Final = "kubernetes:rbac.authorization.k8s.io/v1:Role"
ROLE_BINDING: Final = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
CLUSTER_ROLE: Final = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
CLUSTER_ROLE_BINDING: Final = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"

KEEPER_SILENCE: Final = 900
"""Seconds without a success after which the keeper, which runs every minute, is taken to be broken."""

Object = Mapping[str, Any]


def at(value: Any, *path: str | int) -> Any:
    """Return what stands at a path of keys and indexes in nested data, or None where it ends early."""
    for step in path:
        if isinstance(step, int):
            items = cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()
            value = items[step] if step < len(items) else None
        else:
            value = cast("Object", value).get(step) if isinstance(value, Mapping) else None
    return value


def listed(value: Any, *path: str | int) -> list[Any]:
    """Return the list at a path, empty where there is none."""
    found = at(value, *path)
    return list(cast("Sequence[Any]", found)) if isinstance(found, list | tuple) else []


def mapped(value: Any, *path: str | int) -> Object:
    """Return the mapping at a path, empty where there is none."""
    found = at(value, *path)
    return cast("Object", found) if isinstance(found, Mapping) else {}


@dataclass(frozen=True)
class View:
    """The objects that matter to one project. `site` and `project` come from the component's own record."""

    site: str
    project: str
    records: Records

    @property
    def namespace(self) -> str:
        """The project's namespace."""
        return names.namespace(self.site, self.project)

    def all(self, *types: str) -> list[Record]:
        """Return the objects of the given types, wherever they are."""
        return [record for record in self.records if record.type in types]

    def mine(self, *types: str) -> list[Record]:
        """Return the objects of the given types in the project's namespace."""
        return [
            each for each in self.all(*types) if at(each.inputs, "metadata", "namespace") == self.namespace
        ]

    def named(self, type_: str, name: str) -> Record | None:
        """Return the object of a type with a physical name, if there is one."""
        found = [each for each in self.all(type_) if at(each.inputs, "metadata", "name") == name]
        return found[0] if found else None

    def own_namespace(self) -> Record | None:
        """Return the project's namespace object."""
        return self.named(NAMESPACE, self.namespace)

    def admits(self, *policies: str) -> list[Record | None]:
        """Return each named admission policy and its binding; None stands for one missing or not denying."""
        found: list[Record | None] = []
        for name in policies:
            physical = names.guard(self.site, name)
            policy, binding = self.named(POLICY, physical), self.named(BINDING, physical)
            closed = policy is not None and at(policy.inputs, "spec", "failurePolicy") == "Fail"
            denies = binding is not None and "Deny" in listed(binding.inputs, "spec", "validationActions")
            found += [policy if closed else None, binding if denies else None]
        return found


def keeper(project: View) -> tuple[list[Record | None], list[str]]:
    """Return the means by which the keeper reaches a project, and what is wrong with them.

    Read back, the cron job also tells when it last succeeded; one that has stopped succeeding keeps nothing.
    """
    place = names.site_namespace(project.site, "keeper")
    job = next(
        (each for each in project.all(CRON_JOB) if at(each.inputs, "metadata", "namespace") == place), None
    )
    running = job is not None and not at(job.inputs, "spec", "suspend")
    binding = next((each for each in project.mine(ROLE_BINDING) if is_keepers(project, each)), None)
    return [job if running else None, binding], _overdue(job)


def is_keepers(project: View, binding: Record) -> bool:
    """Tell whether a role binding is the keeper's own."""
    place = names.site_namespace(project.site, "keeper")
    found = [
        (each.get("kind"), each.get("name"), each.get("namespace"))
        for each in listed(binding.inputs, "subjects")
    ]
    return found == [("ServiceAccount", "keeper", place)]


def _overdue(job: Record | None) -> list[str]:
    asked = at(job and job.inputs, "status", "lastScheduleTime")
    if not asked:
        return []
    now = datetime.datetime.now(datetime.UTC)
    done = at(job and job.inputs, "status", "lastSuccessfulTime") or at(
        job and job.inputs, "metadata", "creationTimestamp"
    )
    silent = (now - datetime.datetime.fromisoformat(str(done))).total_seconds()
    return [f"the keeper has not succeeded for {silent / 60:.0f} minutes"] if silent > KEEPER_SILENCE else []


def view(records: Records, component: str = "DataStore") -> View:
    """Return the view of the project whose component is among the records."""
    own = next(
        each for each in records if each.type == f"tre:index:{component}" and each.inputs["scope"] != "site"
    )
    return View(str(own.inputs["site"]), str(own.inputs["scope"]), records)


def all_of(because: str, found: Sequence[Record | None], offences: Sequence[str] = ()) -> Verdict:
    """Return a verdict that holds when every means is there and nothing offends.

    The means are independent of one another: a missing one breaks the verdict even while the others hold, so
    that a barrier is mended before it is the last.
    """
    if offences:
        return broken("; ".join(offences))
    if not found or any(each is None for each in found):
        return broken(f"one of the means is missing by which {because}")
    return kept(because, [each for each in found if each is not None])


def called(type_: str, name: str) -> Callable[[Record], bool]:
    """Return a test for a record by type and by the end of its physical name."""
    return lambda record: record.type == type_ and str(at(record.inputs, "metadata", "name")).endswith(name)


def without(matches: Callable[[Record], bool]) -> Fault:
    """Return a fault that removes the records that match."""
    return lambda records: [each for each in records if not matches(each)]


def planted(type_: str, name: str, **inputs: Any) -> Fault:
    """Return a fault that adds an object to the project's namespace."""

    def plant(records: Records) -> Records:
        metadata = {"name": name, "namespace": view(records).namespace, **inputs.get("metadata", {})}
        return with_record(Record(type_, name, {**inputs, "metadata": metadata}))(records)

    return plant


def respecified(type_: str, name: str, **spec: Any) -> Fault:
    """Return a fault that overwrites parts of an object's spec."""
    matches = called(type_, name)

    def plant(records: Records) -> Records:
        for record in filter(matches, records):
            records = changed(lambda each, it=record: each is it, spec={**record.inputs["spec"], **spec})(
                records
            )
        return records

    return plant
