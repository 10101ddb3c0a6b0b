"""Volumes of the site's own services, on an encrypted class of their own with a key of its own."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

import pulumi
from pulumi_kubernetes.core.v1 import (
    PersistentVolumeClaim,
    PersistentVolumeClaimSpecArgs,
    Secret,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.storage.v1 import StorageClass

from components.contract import Component
from providers.kubernetes import names
from providers.kubernetes.objects import meta
from providers.kubernetes.target import KubernetesTarget

_KEY_BYTES: Final = 32


class Volumes:
    """Claims of one part of the site. They are kept when the stack is destroyed, as everything is that holds data."""

    def __init__(
        self, component: Component[Any, KubernetesTarget, Any], part: str, place: str, after: pulumi.Resource
    ) -> None:
        self._component, self._place = component, place
        spec, storage = component.spec, component.target.storage
        # No project is called so: its name has no leading hyphen, and its key no word before `volume-key`.
        self.storage_class: str = f"tre-s-{spec.site}--{part}"
        key = Secret(
            f"{part}-volume-key",
            metadata=meta(spec, f"site-volume-key-{part}", names.site_namespace(spec.site, "keys")),
            immutable=True,
            string_data={"passphrase": pulumi.Output.secret(secrets.token_hex(_KEY_BYTES))},
            opts=component.held(ignore_changes=["data", "stringData"]),
        )
        parameters = dict(storage.parameters)
        if storage.own_key:
            for stage in ("provisioner", "node-stage"):
                prefix = f"csi.storage.kubernetes.io/{stage}-secret"
                parameters[f"{prefix}-name"] = f"site-volume-key-{part}"
                parameters[f"{prefix}-namespace"] = names.site_namespace(spec.site, "keys")
        made = StorageClass(
            f"{part}-storage-class",
            metadata=meta(spec, self.storage_class),
            provisioner=storage.provisioner,
            parameters=parameters,
            reclaim_policy="Retain",
            volume_binding_mode="WaitForFirstConsumer",
            opts=component.held(depends_on=[key]),
        )
        self._after: Sequence[pulumi.Resource] = [made, after]

    def claim(self, name: str, gib: int, owner: int) -> PersistentVolumeClaim:
        """Ask for a volume that belongs to a user."""
        notes = {"tre.local/owner": f"{owner}:{owner}", "tre.local/mode": "0750"}
        shared = self._component.target.storage.shared
        return PersistentVolumeClaim(
            f"{name}-claim",
            metadata=meta(self._component.spec, name, self._place, annotations=notes),
            spec=PersistentVolumeClaimSpecArgs(
                access_modes=["ReadWriteMany" if shared else "ReadWriteOnce"],
                storage_class_name=self.storage_class,
                resources=VolumeResourceRequirementsArgs(requests={"storage": f"{gib}Gi"}),
            ),
            opts=self._component.held(depends_on=self._after),
        )
