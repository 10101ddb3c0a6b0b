"""Which cluster, and what it offers. Needs no SDK and no cluster to check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from components.model import Model, Target, Weakness


class Storage(Model):
    """The volume driver that projects' storage classes are made from.

    `encrypted` says that the driver encrypts what it stores when asked by `parameters`; `own_key` that it takes
    a key per class from a Secret (the CSI convention `csi.storage.kubernetes.io/*-secret-name`).
    """

    provisioner: str = "tre.local/volumes"
    encrypted: bool = True
    own_key: bool = True
    hardware_key: bool = False
    parameters: dict[str, str] = Field(default_factory=lambda: {"encrypted": "true"})
    sets_owner: bool = True
    """Whether the driver honours the `tre.local/owner` annotation; else the kubelet sets the group."""
    shared: bool = True
    """Whether one volume may be mounted by several pods at once (`ReadWriteMany`)."""


class Dns(Model):
    """Where the cluster's name server runs, so that workspaces may ask it and nothing else."""

    namespace: str = "kube-system"
    labels: dict[str, str] = Field(default_factory=lambda: {"k8s-app": "kube-dns"})


class Prices(Model):
    """What compute costs here, by the hour, in `currency` (ISO 4217): what budgets are spent on.

    The figures are the operator's own; the defaults are of the order of public clouds' list prices.
    """

    currency: str = "GBP"
    cpu_hour: float = 0.04
    memory_gib_hour: float = 0.005
    gpu_hour: float = 1.0


class Services(Model):
    """What the site's own services run from and where people reach them.

    Images are given by digest, for a cluster of your own; the local cluster has them. `host` is the name or address
    under which browsers reach the cluster's nodes or load balancer; empty on the local cluster, which knows it.
    """

    sign_in_image: str = ""
    database_image: str = ""
    scanner_image: str = ""
    host: str = ""
    exposure: Literal["NodePort", "LoadBalancer"] = "NodePort"
    outside_port: Annotated[int, Field(ge=1, le=65535)] = 30443
    sign_in_port: Annotated[int, Field(ge=1, le=65535)] = 30444
    token_issuer: str = "https://kubernetes.default.svc.cluster.local"  # noqa: S105 # an address
    """What the cluster calls itself in the tokens that it gives to workloads."""


class KubernetesTarget(Target):
    """One cluster.

    An empty `kubeconfig` means the embedded local cluster. `network_policies` names the dialect of policies that
    the cluster enforces beside the standard one: with `cilium`, workspaces also get rules on names and a
    cluster-wide guard that no namespaced policy can lift.
    """

    backend: Literal["kubernetes"]  # pyright: ignore[reportIncompatibleVariableOverride] # frozen: narrowing is safe
    kubeconfig: str = ""
    context: str = ""
    storage: Storage = Storage()
    dns: Dns = Dns()
    network_policies: Literal["standard", "cilium"] = "cilium"
    prices: Prices = Prices()
    services: Services = Services()
    runtime_class: str = ""
    """RuntimeClass of sandboxed pods (gVisor, Kata); empty where the cluster has none."""
    user_namespaces: bool = False
    pod_security_version: Annotated[str, Field(pattern=r"^(latest|v1\.\d{2})$")] = "v1.36"
    probe_image: str = ""
    """Image (by digest) with Python 3 for canaries on a cluster of your own; the local cluster has one."""
    registries: tuple[str, ...] = ("registry.tre.local",)
    """Host names that approved images come from."""

    @property
    def embedded(self) -> bool:
        return not self.kubeconfig

    def weaknesses(self, encryption: str, sandboxed: bool) -> Sequence[Weakness]:
        needs = {
            "encrypted": encryption != "any",
            "own_key": encryption in ("own-key", "hardware-key"),
            "hardware_key": encryption == "hardware-key",
        }
        found = [
            (
                f"storage.{key}",
                f"the storage does not give {encryption}",
                f"Use a volume driver with {key}: true.",
            )
            for key, needed in needs.items()
            if needed and not getattr(self.storage, key)
        ]
        if sandboxed and not self.runtime_class:
            remedy = "Name the cluster's RuntimeClass of gVisor or Kata as runtime_class."
            found.append(("runtime_class", "a sandboxed runtime is needed, and none is named", remedy))
        return found


TARGET = KubernetesTarget
