"""Measures the plugin with many resources: `python -m tests.engine.plugin.scale [NAMESPACES]`.

Six objects in each namespace, one stack, a real engine with 64 operations at once and a real API server. Prints
JSON: seconds for each operation and the plugin's largest resident memory. Times are reported, never asserted.
The engine's own settings (PULUMI_..., GOGC) are taken from the environment.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pulumi_kubernetes import core, networking
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from tests.engine.plugin.api_server import running
from tests.engine.plugin.conftest import plugin_process, put_tools_on_path
from tests.engine.plugin.stacks import attached, new_stack

PARALLEL = 64
"""Operations at once. The engine's default is four for each processor, far too few for waits."""


def rooms(count: int) -> Callable[[], None]:
    """A program with `count` namespaces and five objects in each."""

    def program() -> None:
        for number in range(count):
            room(f"room-{number}")

    return program


def room(name: str) -> None:
    """A namespace with a policy, a quota, an account, a secret and a ConfigMap."""
    namespace = core.v1.Namespace(name, metadata=ObjectMetaArgs(name=name))
    assert namespace.metadata is not None
    inside = ObjectMetaArgs(name="own", namespace=namespace.metadata.name)
    networking.v1.NetworkPolicy(
        name,
        metadata=inside,
        spec=networking.v1.NetworkPolicySpecArgs(
            pod_selector=LabelSelectorArgs(), policy_types=["Ingress", "Egress"]
        ),
    )
    core.v1.ResourceQuota(name, metadata=inside, spec=core.v1.ResourceQuotaSpecArgs(hard={"pods": "10"}))
    core.v1.ServiceAccount(name, metadata=inside, automount_service_account_token=False)
    core.v1.Secret(name, metadata=inside, string_data={"key": "not really secret"})
    core.v1.ConfigMap(name, metadata=inside, data={"colour": "blue"})


def largest_memory(process: int) -> int:
    """The largest resident memory of a process so far, in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def measure(count: int, folder: Path) -> dict[str, float]:
    """Seconds for each operation over `count` namespaces, and memory in MB."""
    figures: dict[str, float] = {"resources": count * 6 + 2}
    with running(folder) as api, plugin_process(folder, KUBECONFIG=str(api.kubeconfig)) as (process, port):
        (folder / "state").mkdir()
        stack = new_stack("scale", folder / "state", attached(port, api.kubeconfig), rooms(count))
        steps: dict[str, Callable[..., object]] = {
            "preview": stack.preview,
            "up": stack.up,
            "no-op preview": stack.preview,
            "no-op up": stack.up,
            "refresh": stack.refresh,
            "destroy": stack.destroy,
        }
        for name, step in steps.items():
            started = time.monotonic()
            step(parallel=PARALLEL)
            figures[name] = round(time.monotonic() - started, 1)
        figures["plugin MB"] = largest_memory(process.pid)
    return figures


def main() -> None:
    """Measure and print."""
    put_tools_on_path()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(json.dumps(measure(count, Path(folder))) + "\n")


if __name__ == "__main__":
    main()
