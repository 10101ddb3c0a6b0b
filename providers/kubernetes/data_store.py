"""A project's data on Kubernetes: a namespace, a storage class with the project's key, three claims, a loader."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Final

import pulumi
from pulumi_kubernetes.batch.v1 import Job, JobSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    Namespace,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpecArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ResourceRequirementsArgs,
    Secret,
    ServiceAccount,
    VolumeArgs,
    VolumeMountArgs,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.storage.v1 import StorageClass

from components.data_store import DataStore, DataStoreOutputs
from providers.kubernetes import names
from providers.kubernetes.objects import (
    ANALYST_USER,
    LOADER_USER,
    NETWORK_POLICIES,
    confined,
    default_deny,
    labels,
    meta,
    pod_security,
    pod_user,
)
from providers.kubernetes.target import KubernetesTarget

LOADER: Final = "loader"
_KEY_BYTES: Final = 32
_SCRIPT: Final = Path(__file__).with_name("loader.py").read_text()


class KubernetesDataStore(DataStore[KubernetesTarget]):
    """Inputs that the loader alone writes, a working area and an outbox, each a volume under the project's key."""

    def build(self) -> DataStoreOutputs:
        namespace = self._namespace()
        key = self._key()
        storage_class = self._storage_class(key)
        claims = {
            area: self._claim(area, size, owner, [namespace, storage_class])
            for area, size, owner in (
                ("inputs", self.spec.inputs_gib, LOADER_USER),
                ("working", self.spec.working_gib, ANALYST_USER),
                ("outbox", self.spec.outbox_gib, ANALYST_USER),
            )
        }
        wall = self._wall(namespace)
        self._loader([namespace, wall, claims["inputs"]])
        return DataStoreOutputs(
            inputs=claims["inputs"].metadata.name,
            working=claims["working"].metadata.name,
            outbox=claims["outbox"].metadata.name,
            key=key.metadata.name,
        )

    @property
    def _place(self) -> str:
        return names.namespace(self.spec.site, self.spec.scope)

    def _namespace(self) -> Namespace:
        # Held, because deleting a namespace deletes the claims in it.
        return Namespace(
            "namespace",
            metadata=meta(
                self.spec,
                self._place,
                extra=pod_security(self.target.pod_security_version),
                annotations={
                    f"{names.LABEL}/retention-days": str(self.spec.retention_days),
                    NETWORK_POLICIES: self.target.network_policies,
                },
            ),
            opts=self.held(),
        )

    def _key(self) -> Secret:
        """Make the project's key once: the engine keeps the first value, so later runs do not change it.

        It is immutable, so that the server refuses another value where the engine's state was lost.
        """
        return Secret(
            "key",
            metadata=meta(
                self.spec,
                names.key_secret(self.spec.scope),
                names.site_namespace(self.spec.site, "keys"),
            ),
            immutable=True,
            string_data={"passphrase": pulumi.Output.secret(secrets.token_hex(_KEY_BYTES))},
            opts=self.held(ignore_changes=["data", "stringData"]),
        )

    def _storage_class(self, key: Secret) -> StorageClass:
        parameters = dict(self.target.storage.parameters)
        if self.spec.own_key:
            for stage in ("provisioner", "node-stage"):
                prefix = f"csi.storage.kubernetes.io/{stage}-secret"
                parameters[f"{prefix}-name"] = names.key_secret(self.spec.scope)
                parameters[f"{prefix}-namespace"] = names.site_namespace(self.spec.site, "keys")
        return StorageClass(
            "storage-class",
            metadata=meta(self.spec, names.storage_class(self.spec.site, self.spec.scope)),
            provisioner=self.target.storage.provisioner,
            parameters=parameters,
            reclaim_policy="Retain",
            volume_binding_mode="WaitForFirstConsumer",
            opts=self.held(depends_on=[key]),
        )

    def _claim(self, area: str, gib: int, owner: int, after: list[pulumi.Resource]) -> PersistentVolumeClaim:
        return PersistentVolumeClaim(
            area,
            metadata=meta(
                self.spec,
                area,
                self._place,
                annotations={"tre.local/owner": f"{owner}:{owner}", "tre.local/mode": "0755"},
                extra={f"{names.LABEL}/area": area},
            ),
            spec=PersistentVolumeClaimSpecArgs(
                access_modes=["ReadWriteMany" if self.target.storage.shared else "ReadWriteOnce"],
                storage_class_name=names.storage_class(self.spec.site, self.spec.scope),
                resources=VolumeResourceRequirementsArgs(requests={"storage": f"{gib}Gi"}),
            ),
            opts=self.held(depends_on=after),
        )

    def _wall(self, namespace: Namespace) -> NetworkPolicy:
        """Deny all traffic from the namespace's first moment: the wall stands before anything moves in."""
        return NetworkPolicy(
            "default-deny",
            metadata=meta(self.spec, "default-deny", self._place),
            spec=default_deny(),
            opts=self.child(depends_on=[namespace]),
        )

    def _loader(self, after: list[pulumi.Resource]) -> None:
        account = ServiceAccount(
            LOADER,
            metadata=meta(self.spec, LOADER, self._place),
            automount_service_account_token=False,
            opts=self.child(depends_on=after[:1]),
        )
        plan = ConfigMap(
            "loader-plan",
            metadata=meta(self.spec, "loader-plan", self._place),
            data={"loader.py": _SCRIPT, "plan.json": self._plan()},
            opts=self.child(depends_on=after[:1]),
        )
        if self._from_image():
            Job(
                "load",
                metadata=meta(self.spec, "load", self._place, extra={f"{names.LABEL}/role": LOADER}),
                spec=self._load_job(),
                opts=self.child(depends_on=[account, plan, *after]),
            )

    def _from_image(self) -> list[dict[str, str]]:
        return [
            {
                "name": each.name,
                "path": each.source.path,
                "sha256": each.sha256,
                "classification": each.classification,
            }
            for each in self.spec.data_sets
            if each.source.kind == "image"
        ]

    def _plan(self) -> str:
        return json.dumps(self._from_image(), sort_keys=True)

    def _load_job(self) -> JobSpecArgs:
        return JobSpecArgs(
            backoff_limit=2,
            active_deadline_seconds=3600,
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels={**labels(self.spec), f"{names.LABEL}/role": LOADER}),
                spec=self._load_pod(),
            ),
        )

    def _load_pod(self) -> PodSpecArgs:
        return PodSpecArgs(
            service_account_name=LOADER,
            automount_service_account_token=False,
            enable_service_links=False,
            restart_policy="Never",
            runtime_class_name=self.target.runtime_class or None,
            host_users=False if self.target.user_namespaces else None,
            security_context=pod_user(LOADER_USER, own_volumes=not self.target.storage.sets_owner),
            containers=[self._load_container()],
            volumes=[
                VolumeArgs(name="plan", config_map=ConfigMapVolumeSourceArgs(name="loader-plan")),
                VolumeArgs(
                    name="inputs",
                    persistent_volume_claim=PersistentVolumeClaimVolumeSourceArgs(claim_name="inputs"),
                ),
            ],
        )

    def _load_container(self) -> ContainerArgs:
        return ContainerArgs(
            name=LOADER,
            image=self.spec.loader_image,
            image_pull_policy="IfNotPresent",
            command=["python3", "/plan/loader.py", "/plan/plan.json", "/inputs"],
            security_context=confined(),
            resources=ResourceRequirementsArgs(
                requests={"cpu": "100m", "memory": "64Mi"}, limits={"cpu": "1", "memory": "512Mi"}
            ),
            volume_mounts=[
                VolumeMountArgs(name="plan", mount_path="/plan", read_only=True),
                VolumeMountArgs(name="inputs", mount_path="/inputs"),
            ],
        )
