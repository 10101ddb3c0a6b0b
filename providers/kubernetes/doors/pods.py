"""How a service's pods are made: unprivileged, with a read-only root, replaced one by one without a lost request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from pulumi_kubernetes.apps.v1 import (
    Deployment,
    DeploymentSpecArgs,
    DeploymentStrategyArgs,
    RollingUpdateDeploymentArgs,
)
from pulumi_kubernetes.core.v1 import (
    ConfigMapProjectionArgs,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    HTTPHeaderArgs,
    KeyToPathArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ProjectedVolumeSourceArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecretVolumeSourceArgs,
    ServiceAccount,
    ServiceAccountTokenProjectionArgs,
    SleepActionArgs,
    TCPSocketActionArgs,
    VolumeArgs,
    VolumeMountArgs,
    VolumeProjectionArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from components.contract import Component, Spec
from providers.kubernetes import names
from providers.kubernetes.objects import confined, labels, meta

SERVICE: Final = f"{names.LABEL}/service"
"""Label of the site's own pods: which service they are. Policies select on it."""
STAMP: Final = f"{names.LABEL}/stamp"
"""Annotation that changes with what a pod was told, so that it is replaced."""
PORTAL_USER: Final = 10030
"""User of everything that runs the portal's image; the areas belong to it."""
_DRAIN_SECONDS: Final = 5
"""Between being taken off the service's list and being told to end: until every node knows."""
_GRACE_SECONDS: Final = 90


@dataclass(frozen=True)
class Mount:
    """A volume and where a container sees it."""

    volume: VolumeArgs
    name: str
    path: str
    read_only: bool = True


def secret(name: str, path: str, *keys: str) -> Mount:
    """Return a Secret's values, or those named, as files that the pod's own group may read."""
    items = [KeyToPathArgs(key=key, path=key) for key in keys]
    source = SecretVolumeSourceArgs(secret_name=name, default_mode=0o440, items=items or None)
    return Mount(VolumeArgs(name=name, secret=source), name, path)


def config(name: str, path: str) -> Mount:
    """Return a ConfigMap's values as files."""
    return Mount(VolumeArgs(name=name, config_map=ConfigMapVolumeSourceArgs(name=name)), name, path)


def claim(name: str, path: str, *, read_only: bool) -> Mount:
    """Return a volume that lasts."""
    source = PersistentVolumeClaimVolumeSourceArgs(claim_name=name, read_only=read_only)
    return Mount(VolumeArgs(name=name, persistent_volume_claim=source), name, path, read_only)


def scratch(name: str, path: str, size: str = "256Mi", *, memory: bool = False) -> Mount:
    """Return a volume that lives as long as the pod."""
    source = EmptyDirVolumeSourceArgs(medium="Memory" if memory else None, size_limit=size)
    return Mount(VolumeArgs(name=name, empty_dir=source), name, path, read_only=False)


def token(path: str, audience: str = "") -> Mount:
    """Return the pod's own token for the API server (or for `audience`), renewed every hour."""
    own = ServiceAccountTokenProjectionArgs(path="token", expiration_seconds=3600, audience=audience or None)
    sources = [VolumeProjectionArgs(service_account_token=own)]
    if not audience:
        sources.append(VolumeProjectionArgs(config_map=ConfigMapProjectionArgs(name="kube-root-ca.crt")))
    source = ProjectedVolumeSourceArgs(sources=sources, default_mode=0o440)
    return Mount(VolumeArgs(name="token", projected=source), "token", path)


@dataclass(frozen=True)
class Container:
    """One container. `ready` is the probe that decides whether it gets traffic; memory and CPU are limits.

    `promised` is the CPU that it gets however busy the node is; beyond it, what is free is shared in that proportion.
    """

    name: str
    image: str
    mounts: Sequence[Mount]
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    port: int = 0
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, Any])
    ready: ProbeArgs | None = None
    cpu: str = "1"
    promised: str = "10m"
    memory: str = "512Mi"
    drains: bool = False

    def built(self) -> ContainerArgs:
        """Return it under Pod Security `restricted`, with a read-only root."""
        sleep = LifecycleHandlerArgs(sleep=SleepActionArgs(seconds=_DRAIN_SECONDS))
        return ContainerArgs(
            name=self.name,
            image=self.image,
            image_pull_policy="IfNotPresent",
            command=list(self.command) or None,
            args=list(self.args) or None,
            env=[EnvVarArgs(name=name, value=value) for name, value in self.environment.items()] or None,
            ports=[ContainerPortArgs(container_port=self.port)] if self.port else None,
            readiness_probe=self.ready,
            lifecycle=LifecycleArgs(pre_stop=sleep) if self.drains else None,
            security_context=confined(),
            resources=ResourceRequirementsArgs(
                requests={"cpu": self.promised, "memory": "64Mi"},
                limits={"cpu": self.cpu, "memory": self.memory},
            ),
            volume_mounts=[
                VolumeMountArgs(name=each.name, mount_path=each.path, read_only=each.read_only)
                for each in self.mounts
            ],
        )


