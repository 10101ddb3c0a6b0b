"""Where a project's people compute: a place with no way out but the airlock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal

import pulumi

from components.airlock import AirlockOutputs
from components.contract import Component, Model, Promise, Spec, TargetT, promises
from components.data_store import DataStoreOutputs

PROMISES = promises(
    "workspace",
    {
        "no-route-to-internet": ("Nothing in the workspace reaches the internet.", "2.2.11 3.1.12"),
        "no-path-to-other-projects": ("No network path joins two projects.", "2.2.10 2.1.08 2.1.14"),
        "no-path-to-control-plane": (
            "The workspace reaches neither the platform's control interface nor its metadata service.",
            "2.2.09 1.5.05",
        ),
        "inside-names-only": ("The workspace resolves inside names only.", "2.2.11 3.1.12"),
        "no-privilege": ("Nothing in the workspace runs with privilege over its host.", "2.1.14 1.5.03"),
        "approved-images-only": ("Only approved images run, named by digest.", "2.1.13 2.7.02"),
        "no-copy-out": (
            "Nobody carries data out by clipboard, download, logs or a forwarded port.",
            "2.1.01",
        ),
        "quota-enforced": ("A project cannot use more than its share.", "2.3.04 2.2.15"),
        "budget-capped": ("Computing stops when the project's budget is spent.", "2.3.04 4.4.02"),
        "egress-only-through-airlock": (
            "The airlock's inside door is the only place outside the project that the workspace can send to.",
            "3.1.05 3.1.12 3.3.04",
        ),
    },
)


class Size(Model):
    """One workspace: `cpu` in cores, `memory_gib` in GiB, `gpu` in devices."""

    cpu: float = 1
    memory_gib: float = 2
    gpu: int = 0


class Quota(Model):
    """What the whole project may hold at once: cores, GiB of memory, GiB of storage, pods or machines."""

    cpu: float = 2
    memory_gib: float = 4
    storage_gib: int = 20
    machines: int = 10


class Budget(Model):
    """What the project may spend: `amount` in `currency` (ISO 4217) over its whole life."""

    amount: float
    currency: str = "GBP"


class WorkspaceSpec(Spec):
    """`destinations` are host names that tiers 0 and 1 may reach; `image` is approved and named by digest.

    `deadline_hours` ends any one computation. `sandboxed` asks for a runtime with a kernel of its own.
    """

    image: str
    image_registries: tuple[str, ...]
    size: Size = Size()
    count: int = 1
    quota: Quota = Quota()
    budget: Budget
    destinations: tuple[str, ...] = ()
    clipboard: Literal["both", "paste-in", "none"] = "none"
    packages: Literal["mirror", "allow-list", "baked"] = "baked"
    sandboxed: bool = False
    deadline_hours: int = 24


@dataclass(frozen=True)
class WorkspaceOutputs:
    """`place` is the backend's name of the isolated network (a namespace, a VPC's id, a VNet's id)."""

    place: pulumi.Input[str]


class Workspace(Component[WorkspaceSpec, TargetT, WorkspaceOutputs], Generic[TargetT]):
    """A project's compute, joined to its data store and to the airlock's inside door, and to nothing else."""

    KIND: ClassVar = "Workspace"
    PROMISES: ClassVar[Mapping[str, Promise]] = PROMISES

    def __init__(
        self,
        spec: WorkspaceSpec,
        target: TargetT,
        data: DataStoreOutputs,
        airlock: AirlockOutputs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self.data = data
        self.airlock = airlock
        super().__init__(spec, target, opts)
