"""Starts, watches and ends the cluster from outside.

Who holds the lock in the state folder *is* the cluster: there is no pid file that could lie. Everything that a dead
cluster can leave behind is its control groups, which the next start removes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from providers.kubernetes.cluster import control_groups, images, mounts, network, parts, tools
from providers.kubernetes.cluster.api import Api
from providers.kubernetes.cluster.places import State
from tre import paths
from tre.errors import TreError, failure
from tre.locks import alone
from tre.toolchain import Tool

Report = Callable[[str], None]

_START_PATIENCE: Final = 240.0
_STOP_PATIENCE: Final = 10.0
_ANY_CLUSTER: Final = "any cluster may be used instead: give the target a `kubeconfig`"
_NAMESPACES: Final = "--mount --pid --uts --ipc --fork --kill-child=SIGKILL --mount-proc"
_CAP_SYS_ADMIN: Final = 21
_ERASED: Final = ".erased-"
"""Begins the name of a state that is being deleted."""
_LOCK_LAYOUT: Final = "hhqqi4x"
"""struct flock: type, whence, start, length, pid."""


def start(state: State, report: Report) -> None:
    """Start the cluster, or wait for one that is starting; return at once when it is ready.

    Raises:
        TreError: this machine cannot run it, a part is missing, or it did not become ready.
    """
    refuse_unsuitable_machine()
    with _one_at_a_time(state):
        if holder(state) is not None and _becomes_ready(state, report):
            _load_changed_images(state, report)
            return
        # None ran, or the one that ran was ending.
        _launch(state, report)
        if not _becomes_ready(state, report):
            raise _not_ready(state, "it ended while it was starting")


def _launch(state: State, report: Report) -> None:
    programs = tools.ensure([*parts.PROGRAMS, "coredns"])
    built = images.build(report=report)
    _clean(state)
    _write_start(state, programs, built)
    report("starting the node")
    _spawn(state)


def stop(state: State) -> bool:
    """End the cluster and everything it started; return whether there was anything to end."""
    refuse_unsuitable_machine()
    with _one_at_a_time(state):
        pid = holder(state)
        if pid is not None:
            _end(state, pid)
        _clean(state)
    return pid is not None


def erase(state: State) -> None:
    """End the cluster and delete its state: objects, certificates, keys, volumes, logs.

    The state is set aside in one step first: half a state, left by a kill, would be taken for a whole one.
    """
    stop(state)
    below = [point for point in mounts.mount_points() if Path(point).is_relative_to(state.root)]
    if below:
        raise failure(str(state.root), f"something is mounted at {below[0]}", "unmount it, then try again")
    if state.root.exists():
        state.root.rename(state.root.with_name(f"{_ERASED}{state.root.name}-{os.getpid()}"))
    for aside in state.root.parent.glob(f"{_ERASED}*"):
        shutil.rmtree(aside)


def refuse_unsuitable_machine() -> None:
    """Say clearly where the local cluster cannot run.

    Raises:
        TreError: this is not Linux, the user is not a root that may do everything, or something is missing.
    """
    if platform.system() != "Linux":
        raise failure("local cluster", f"it needs Linux, and this is {platform.system()}", _ANY_CLUSTER)
    if os.geteuid() != 0:
        why = "it needs root, to make network namespaces, mounts and control groups"
        raise failure("local cluster", why, f"run it as root, or with sudo --preserve-env; {_ANY_CLUSTER}")
    for what, there in _NEEDS.items():
        if not there():
            raise failure("local cluster", f"{what}, and this machine has not (a container?)", _ANY_CLUSTER)


def _may_administer() -> bool:
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff"))
    return bool(int(effective, 16) >> _CAP_SYS_ADMIN & 1)


_NEEDS: Final[Mapping[str, Callable[[], bool]]] = {
    "it needs the capability CAP_SYS_ADMIN": _may_administer,
    "it needs cgroup v2, alone or beside v1": control_groups.has_unified,
    "it needs /dev/fuse, for encrypted volumes": Path("/dev/fuse").exists,
}


def holder(state: State) -> int | None:
    """Return the process id of the running cluster's init, or None where none runs."""
    if not state.lock.exists():
        return None
    with state.lock.open() as lock:
        question = struct.pack(_LOCK_LAYOUT, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_LOCK_LAYOUT, fcntl.fcntl(lock, fcntl.F_GETLK, question))
    return None if kind == fcntl.F_UNLCK else pid


def document(file: Path) -> Mapping[str, Any]:
    """Return a JSON file that the cluster keeps, or nothing where it is not written yet."""
    try:
        return cast("Mapping[str, Any]", json.loads(file.read_text()))
    except FileNotFoundError:
        return {}