@dataclass(frozen=True)
class Service:
    """One service's pods. `user` is their user and group, to which their volumes belong."""

    name: str
    user: int
    containers: Sequence[Container]
    replicas: int = 1
    marks: Mapping[str, str] = field(default_factory=dict[str, str])
    stamp: pulumi.Input[str] = ""
    replaced_first: bool = False
    """End the old pod before the new one starts: for what must not run twice."""


def ask(path: str, port: int, host: str = "", *, seconds: int = 2, failures: int = 3) -> ProbeArgs:
    """Return a probe by an HTTPS request. `host` is the name by which the service knows itself."""
    header = [HTTPHeaderArgs(name="Host", value=host)] if host else None
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port=port, scheme="HTTPS", http_headers=header),
        period_seconds=seconds,
        timeout_seconds=5,
        failure_threshold=failures,
    )


def connect(port: int, *, seconds: int = 2) -> ProbeArgs:
    """Return a probe by opening a connection."""
    return ProbeArgs(tcp_socket=TCPSocketActionArgs(port=port), period_seconds=seconds, timeout_seconds=5)


def marks(spec: Spec, service: Service) -> dict[str, str]:
    """Return the labels of a service's pods."""
    return {**labels(spec), SERVICE: service.name, **service.marks}


def template(spec: Spec, service: Service, *, restart: str = "Always") -> PodTemplateSpecArgs:
    """Return the pod that a service's pods are made from."""
    volumes = {each.name: each.volume for container in service.containers for each in container.mounts}
    return PodTemplateSpecArgs(
        metadata=ObjectMetaArgs(labels=marks(spec, service), annotations={STAMP: service.stamp}),
        spec=PodSpecArgs(
            service_account_name=service.name,
            automount_service_account_token=False,
            enable_service_links=False,
            restart_policy=restart,
            termination_grace_period_seconds=_GRACE_SECONDS,
            security_context=PodSecurityContextArgs(
                run_as_non_root=True,
                run_as_user=service.user,
                run_as_group=service.user,
                fs_group=service.user,
                fs_group_change_policy="OnRootMismatch",
                seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
            ),
            containers=[each.built() for each in service.containers],
            volumes=list(volumes.values()),
        ),
    )


def account(
    component: Component[Any, Any, Any], name: str, place: str, after: Sequence[pulumi.Resource]
) -> ServiceAccount:
    """Make the account that a service's pods run as. It has no right and no token unless something gives it one."""
    return ServiceAccount(
        f"{name}-account",
        metadata=meta(component.spec, name, place),
        automount_service_account_token=False,
        opts=component.child(depends_on=after),
    )


def deploy(
    component: Component[Any, Any, Any], service: Service, place: str, after: Sequence[pulumi.Resource]
) -> Deployment:
    """Run a service: pods of which one more is ready before one is ended, and which are not all moved at once."""
    spec, selector = component.spec, LabelSelectorArgs(match_labels={SERVICE: service.name})
    made = account(component, service.name, place, after)
    if service.replicas > 1:
        PodDisruptionBudget(
            f"{service.name}-budget",
            metadata=meta(spec, service.name, place),
            spec=PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=selector),
            opts=component.child(depends_on=after),
        )
    gently = DeploymentStrategyArgs(
        type="RollingUpdate", rolling_update=RollingUpdateDeploymentArgs(max_unavailable=0, max_surge=1)
    )
    return Deployment(
        service.name,
        metadata=meta(spec, service.name, place),
        spec=DeploymentSpecArgs(
            replicas=service.replicas,
            selector=selector,
            strategy=DeploymentStrategyArgs(type="Recreate") if service.replaced_first else gently,
            progress_deadline_seconds=600,
            template=template(spec, service),
        ),
        opts=component.child(depends_on=[made, *after]),
    )
