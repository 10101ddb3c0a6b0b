"""Where the cluster keeps things: its state on the machine, and the fixed paths inside its own mount namespace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tre import paths

RUN: Final = Path("/run/tre")
"""Root of the node's own paths. `/run` is a memory file system in the cluster's mounts, empty at each start."""

READY: Final = RUN / "ready"
"""One empty file per stage reached, by which parts wait for each other."""

VOLUMES: Final = RUN / "volumes"
"""Where volumes are mounted for the kubelet, one folder each."""

PROGRAMS: Final = RUN / "bin"
"""Links to the tools, under the names by which other tools start them (`clang`, not `clang-19`)."""

CONTROL_GROUP: Final = RUN / "control-group"
"""The cluster's own cgroup v2 group, to which Cilium attaches its programs."""

CONTAINERD_SOCKET: Final = Path("/run/containerd/containerd.sock")
CNI_FOLDER: Final = RUN / "cni"


@dataclass(frozen=True)
class State:
    """The folder that survives `down`. `root` is the real one outside, and `/run/tre/state` inside."""

    root: Path

    def __truediv__(self, name: str) -> Path:
        return self.root / name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, mode 0600."""
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Certificates and keys, mode 0600 each."""
        return self.root / "pki"

    @property
    def configuration(self) -> Path:
        """Configuration files of the parts, written anew at each start."""
        return self.root / "configuration"

    @property
    def logs(self) -> Path:
        """One log per part, with one predecessor kept."""
        return self.root / "logs"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log."""
        return self.root / "audit" / "audit.log"

    @property
    def volumes(self) -> Path:
        """What volumes hold, one folder each; ciphertext where the class encrypts."""
        return self.root / "volumes"

    @property
    def lock(self) -> Path:
        """Locked by the cluster's init for as long as it lives: who holds it *is* the cluster."""
        return self.root / "lock"

    @property
    def node(self) -> Path:
        """The addresses that the running cluster has taken (JSON)."""
        return self.root / "node.json"

    @property
    def parts(self) -> Path:
        """What the supervisor knows of each part (JSON)."""
        return self.root / "parts.json"

    @property
    def progress(self) -> Path:
        """How far the start has come (JSON)."""
        return self.root / "progress.json"


INSIDE: Final = State(RUN / "state")
"""The state as the cluster's own processes see it."""


def state() -> State:
    """Return the cluster's state folder as the machine sees it; it need not exist."""
    return State(paths.state_folder() / "cluster")
