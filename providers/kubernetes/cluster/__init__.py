"""A real single-node Kubernetes in namespaces of its own, for those who have no cluster at hand.

The rest of the deployer uses only what is defined here; the modules beside are how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from providers.kubernetes.cluster import images as _images
from providers.kubernetes.cluster import lifecycle as _lifecycle
from providers.kubernetes.cluster import places as _places
from providers.kubernetes.cluster.information import ClusterInfo, gather

__all__ = [
    "ClusterInfo",
    "build_images",
    "down",
    "image_reference",
    "kubeconfig_path",
    "reset",
    "status",
    "up",
]

Report = Callable[[str], None]

image_reference = _images.image_reference


def up(report: Report) -> ClusterInfo:
    """Bring the cluster up, building what is missing; `report` is told each stage.

    Raises:
        TreError: this machine cannot run it, or it did not become ready; nothing is undone, and another `up` goes on.
    """
    _lifecycle.start(_places.state(), report)
    return status()


def status() -> ClusterInfo:
    """Return what is known of the cluster, asking its API server and its network agent whether they answer."""
    return gather(_places.state())


def running() -> bool:
    """Tell whether the local cluster's processes are there, without asking its API server."""
    return _lifecycle.holder(_places.state()) is not None


def down() -> bool:
    """End the cluster, keeping its state; return whether there was anything to end.

    Raises:
        TreError: this machine cannot have run it, or it does not end.
    """
    return _lifecycle.stop(_places.state())


def reset() -> None:
    """End the cluster and erase its state, the data in its volumes included.

    Raises:
        TreError: it does not end, or something is still mounted below its state.
    """
    _lifecycle.erase(_places.state())


def kubeconfig_path() -> Path:
    """Return where the administrator's kubeconfig is, or will be."""
    return _places.state().kubeconfig


def build_images(report: Report) -> Mapping[str, str]:
    """Build the images that are missing and return the reference of each by name.

    Raises:
        TreError: a tool is missing, or a build failed.
    """
    return {name: image.reference for name, image in _images.build(report=report).items()}