def node(state: State) -> network.Node | None:
    """Return the addresses that the cluster took last."""
    found = document(state.node)
    return network.Node(int(found["slot"])) if found else None


@contextlib.contextmanager
def _one_at_a_time(state: State) -> Generator[None]:
    paths.private_folder(state.root)
    with alone(state / "command.lock", "the local cluster: another command is at work on it"):
        yield


def _write_start(state: State, programs: Mapping[str, Tool], built: Mapping[str, images.Image]) -> None:
    documents = {
        "programs": {name: tool.document() for name, tool in programs.items()},
        "images": _listed(built),
    }
    paths.write_private(state / "start.json", json.dumps(documents, indent=1))


def _load_changed_images(state: State, report: Report) -> None:
    """Give a running cluster the images whose sources have changed since it was started."""
    former, built = document(state / "start.json"), images.build(report=report)
    changed = [name for name in built if former["images"][name]["reference"] != built[name].reference]
    if not changed:
        return
    report(f"loading {', '.join(changed)}")
    paths.write_private(state / "start.json", json.dumps({**former, "images": _listed(built)}, indent=1))
    inside = ["nsenter", "--target", str(holder(state)), "--mount", "--net", "--pid"]
    command = [*inside, sys.executable, "-m", "providers.kubernetes.cluster.bootstrap", "images"]
    if subprocess.run(command, check=False, cwd="/", env=_environment()).returncode != 0:
        raise failure(
            "local cluster", f"it could not load {', '.join(changed)}", f"its logs are in {state.logs}"
        )


def _listed(built: Mapping[str, images.Image]) -> dict[str, dict[str, str]]:
    return {
        name: {"reference": image.reference, "layout": str(image.layout)} for name, image in built.items()
    }


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(paths.checkout())}


def _spawn(state: State) -> None:
    init = [sys.executable, "-m", "providers.kubernetes.cluster.init", str(state.root)]
    state.logs.mkdir(exist_ok=True)
    log = state.logs / "init.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            ["unshare", *_NAMESPACES.split(), *init],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    deadline = time.monotonic() + _STOP_PATIENCE
    while holder(state) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise failure("local cluster", "its first process did not start", f"its log is {log}")
        time.sleep(0.05)


def _becomes_ready(state: State, report: Report) -> bool:
    """Wait until the cluster is ready, reporting its stages; return False when it ends instead."""
    if _ready(state):
        return True
    told: set[str] = set()
    deadline = time.monotonic() + _START_PATIENCE
    while time.monotonic() < deadline:
        progress = document(state.progress)
        for stage in [stage for stage in progress.get("stages", {}) if stage not in told]:
            told.add(stage)
            report(stage)
        if holder(state) is None:
            return False
        if _ready(state):
            return True
        time.sleep(0.1)
    raise _not_ready(state, f"it was not ready after {_START_PATIENCE:.0f} s")


def _ready(state: State) -> bool:
    here = node(state)
    if here is None or not document(state.progress).get("ready"):
        return False
    return Api(here.api, state.pki, "administrator").ready()


def _not_ready(state: State, what: str) -> TreError:
    return failure("local cluster", what, f"its logs are in {state.logs}; `tre cluster down` cleans up")


def _end(state: State, pid: int) -> None:
    # The lock is free a moment before the kernel has ended what the process leaves, and its parent ends after it.
    family = [pid, _parent(pid)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + _STOP_PATIENCE
        while time.monotonic() < deadline:
            if not any(_alive(member) for member in family):
                return
            time.sleep(0.05)
    raise failure("local cluster", f"process {pid} does not end", f"its logs are in {state.logs}")


def _alive(pid: int) -> bool:
    return _process(pid)[:1] not in ([], ["Z"])


def _parent(pid: int) -> int:
    return int((_process(pid) or ["", "0"])[1])


def _process(pid: int) -> list[str]:
    """Return what the kernel says of a process from its state on (`Z` for one that has ended), or nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _clean(state: State) -> None:
    """Remove what a cluster of this state may have left, whatever way it ended."""
    state.progress.unlink(missing_ok=True)
    state.parts.unlink(missing_ok=True)
    former = node(state)
    if former is None:
        return
    _wait_for_link_to_go(former.link, str(state.root))
    control_groups.remove(former.link)


def _wait_for_link_to_go(link: str, owner: str) -> None:
    alias = Path("/sys/class/net") / link / "ifalias"
    deadline = time.monotonic() + _STOP_PATIENCE
    while time.monotonic() < deadline:
        try:
            if alias.read_text().strip() != owner:
                return
        except OSError:
            return
        time.sleep(0.05)
