"""Which machines keep a project inside its share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.errors import Unbuildable
from components.workspace import WorkspaceSpec

_CORES: Final = (2, 4, 8, 16, 32, 48, 64, 96)
_FAMILIES: Final = ((2, "Standard_D{}ls_v5"), (4, "Standard_D{}s_v5"), (8, "Standard_E{}s_v5"))
"""GiB of memory that each family gives per core, from Azure's table of sizes, least first."""

_CONFIDENTIAL: Final = ((4, "Standard_DC{}as_v5"), (8, "Standard_EC{}as_v5"))
_GPU: Final = {1: ("Standard_NC24ads_A100_v4", 24, 220), 2: ("Standard_NC48ads_A100_v4", 48, 440)}


@dataclass(frozen=True)
class Machines:
    """One size of machine, its cores and memory in GiB, how many run, and each disk in GiB."""

    size: str
    cores: int
    memory_gib: float
    count: int
    disk_gib: int


def machines(spec: WorkspaceSpec) -> Machines:
    """Return as many machines as the project asks for and its quota holds.

    Raises:
        Unbuildable: not even one machine fits into the quota, or no size has what is asked.
    """
    size, cores, memory = _size(spec)
    quota = spec.quota
    most = int(min(quota.cpu // cores, quota.memory_gib // memory, quota.machines, spec.count))
    if most < 1:
        raise Unbuildable(
            "workspace.quota",
            f"{quota.cpu:g} cores and {quota.memory_gib:g} GiB hold no {size} ({cores} cores, {memory:g} GiB)",
            "Raise the quota, for example to 'cpu: 4' and 'memory_gib: 16', or ask for smaller workspaces.",
        )
    disk = min(quota.storage_gib // most, _LARGEST_DISK)
    if disk < _LEAST_DISK:
        raise Unbuildable(
            "workspace.quota.storage_gib",
            f"{quota.storage_gib} GiB leave {disk} GiB of disk for each of {most} machines",
            f"Allow {most * _LEAST_DISK} GiB or more, or fewer machines.",
        )
    return Machines(size, cores, memory, most, disk)


_LEAST_DISK: Final = 20
"""GiB: the machine's own system takes about eight, and images and scratch need the rest."""
_LARGEST_DISK: Final = 4095
"""GiB: the largest that Azure takes for a system's disk."""


def _size(spec: WorkspaceSpec) -> tuple[str, int, float]:
    asked = spec.size
    if asked.gpu:
        return _gpu(spec)
    families = _CONFIDENTIAL if spec.sandboxed else _FAMILIES
    fitting = [
        (cores * per_core, cores, pattern.format(cores))
        for per_core, pattern in families
        for cores in _CORES
        if cores >= asked.cpu and cores * per_core >= asked.memory_gib
    ]
    if not fitting:
        raise Unbuildable(
            "workspace.size",
            f"no machine has {asked.cpu:g} cores and {asked.memory_gib:g} GiB",
            "Ask for at most 96 cores and 768 GiB.",
        )
    memory, cores, size = min(fitting, key=lambda each: (each[1], each[0]))
    return size, cores, memory


def _gpu(spec: WorkspaceSpec) -> tuple[str, int, float]:
    if spec.sandboxed or spec.size.gpu not in _GPU:
        raise Unbuildable(
            "workspace.size.gpu",
            f"{spec.size.gpu} devices{' in a confidential machine' if spec.sandboxed else ''} are not offered",
            "Ask for 1 or 2 devices, in a tier that needs no confidential machine.",
        )
    return _GPU[spec.size.gpu]
