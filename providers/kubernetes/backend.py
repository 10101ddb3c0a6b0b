"""The Kubernetes backend, whole."""

from __future__ import annotations

from typing import Final

from components.backend import Backend
from providers.kubernetes import engine
from providers.kubernetes.airlock import KubernetesAirlock
from providers.kubernetes.data_store import KubernetesDataStore
from providers.kubernetes.evidence import EVIDENCE, GAPS
from providers.kubernetes.identity import KubernetesIdentity
from providers.kubernetes.live import KubernetesLive
from providers.kubernetes.removal import COMPUTES, goes_with
from providers.kubernetes.workspace import KubernetesWorkspace

BACKEND: Final = Backend(
    name="kubernetes",
    identity=KubernetesIdentity,
    data_store=KubernetesDataStore,
    workspace=KubernetesWorkspace,
    airlock=KubernetesAirlock,
    evidence=EVIDENCE,
    gaps=GAPS,
    provider=engine.provider,
    engine_environment=engine.environment,
    live=KubernetesLive,
    goes_with=goes_with,
    computes=COMPUTES,
)
