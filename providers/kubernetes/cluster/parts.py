"""The parts of the node and their command lines. What each waits for is a file that `bootstrap` makes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from providers.kubernetes.cluster import network, places
from providers.kubernetes.cluster.network import NODE_DEVICE, NODE_NAME, POD_RANGE, SERVICE_RANGE, Node
from providers.kubernetes.cluster.supervisor import Part

PROGRAMS: Final = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "runc",
    "cilium-agent",
    "cilium-operator-generic",
    "cilium-cni",
    "cilium-dbg",
    "cni-loopback",
    "clang",
    "llc",
    "gocryptfs",
)
"""The programs that a node needs, by the names `tre.toolchain` gives them."""

PATH: Final = {"PATH": f"{places.PROGRAMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
"""Where parts look for the programs that they start themselves."""

API_READY: Final = places.READY / "api"
"""The API server answers `/readyz`."""
RIGHTS_READY: Final = places.READY / "rights"
"""The parts that are not built into Kubernetes have been given their rights."""
IMAGES_READY: Final = places.READY / "images"
"""containerd holds the images that the node itself needs."""
VOLUMES_READY: Final = places.READY / "volumes"
"""Volumes of a former life are mounted, and claims are being watched."""

HEALTH_PORT: Final = 9879
"""Where Cilium's agent tells its health, on the node's loopback address."""

Programs = Mapping[str, Path]


def all_parts(node: Node, programs: Programs) -> Sequence[Part]:
    """Return every part in the order of starting."""
    return [
        _etcd(programs),
        _api_server(node, programs),
        _containerd(programs),
        _own("bootstrap", once=True),
        _controller_manager(programs),
        _scheduler(programs),
        _cilium_operator(programs),
        _cilium_agent(programs),
        _kubelet(node, programs),
        _own("volumes", needs=[API_READY, RIGHTS_READY], environment=PATH),
        _internet(),
    ]


def _etcd(programs: Programs) -> Part:
    client, peer = "https://127.0.0.1:2379", "https://127.0.0.1:2380"
    authority, certificate, key = _pki("etcd-ca.crt"), _pki("etcd.crt"), _pki("etcd.key")
    flags = {
        "name": NODE_NAME,
        "data-dir": str(places.INSIDE / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"{NODE_NAME}={peer}",
        "client-cert-auth": "true",
        "trusted-ca-file": authority,
        "cert-file": certificate,
        "key-file": key,
        "peer-client-cert-auth": "true",
        "peer-trusted-ca-file": authority,
        "peer-cert-file": certificate,
        "peer-key-file": key,
        "logger": "zap",
        "log-level": "warn",
    }
    return Part("etcd", _command(programs["etcd"], flags))


def _api_server(node: Node, programs: Programs) -> Part:
    flags = {
        "advertise-address": node.address,
        "secure-port": str(network.API_PORT),
        "etcd-servers": "https://127.0.0.1:2379",
        "etcd-cafile": _pki("etcd-ca.crt"),
        "etcd-certfile": _pki("apiserver-to-etcd.crt"),
        "etcd-keyfile": _pki("apiserver-to-etcd.key"),
        "client-ca-file": _pki("cluster-ca.crt"),
        "tls-cert-file": _pki("apiserver.crt"),
        "tls-private-key-file": _pki("apiserver.key"),
        "tls-min-version": "VersionTLS12",
        "kubelet-client-certificate": _pki("apiserver-to-kubelet.crt"),
        "kubelet-client-key": _pki("apiserver-to-kubelet.key"),
        "kubelet-certificate-authority": _pki("cluster-ca.crt"),
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": _pki("service-accounts.pub"),
        "service-account-signing-key-file": _pki("service-accounts.key"),
        "service-cluster-ip-range": SERVICE_RANGE,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "anonymous-auth": "false",
        # A privileged pod must be refused by policy, not because this node could not run one.
        "allow-privileged": "true",
        "encryption-provider-config": str(places.INSIDE / "secrets-encryption.json"),
        "audit-policy-file": str(places.INSIDE.configuration / "audit-policy.json"),
        "audit-log-path": str(places.INSIDE.audit_log),
        "audit-log-maxsize": "50",
        "audit-log-maxbackup": "10",
        "audit-log-maxage": "90",
        "profiling": "false",
        # Asks etcd for what Debian's 3.4 cannot answer, and logs that every second.
        "feature-gates": "SizeBasedListCostEstimate=false",
        **_structured_authentication(),
    }
    return Part("kube-apiserver", _command(programs["kube-apiserver"], flags))


def _structured_authentication() -> Mapping[str, str]:
    file = places.INSIDE / "authentication.yaml"
    return {"authentication-config": str(file)} if file.exists() else {}


def _controller_manager(programs: Programs) -> Part:
    config = _kubeconfig("controller-manager")
    flags = {
        "kubeconfig": config,
        "authentication-kubeconfig": config,
        "authorization-kubeconfig": config,
        "service-account-private-key-file": _pki("service-accounts.key"),
        "root-ca-file": _pki("cluster-ca.crt"),
        "cluster-signing-cert-file": _pki("cluster-ca.crt"),
        "cluster-signing-key-file": _pki("cluster-ca.key"),
        # Emptying a namespace takes some sixty requests: at the default of 20 a second, a hundred take minutes.
        "kube-api-qps": "200",
        "kube-api-burst": "400",
        "concurrent-namespace-syncs": "50",
        "allocate-node-cidrs": "true",
        "cluster-cidr": POD_RANGE,
        "node-cidr-mask-size": "22",
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        "bind-address": "127.0.0.1",
        "profiling": "false",
    }
    command = _command(programs["kube-controller-manager"], flags)
    return Part("kube-controller-manager", command, [API_READY])


def _scheduler(programs: Programs) -> Part:
    config = _kubeconfig("scheduler")
    flags = {
        "kubeconfig": config,
        "authentication-kubeconfig": config,
        "authorization-kubeconfig": config,
        "leader-elect": "false",
        "bind-address": "127.0.0.1",
        "profiling": "false",
    }
    return Part("kube-scheduler", _command(programs["kube-scheduler"], flags), [API_READY])


def _kubelet(node: Node, programs: Programs) -> Part:
    flags = {
        "config": str(places.INSIDE.configuration / "kubelet.json"),
        "kubeconfig": _kubeconfig("kubelet"),
        "root-dir": str(places.INSIDE / "kubelet"),
        "hostname-override": NODE_NAME,
        "node-ip": node.address,
    }
    needs = [API_READY, IMAGES_READY, places.CONTAINERD_SOCKET]
    return Part("kubelet", _command(programs["kubelet"], flags), needs)


def _containerd(programs: Programs) -> Part:
    flags = {"config": str(places.INSIDE.configuration / "containerd.toml")}
    return Part("containerd", _command(programs["containerd"], flags), environment=PATH)


def _cilium_operator(programs: Programs) -> Part:
    flags = {
        "k8s-kubeconfig-path": _kubeconfig("cilium-operator"),
        "cluster-name": "default",
        "ipam": "kubernetes",
        "enable-ipv4": "true",
        "enable-ipv6": "false",
        "operator-api-serve-addr": "127.0.0.1:9234",
        "operator-prometheus-serve-addr": "127.0.0.1:9963",
        "set-cilium-is-up-condition": "true",
        "remove-cilium-node-taints": "true",
        # The parts are no pods, so there is no Cilium pod to look for before a node counts as networked.
        "set-cilium-node-taints": "false",
        "unmanaged-pod-watcher-interval": "0",
    }
    return Part("cilium-operator", _command(programs["cilium-operator-generic"], flags), [RIGHTS_READY])


def _cilium_agent(programs: Programs) -> Part:
    flags = {
        "k8s-kubeconfig-path": _kubeconfig("cilium"),
        # The agent compiles the programs that come with it, in the folder `bpf` beside it.
        "lib-dir": str(programs["cilium-agent"].resolve().parent),
        "state-dir": "/run/cilium",
        "bpf-root": "/sys/fs/bpf",
        "cgroup-root": str(places.CONTROL_GROUP),
        "devices": NODE_DEVICE,
        "direct-routing-device": NODE_DEVICE,
        "routing-mode": "native",
        "ipv4-native-routing-cidr": POD_RANGE,
        "enable-ipv6": "false",
        "ipam": "kubernetes",
        "enable-policy": "default",
        "kube-proxy-replacement": "true",
        "enable-l7-proxy": "false",
        "enable-hubble": "false",
        "enable-health-checking": "false",
        "enable-endpoint-health-checking": "false",
        "enable-ipv4-masquerade": "false",
        "install-iptables-rules": "false",
        "cni-exclusive": "false",
        "write-cni-conf-when-ready": str(places.CNI_FOLDER / "cilium-ready.conflist"),
        "agent-health-port": str(HEALTH_PORT),
        "bpf-map-dynamic-size-ratio": "0.0005",
    }
    environment = {"K8S_NODE_NAME": NODE_NAME, **PATH}
    return Part("cilium-agent", _command(programs["cilium-agent"], flags), [RIGHTS_READY], environment)


def _internet() -> Part:
    server = [sys.executable, "-m", "providers.kubernetes.cluster.internet"]
    return Part("internet", ["nsenter", "--net=/run/netns/internet", *server])


def _own(
    name: str,
    *,
    needs: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
    once: bool = False,
) -> Part:
    command = [sys.executable, "-m", f"providers.kubernetes.cluster.{name}"]
    return Part(name, command, needs, environment or {}, once)


def _command(program: Path, flags: Mapping[str, str]) -> Sequence[str]:
    return [str(program), *(f"--{name}={value}" for name, value in flags.items())]


def _pki(name: str) -> str:
    return str(places.INSIDE.pki / name)


def _kubeconfig(leaf: str) -> str:
    return str(places.INSIDE.configuration / f"{leaf}.kubeconfig")
