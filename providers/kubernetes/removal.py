"""What is gone with what, when a stack is erased: a namespace takes along all that stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from providers.kubernetes.evidence.view import at

COMPUTES: Final = frozenset(
    f"kubernetes:{kind}"
    for kind in (
        "apps/v1:Deployment",
        "apps/v1:StatefulSet",
        "apps/v1:DaemonSet",
        "batch/v1:Job",
        "batch/v1:CronJob",
        "core/v1:Pod",
    )
)
"""Types of what runs programs."""
_FIRST: Final = COMPUTES | {"kubernetes:core/v1:PersistentVolumeClaim"}
"""What computes is ended by itself, before its namespace and with it the walls around it go. So are claims: finalizers
hold them for a moment, and a namespace that finds them held looks again only after seconds."""


def goes_with(resources: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return which resource (URN) a deletion of which other one deletes too, given them as Pulumi's state has them.

    The state's order is kept to: what is referred to stands before what refers to it.
    """
    namespaces: dict[str, str] = {}
    found: dict[str, str] = {}
    for each in resources:
        name, namespace = (at(each, "inputs", "metadata", key) for key in ("name", "namespace"))
        if each["type"] == "kubernetes:core/v1:Namespace":
            namespaces[str(name)] = str(each["urn"])
        elif each["type"] not in _FIRST and (place := namespaces.get(str(namespace))):
            found[str(each["urn"])] = place
    return found
