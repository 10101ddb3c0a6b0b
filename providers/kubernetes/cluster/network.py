"""The node's network: one veth pair to the machine, no route out, and a made-up internet behind a second pair.

The machine's own network is not touched but for the outer end of the pair, `tre<slot>`, which disappears with the
cluster's network namespace. Creating that link is what claims a slot, so that clusters can run side by side.
"""

from __future__ import annotations

import ctypes
import ipaddress
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from tre.errors import failure

NODE_NAME: Final = "tre"
NODE_DEVICE: Final = "node0"
POD_RANGE: Final = "10.244.0.0/16"
SERVICE_RANGE: Final = "10.96.0.0/16"
API_SERVICE: Final = "10.96.0.1"
DNS_SERVICE: Final = "10.96.0.10"
API_PORT: Final = 6443

INTERNET: Final = "203.0.113.10"
"""The made-up internet host, in a range reserved for documentation (RFC 5737)."""
METADATA: Final = "169.254.169.254"
"""Where clouds serve a machine's credentials; the made-up internet host answers for it too."""
_INTERNET_GATEWAY: Final = "203.0.113.1"

SLOTS: Final = range(16)
_LINK_WAIT: Final = 15.0
_CLONE_NEWNET: Final = 0x40000000


@dataclass(frozen=True)
class Node:
    """The addresses of one cluster: slot 3 has the link `tre3` and the range 10.200.3.0/30."""

    slot: int

    @property
    def link(self) -> str:
        """The machine's end of the pair; also the name of the cluster's control group."""
        return f"tre{self.slot}"

    @property
    def range(self) -> ipaddress.IPv4Network:
        """The four addresses shared with the machine."""
        return ipaddress.IPv4Network(f"10.200.{self.slot}.0/30")

    @property
    def machine_address(self) -> str:
        """The machine as the cluster sees it."""
        return f"10.200.{self.slot}.1"

    @property
    def address(self) -> str:
        """The node, as the machine and the pods see it."""
        return f"10.200.{self.slot}.2"

    @property
    def api(self) -> str:
        """The API server's URL."""
        return f"https://{self.address}:{API_PORT}"


def claim(owner: str, preferred: int | None) -> Node:
    """Enter a new network namespace, linked to the machine through the first free slot.

    Args:
        owner: the state folder, kept as the link's alias, by which a link of this cluster's former life is known.
        preferred: the slot that the cluster had before.

    Raises:
        TreError: every slot is taken.
    """
    machine = os.open("/proc/self/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    try:
        return _claim(f"/proc/{os.getpid()}/fd/{machine}", owner, preferred)
    finally:
        os.close(machine)


def _claim(machine: str, owner: str, preferred: int | None) -> Node:
    _wait_for_former_link(machine, owner)
    taken = ranges_in_use(_json(_in(machine, "ip", "-json", "route", "show", "table", "all")))
    for node in candidates(preferred, taken):
        if _create_pair(machine, node):
            _configure_machine_end(machine, node, owner)
            return node
    remedy = "run `tre cluster down` for one of the clusters, or free one of these ranges"
    raise failure("network", "each of the ranges 10.200.0.0/30 to 10.200.15.0/30 is in use", remedy)


def candidates(preferred: int | None, taken: Iterable[ipaddress.IPv4Network]) -> Sequence[Node]:
    """Return the nodes whose range overlaps no route of the machine, the preferred slot first."""
    ranges = list(taken)
    slots = sorted(SLOTS, key=lambda slot: slot != preferred)
    return [node for node in map(Node, slots) if not any(node.range.overlaps(other) for other in ranges)]


def ranges_in_use(routes: Iterable[Mapping[str, Any]]) -> Sequence[ipaddress.IPv4Network]:
    """Return the IPv4 ranges that `ip -json route` names, without the default route."""
    destinations = {str(route.get("dst", "")) for route in routes} - {"default", ""}
    return [ipaddress.IPv4Network(text, strict=False) for text in destinations if ":" not in text]


def _wait_for_former_link(machine: str, owner: str) -> None:
    # The kernel takes a dead cluster's links away a moment after its last process.
    deadline = time.monotonic() + _LINK_WAIT
    while time.monotonic() < deadline:
        links = _json(_in(machine, "ip", "-json", "link", "show"))
        if not any(link.get("ifalias") == owner for link in links):
            return
        time.sleep(0.1)


def _create_pair(machine: str, node: Node) -> bool:
    inner = f"/proc/{os.getpid()}/ns/net"
    peer = ["peer", "name", NODE_DEVICE, "netns", inner]
    made = _in(machine, "ip", "link", "add", node.link, "type", "veth", *peer, check=False)
    return made.returncode == 0


def _configure_machine_end(machine: str, node: Node, owner: str) -> None:
    _in(machine, "ip", "link", "set", node.link, "alias", owner)
    _in(machine, "ip", "address", "add", f"{node.machine_address}/30", "dev", node.link)
    _in(machine, "ip", "link", "set", node.link, "up")
    # Only the node itself may speak to the machine: packets that carry a pod's address are dropped here.
    setting = f"net.ipv4.conf.{node.link}.rp_filter=1"
    _in(machine, "sysctl", "-q", "-w", setting, check=False)


def set_up(node: Node) -> None:
    """Configure the node's end, forwarding, and the made-up internet. Called in the cluster's own namespaces."""
    _ip("link", "set", "lo", "up")
    _ip("address", "add", f"{node.address}/30", "dev", NODE_DEVICE)
    _ip("link", "set", NODE_DEVICE, "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    _mark_own()
    _make_internet()
    socket.sethostname(NODE_NAME)


def _mark_own() -> None:
    """Mark what the node itself sends to pods, as Cilium's own rules would if it installed any.

    Without the mark Cilium takes the kubelet for the world, and policies that let only named peers in would shut
    out its probes.
    """
    unmarked = ["--match", "mark", "--mark", "0x0/0xf00"]
    mark = ["--jump", "MARK", "--set-xmark", "0xc00/0xf00"]
    command = ["iptables", "--table", "filter", "--append", "OUTPUT", "--out-interface", "cilium_host"]
    subprocess.run([*command, *unmarked, *mark], check=True, stdin=subprocess.DEVNULL)


def _make_internet() -> None:
    _ip("netns", "add", "internet")
    _ip("link", "add", "internet0", "type", "veth", "peer", "name", "eth0", "netns", "internet")
    _ip("address", "add", f"{_INTERNET_GATEWAY}/24", "dev", "internet0")
    _ip("link", "set", "internet0", "up")
    _ip("route", "add", METADATA, "via", INTERNET, "dev", "internet0")
    inner = ("-n", "internet")
    _ip(*inner, "link", "set", "lo", "up")
    _ip(*inner, "address", "add", f"{INTERNET}/24", "dev", "eth0")
    _ip(*inner, "address", "add", f"{METADATA}/32", "dev", "eth0")
    _ip(*inner, "link", "set", "eth0", "up")
    _ip(*inner, "route", "add", "default", "via", _INTERNET_GATEWAY)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, stdin=subprocess.DEVNULL)


def _in(namespace: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    enter = ["nsenter", f"--net={namespace}"]
    return subprocess.run([*enter, *command], check=check, capture_output=True, text=True)


def _json(ended: subprocess.CompletedProcess[str]) -> Sequence[Mapping[str, Any]]:
    return cast("Sequence[Mapping[str, Any]]", json.loads(ended.stdout or "[]"))
