"""A sample target per backend."""

from __future__ import annotations

from typing import Final

from components.backend import Target
from providers.kubernetes.target import KubernetesTarget

TARGETS: Final[dict[str, Target]] = {
    "kubernetes": KubernetesTarget(backend="kubernetes"),
}
