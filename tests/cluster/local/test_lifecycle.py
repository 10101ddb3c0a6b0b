"""The cluster's whole life, in an instance of its own beside the shared one: it is killed in every way we know."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from providers.kubernetes import cluster as local
from providers.kubernetes.cluster import control_groups, lifecycle, places
from tests.cluster.conftest import require_root_on_linux
from tests.cluster.kubectl import Kubectl, claim, eventually, restricted_pod

pytestmark = pytest.mark.cluster

NAMESPACE = "life"


@pytest.fixture(scope="module", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder of this module's own, and with it a cluster of its own."""
    require_root_on_linux()
    folder = tmp_path_factory.mktemp("life")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRE_STATE", str(folder))
        yield folder
        local.reset()


@dataclass(frozen=True)
class Traces:
    """By what a running cluster can be recognised on the machine."""

    link: str
    namespaces: frozenset[str]

    @classmethod
    def of_running(cls) -> Traces:
        """Take the traces of the cluster that runs now."""
        node = lifecycle.node(places.state())
        assert node is not None
        kinds = ("mnt", "net", "pid", "ipc", "uts")
        return cls(node.link, frozenset(_namespaces(init(), kinds)))

    def left(self) -> list[str]:
        """Return what is still there of it, but for empty control groups, which the next start removes."""
        processes = [
            f"process {pid}" for pid in _processes() if _namespaces(pid, ("net", "mnt")) & self.namespaces
        ]
        mounts = [
            line for line in Path("/proc/self/mountinfo").read_text().splitlines() if self._mentions(line)
        ]
        links = [self.link] if Path("/sys/class/net", self.link).exists() else []
        return [*processes, *mounts, *links]

    def groups(self) -> list[str]:
        """Return its control groups that are still there."""
        return [str(root / self.link) for root in control_groups.roots() if (root / self.link).exists()]

    def _mentions(self, line: str) -> bool:
        return str(places.state().root) in line or any(name in line for name in self.namespaces)


def init() -> int:
    pid = lifecycle.holder(places.state())
    assert pid is not None
    return pid


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _namespaces(pid: int, kinds: tuple[str, ...]) -> set[str]:
    try:
        return {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in kinds}
    except OSError:
        return set()


def up() -> Kubectl:
    return Kubectl(local.up(print).kubeconfig)


def command_up() -> subprocess.Popen[bytes]:
    program = "from providers.kubernetes import cluster; cluster.up(print)"
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)


def machine_settings() -> list[str]:
    """Return the kernel settings that a kubelet or a Cilium would change on a machine that is theirs."""
    names = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "kernel/timer_migration")
    return [Path("/proc/sys", name).read_text() for name in names]


def write_something(kubectl: Kubectl) -> None:
    image = local.image_reference("workspace")
    kubectl.make_namespace(NAMESPACE)
    kubectl.apply(claim("data", NAMESPACE, "encrypted"))
    pod = restricted_pod("keeper", NAMESPACE, image, claims=["data"])
    kubectl.start(pod)
    assert kubectl.python(NAMESPACE, "keeper", "open('/data/kept', 'w').write('still here')").returncode == 0


def something_is_there(kubectl: Kubectl) -> bool:
    read = kubectl.python(NAMESPACE, "keeper", "print(open('/data/kept').read())")
    return read.stdout.strip() == "still here"


def test_killed_at_once_it_leaves_nothing_and_comes_back_with_its_data() -> None:
    before = machine_settings()
    kubectl = up()
    assert machine_settings() == before
    write_something(kubectl)
    traces = Traces.of_running()
    assert traces.left()  # the positive control
    assert traces.groups()
    os.kill(init(), signal.SIGKILL)
    eventually(lambda: traces.left() == [], "the end of everything")
    assert not local.status().running
    kubectl = up()
    eventually(lambda: something_is_there(kubectl), "the pod and its data")


@pytest.mark.parametrize("after_seconds", [0.0, 3.0])
def test_a_start_killed_half_way_is_finished_by_the_next(after_seconds: float) -> None:
    local.down()
    process = command_up()
    eventually(lambda: lifecycle.holder(places.state()) is not None, "the first process")
    time.sleep(after_seconds)
    process.kill()
    process.wait()
    os.kill(init(), signal.SIGKILL)
    assert up().attempt("get", "namespace", "kube-system").returncode == 0


def test_a_start_whose_command_is_killed_goes_on_by_itself() -> None:
    local.down()
    process = command_up()
    eventually(lambda: lifecycle.holder(places.state()) is not None, "the first process")
    process.kill()
    process.wait()
    first = init()
    assert local.up(print).ready
    assert init() == first


def test_a_running_cluster_is_given_images_that_changed() -> None:
    up()
    file = places.state() / "start.json"
    right = file.read_text()
    file.write_text(right.replace(local.image_reference("pause"), "registry.tre.local/pause@sha256:0"))
    said: list[str] = []
    assert local.up(said.append).ready
    assert said == ["loading pause"]
    assert file.read_text() == right


def test_up_again_changes_nothing() -> None:
    up()
    first = init()
    assert local.up(print).ready
    assert init() == first


@pytest.mark.parametrize(
    "part",
    [
        "etcd",
        "kube-apiserver",
        "containerd",
        "kubelet",
        "cilium-agent",
        "cilium-operator",
        "volumes",
        "internet",
    ],
)
def test_a_part_that_is_killed_is_started_again(part: str) -> None:
    kubectl = up()
    before = local.status().parts[part]
    command = f"kill -9 {before['pid']}"
    subprocess.run(["nsenter", "--target", str(init()), "--pid", "sh", "-c", command], check=True)
    eventually(lambda: local.status().parts[part]["restarts"] > before["restarts"], "the restart")
    eventually(lambda: local.status().ready, "readiness")
    eventually(_answering(kubectl), "an answer")


def _answering(kubectl: Kubectl) -> Callable[[], bool]:
    return lambda: kubectl.attempt("get", "nodes").returncode == 0


def test_down_leaves_nothing_and_keeps_the_state(own_state: Path) -> None:
    up()
    traces = Traces.of_running()
    assert traces.left()
    assert local.down()
    assert traces.left() == traces.groups() == []
    assert not local.status().running
    assert not local.down()
    assert (own_state / "cluster" / "etcd").exists()


def test_reset_erases_everything(own_state: Path) -> None:
    up()
    traces = Traces.of_running()
    local.reset()
    assert traces.left() == traces.groups() == []
    assert not (own_state / "cluster").exists()
