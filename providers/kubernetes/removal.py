"""What is gone with what, when a stack is erased: a namespace takes along all that stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from providers.kubernetes.evidence.view import at

_FIRST: Final = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "PersistentVolumeClaim"}
)
"""What computes is ended by itself, before its namespace and with it the walls around it go. So are claims: finalizers
hold them for a moment, and a namespace that finds them held looks again only after seconds."""


def goes_with(resources: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return which resource (URN) a deletion of which other one deletes too, given them as Pulumi's state has them.

    The state's order is kept to: what is referred to stands before what refers to it.
    """
    namespaces: dict[str, str] = {}
    found: dict[str, str] = {}
    for each in resources:
        kind = str(each["type"]).rpartition(":")[2]
        name, namespace = (at(each, "inputs", "metadata", key) for key in ("name", "namespace"))
        if kind == "Namespace":
            namespaces[str(name)] = str(each["urn"])
        elif kind not in _FIRST and (place := namespaces.get(str(namespace))):
            found[str(each["urn"])] = place
    return found
