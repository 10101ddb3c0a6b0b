"""The first process of the cluster. It builds the namespaces' inside, then supervises until it is told to stop.

Started by `lifecycle` through `unshare`. When it ends, for whatever reason, the kernel ends every other process of
the cluster, and with the last of them its mounts, links and network namespaces.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from providers.kubernetes.cluster import (
    configuration,
    control_groups,
    kubeconfig,
    mounts,
    network,
    parts,
    pki,
    places,
)
from providers.kubernetes.cluster.places import INSIDE, State
from providers.kubernetes.cluster.supervisor import Supervisor
from tre import paths

_KUBECONFIGS = ("kubelet", "controller-manager", "scheduler", "cilium", "cilium-operator")


def main(root: Path) -> None:
    """Become the cluster whose state is in `root`; return when it has been stopped."""
    state = State(root)
    with _locked(state.lock):
        start = cast("Mapping[str, Any]", json.loads((state / "start.json").read_text()))
        programs = {name: Path(tool["path"]) for name, tool in start["programs"].items()}
        node = _enter(state)
        _prepare(node, programs, start["images"]["pause"]["reference"])
        Supervisor(parts.all_parts(node, programs), INSIDE.logs, INSIDE.parts).run()


def _locked(file: Path) -> IO[str]:
    # A POSIX lock: it ends with this process, and whoever asks the kernel learns this process's id.
    lock = file.open("w")
    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def _enter(state: State) -> network.Node:
    """Build the network, the mounts and the control groups, and return the addresses taken."""
    node = network.claim(str(state.root), _former_slot(state))
    mounts.set_up(state.root)
    network.set_up(node)
    control_groups.remove(node.link)
    control_groups.enter(node.link)
    mounts.show_control_group(control_groups.unified_root() / node.link)
    paths.write_private(INSIDE.node, json.dumps({"slot": node.slot}))
    return node


def _former_slot(state: State) -> int | None:
    if not state.node.exists():
        return None
    return int(json.loads(state.node.read_text())["slot"])


def _prepare(node: network.Node, programs: Mapping[str, Path], pause: str) -> None:
    """Write certificates, kubeconfigs and configuration, and link the programs."""
    pki.ensure(INSIDE.pki, pki.leaves(network.NODE_NAME, node.address, network.API_SERVICE))
    configuration.write(INSIDE, node, programs, pause)
    for leaf in _KUBECONFIGS:
        kubeconfig.write(INSIDE.configuration / f"{leaf}.kubeconfig", INSIDE.pki, leaf, node.api)
    kubeconfig.write(INSIDE.kubeconfig, INSIDE.pki, "administrator", node.api)
    places.PROGRAMS.mkdir()
    for name, path in programs.items():
        (places.PROGRAMS / name).symlink_to(path)


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]))
