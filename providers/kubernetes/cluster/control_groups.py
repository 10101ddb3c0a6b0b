"""The cluster's own control groups: `tre<slot>` in every hierarchy, with `node` below for the parts themselves.

Pods come beside `node`, so that the kubelet and Cilium see only what is the cluster's, and two clusters never share.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PATIENCE: Final = 5.0


def roots() -> Sequence[Path]:
    """Return the root of each hierarchy: one on cgroup v2, one per controller (and perhaps a v2 one) on v1."""
    return [point for point, kind in _mounted() if kind in ("cgroup", "cgroup2")]


def has_unified() -> bool:
    """Tell whether cgroup v2 is mounted, alone or beside v1."""
    return any(kind == "cgroup2" for _, kind in _mounted())


def unified_root() -> Path:
    """Return where cgroup v2 is mounted. Cilium attaches its programs below it."""
    return next(point for point, kind in _mounted() if kind == "cgroup2")


def enter(name: str) -> None:
    """Make the groups `name` and `name/node`, and move this process to the second."""
    for root in roots():
        for group in (root / name, root / name / "node"):
            group.mkdir(exist_ok=True)
            _copy_cpu_set(group)
        (root / name / "node" / "cgroup.procs").write_text("0")


def remove(name: str) -> None:
    """Remove the groups of a cluster that has ended, deepest first, waiting a little for its last processes."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        left = [group for root in roots() for group in _below(root / name)]
        if not left:
            return
        for group in left:
            with contextlib.suppress(OSError):
                group.rmdir()
        time.sleep(0.05)


def _below(group: Path) -> Sequence[Path]:
    folders = [Path(folder) for folder, _, _ in os.walk(group, topdown=False)]
    return folders if group.exists() else []


def _copy_cpu_set(group: Path) -> None:
    # On cgroup v1 a new group has no processor at all until it is given some.
    for name in ("cpuset.cpus", "cpuset.mems"):
        own, parent = group / name, group.parent / name
        if own.exists() and parent.exists() and not own.read_text().strip():
            own.write_text(parent.read_text())


def _mounted() -> Sequence[tuple[Path, str]]:
    lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [(Path(fields[1]), fields[2]) for fields in lines]
