"""The configuration files of the parts."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from providers.kubernetes.cluster import audit, network, places
from providers.kubernetes.cluster.pki import SERVICE_DOMAIN
from tre import paths

_PODS: Final = 400

_CONTAINERD: Final = """\
version = 3
root = "{root}"
state = "/run/containerd"

[grpc]
  address = "{socket}"

[plugins.'io.containerd.cri.v1.runtime']
  # A machine without CAP_SYS_RESOURCE may not make a process less likely to be killed for want of memory.
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{cni_programs}"]
    conf_dir = "{cni_configuration}"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "{runc}"
      SystemdCgroup = false

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{pause}"
"""

_CNI: Final = {"cniVersion": "0.3.1", "name": "cilium", "plugins": [{"type": "cilium-cni"}]}


def write(state: places.State, node: network.Node, programs: Mapping[str, Path], pause: str) -> None:
    """Write every configuration file below `state`, and the CNI file, for a node with these addresses.

    Args:
        programs: where the tools are, by name.
        pause: the reference of the image that holds a pod's namespaces open.
    """
    paths.private_folder(state.configuration)
    _write(state, "kubelet.json", kubelet(node))
    _write(state, "audit-policy.json", audit.policy())
    _write_text(state, "containerd.toml", _containerd(programs, pause))
    ensure_encryption(state)
    _write_cni(programs)
    paths.private_folder(state.audit_log.parent)


def kubelet(node: network.Node) -> dict[str, Any]:
    """Return the kubelet's configuration (kubelet.config.k8s.io/v1beta1)."""
    pki = places.INSIDE.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "cluster-ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.link}",
        "clusterDNS": [network.DNS_SERVICE],
        "clusterDomain": SERVICE_DOMAIN,
        "containerRuntimeEndpoint": f"unix://{places.CONTAINERD_SOCKET}",
        # A laptop's disk is often nearly full: evict late, and never delete images that no registry can bring back.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "maxPods": _PODS,
        "nodeStatusUpdateFrequency": "5s",
        "readOnlyPort": 0,
        "registerNode": True,
        "resolvConf": "/etc/resolv.conf",
        "serializeImagePulls": False,
        "tlsCertFile": str(pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
        "tlsMinVersion": "VersionTLS12",
    }


def _containerd(programs: Mapping[str, Path], pause: str) -> str:
    return _CONTAINERD.format(
        root=places.INSIDE / "containerd",
        socket=places.CONTAINERD_SOCKET,
        cni_programs=places.CNI_FOLDER / "bin",
        cni_configuration=places.CNI_FOLDER / "net.d",
        runc=programs["runc"],
        pause=pause,
    )


def _write_cni(programs: Mapping[str, Path]) -> None:
    # In place before containerd starts: it misses a file that Cilium's agent writes later.
    folders = places.CNI_FOLDER / "bin", places.CNI_FOLDER / "net.d"
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    (folders[0] / "cilium-cni").symlink_to(programs["cilium-cni"])
    (folders[0] / "loopback").symlink_to(programs["cni-loopback"])
    (folders[1] / "05-cilium.conflist").write_text(json.dumps(_CNI))


def ensure_encryption(state: places.State) -> None:
    """Keep the key under which Secrets are encrypted in etcd; a new one would make the old Secrets unreadable."""
    file = state / "secrets-encryption.json"
    if file.exists():
        return
    key = {"name": "first", "secret": base64.b64encode(secrets.token_bytes(32)).decode()}
    rule = {"resources": ["secrets"], "providers": [{"secretbox": {"keys": [key]}}]}
    config = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [rule],
    }
    paths.write_private(file, json.dumps(config))


def _write(state: places.State, name: str, document: Mapping[str, Any]) -> None:
    _write_text(state, name, json.dumps(document, indent=1))


def _write_text(state: places.State, name: str, text: str) -> None:
    paths.write_private(state.configuration / name, text)
