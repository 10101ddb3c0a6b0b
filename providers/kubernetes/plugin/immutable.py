"""The fields that Kubernetes refuses to change in place, so that the object must be replaced.

From the validation code of each kind (`Validate...Update` in Kubernetes 1.36); the official plugin's table has
some fewer. A kind that is not listed changes in place, but for its name and namespace.
"""

from dataclasses import dataclass

from providers.kubernetes.plugin.naming import Kind
from providers.kubernetes.plugin.values import Object

Path = tuple[str | int, ...]
"""Keys and list indexes from the object's root to a value."""


@dataclass(frozen=True)
class Fixed:
    """`fields` and what is below them cannot change, except `movable` and what is below those."""

    fields: tuple[str, ...]
    movable: tuple[str, ...] = ()

    def covers(self, path: Path) -> bool:
        """Whether a change at `path` needs a replacement."""
        return any(_below(path, field) for field in self.fields) and not any(
            _below(path, m) for m in self.movable
        )


def _below(path: Path, field: str) -> bool:
    wanted = field.split(".")
    if len(path) < len(wanted):
        return False
    return all(key in ("*", place) for key, place in zip(wanted, path, strict=False))


_IDENTITY = Fixed(("apiVersion", "kind", "metadata.name", "metadata.namespace"))
_SELECTOR = Fixed(("spec.selector",))
_ROLE = Fixed(("roleRef",))
_SEALED = Fixed(("data", "binaryData", "stringData", "immutable"))

_FIXED: dict[tuple[str, str], Fixed] = {
    ("", "PersistentVolume"): Fixed(
        ("spec",),
        (
            "spec.accessModes",
            "spec.capacity",
            "spec.claimRef",
            "spec.mountOptions",
            "spec.persistentVolumeReclaimPolicy",
            "spec.storageClassName",
            "spec.volumeAttributesClassName",
        ),
    ),
    ("", "PersistentVolumeClaim"): Fixed(
        ("spec",), ("spec.resources.requests", "spec.volumeAttributesClassName")
    ),
    ("", "Pod"): Fixed(
        ("spec",),
        (
            "spec.activeDeadlineSeconds",
            "spec.containers.*.image",
            "spec.initContainers.*.image",
            "spec.tolerations",
        ),
    ),
    ("", "ResourceQuota"): Fixed(("spec.scopes", "spec.scopeSelector")),
    ("", "Secret"): Fixed(("type",)),
    ("", "Service"): Fixed(("spec.clusterIP",)),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Fixed(
        ("spec.group", "spec.scope", "spec.names.plural")
    ),
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "ReplicaSet"): _SELECTOR,
    ("apps", "StatefulSet"): Fixed(
        ("spec",),
        (
            "spec.minReadySeconds",
            "spec.ordinals",
            "spec.persistentVolumeClaimRetentionPolicy",
            "spec.replicas",
            "spec.revisionHistoryLimit",
            "spec.template",
            "spec.updateStrategy",
        ),
    ),
    ("batch", "Job"): Fixed(
        (
            "spec.backoffLimitPerIndex",
            "spec.completionMode",
            "spec.completions",
            "spec.managedBy",
            "spec.manualSelector",
            "spec.podFailurePolicy",
            "spec.podReplacementPolicy",
            "spec.selector",
            "spec.successPolicy",
            "spec.template",
        )
    ),
    ("discovery.k8s.io", "EndpointSlice"): Fixed(("addressType",)),
    ("networking.k8s.io", "IngressClass"): Fixed(("spec.controller",)),
    ("node.k8s.io", "RuntimeClass"): Fixed(("handler",)),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _ROLE,
    ("rbac.authorization.k8s.io", "RoleBinding"): _ROLE,
    ("scheduling.k8s.io", "PriorityClass"): Fixed(("value", "preemptionPolicy")),
    ("storage.k8s.io", "StorageClass"): Fixed(
        ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
    ),
    ("storage.k8s.io", "VolumeAttributesClass"): Fixed(("driverName", "parameters")),
}


def needs_replacement(kind: Kind, old_inputs: Object, path: Path, *, patch: bool = False) -> bool:
    """Whether a change at `path` of an object of `kind` needs a replacement.

    A Secret or ConfigMap that was declared immutable keeps its contents. A patch owns single fields, so that
    only the object it points at is fixed.
    """
    if _IDENTITY.covers(path):
        return True
    if patch:
        return False
    sealed = kind.kind in ("ConfigMap", "Secret") and old_inputs.get("immutable") is True
    if sealed and kind.group == "" and _SEALED.covers(path):
        return True
    fixed = _FIXED.get((kind.group, kind.kind))
    return fixed is not None and fixed.covers(path)
