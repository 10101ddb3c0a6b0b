"""The node's own view of the file system: what the cluster writes stays out of the machine's folders and settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from providers.kubernetes.cluster import network, places

_KERNEL_SETTINGS: Final = {
    # What the kubelet insists on; it would otherwise change the machine's own values.
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
    # What Cilium sets.
    "kernel/timer_migration": "0",
    "kernel/unprivileged_bpf_disabled": "2",
}


def set_up(state: Path) -> None:
    """Build the mounts. Called in a fresh mount namespace that shares nothing with the machine's.

    Args:
        state: the cluster's state folder; it appears at `/run/tre/state`.
    """
    for folder in ("kubelet", "containerd", "pod-logs", "volumes"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    kept = _keep_hold_of(state)
    _mount("-t", "tmpfs", "-o", "mode=755", "tre-run", "/run")
    for folder in (places.INSIDE.root, places.READY, places.VOLUMES, places.RUN / "private"):
        folder.mkdir(parents=True)
    _mount("--bind", kept, str(places.INSIDE.root))
    _own_names()
    _own_var()
    _own_sys()
    _shield_kernel_settings()


def mount_points() -> Sequence[str]:
    """Return every mount point that this process sees."""
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def show_control_group(group: Path) -> None:
    """Show the cluster's own cgroup v2 group as a mount.

    Given a plain folder, Cilium would mount the whole hierarchy over it, and its programs would meet the
    connections of the machine's own processes and of other clusters.
    """
    places.CONTROL_GROUP.mkdir()
    _mount("--bind", str(group), str(places.CONTROL_GROUP))


def _keep_hold_of(state: Path) -> str:
    """Return a path to `state` that stays valid when `/run` is covered, should the state be below it."""
    return f"/proc/{os.getpid()}/fd/{os.open(state, os.O_PATH)}"


def _own_names() -> None:
    """Let the node's parts resolve the cluster's names, and no others."""
    own, shown = places.RUN / "private/resolv.conf", Path("/etc/resolv.conf").resolve()
    own.write_text(f"nameserver {network.DNS_SERVICE}\n")
    if not shown.exists():  # a link into /run, which is our own and empty
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.touch()
    _mount("--bind", str(own), str(shown))


def _own_var() -> None:
    upper, work = places.RUN / "private/var", places.RUN / "private/var-work"
    upper.mkdir()
    work.mkdir()
    _mount("-t", "overlay", "-o", f"lowerdir=/var,upperdir={upper},workdir={work}", "tre-var", "/var")
    _mount("--bind", str(places.INSIDE / "pod-logs"), "/var/log")


def _own_sys() -> None:
    aside = places.RUN / "private/cgroup"
    aside.mkdir()
    _mount("--move", "/sys/fs/cgroup", str(aside))
    # A fresh sysfs shows this network namespace's devices, among which Cilium looks for its own.
    _mount("-t", "sysfs", "sysfs", "/sys")
    _mount("--move", str(aside), "/sys/fs/cgroup")
    _mount("-t", "bpf", "bpf", "/sys/fs/bpf")


def _shield_kernel_settings() -> None:
    # The kernel lets a pod in a user namespace mount /proc only where one is in sight that hides nothing.
    whole = places.RUN / "private/proc"
    whole.mkdir()
    _mount("-t", "proc", "proc", str(whole))
    for name, value in _KERNEL_SETTINGS.items():
        setting, shield = Path("/proc/sys") / name, places.RUN / "private" / name.replace("/", ".")
        if setting.exists():
            shield.write_text(f"{value}\n")
            _mount("--bind", str(shield), str(setting))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stdin=subprocess.DEVNULL)
