"""Which machines keep a project inside its share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.errors import Unbuildable
from components.workspace import WorkspaceSpec

_FAMILIES: Final = ((8, "r7i"), (4, "m7i"), (2, "c7i"))
"""GiB of memory that each family gives per core."""

_SIZES: Final = (
    (2, "large"),
    (4, "xlarge"),
    (8, "2xlarge"),
    (16, "4xlarge"),
    (32, "8xlarge"),
    (64, "16xlarge"),
)
_GPU_FAMILY: Final = ((4, "g6"),)
_GPU_SIZES: Final = ((4, "xlarge"), (8, "2xlarge"), (16, "4xlarge"), (32, "8xlarge"), (64, "16xlarge"))


@dataclass(frozen=True)
class Machines:
    """One type of machine, its cores, and how many cores may run at once."""

    type: str
    cores: int
    most_cores: int


def machines(spec: WorkspaceSpec) -> Machines:
    """Return the machines that fit one workspace and, all together, never exceed the quota.

    Batch limits cores only. A single type with a fixed memory per core makes that a limit on memory too, and a
    number of cores that whole machines divide keeps Batch from rounding up past it.

    Raises:
        Unbuildable: not even one machine fits into the quota.
    """
    gpu = spec.size.gpu > 0
    families, sizes = (_GPU_FAMILY, _GPU_SIZES) if gpu else (_FAMILIES, _SIZES)
    # An enclave takes cores from its machine, which needs four or more (EC2 guide, "Nitro Enclaves requirements").
    least = max(spec.size.cpu, 4 if spec.sandboxed else 1)
    fitting: list[tuple[int, int, Machines]] = []
    for per_core, family in families:
        cores = next(
            (each for each, _ in sizes if each >= least and each * per_core >= spec.size.memory_gib), 0
        )
        most = _whole(
            min(spec.quota.cpu, spec.quota.memory_gib / per_core, spec.quota.machines * cores), cores
        )
        if most:
            fitting.append(
                (-most // cores, per_core, Machines(f"{family}.{dict(sizes)[cores]}", cores, most))
            )
    if fitting:
        # As many machines as may be; of those, the ones with the least memory to pay for.
        return min(fitting, key=lambda each: each[:2])[2]
    raise Unbuildable(
        "workspace.quota",
        f"{spec.quota.cpu:g} cores and {spec.quota.memory_gib:g} GiB hold no machine for a workspace of "
        f"{spec.size.cpu:g} cores and {spec.size.memory_gib:g} GiB",
        "Raise the quota, for example to 'cpu: 4' and 'memory_gib: 16', or ask for smaller workspaces.",
    )


def _whole(cores: float, by: int) -> int:
    return int(cores // by) * by if by else 0
