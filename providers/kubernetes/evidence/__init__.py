"""How the Kubernetes backend shows that it keeps its promises.

A proof reads registrations; the live objects of a running TRE are put into the same shape, so that one proof
serves both depths, *declared* and *deployed*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components.contract import Evidence
from providers.kubernetes.evidence import airlock, data_store, identity, network, workspace

EVIDENCE: Final[Mapping[str, Evidence]] = {
    **{f"identity/{name}": each for name, each in identity.EVIDENCE.items()},
    **{f"airlock/{name}": each for name, each in airlock.EVIDENCE.items()},
    **{f"data_store/{name}": each for name, each in data_store.EVIDENCE.items()},
    **{f"workspace/{name}": each for name, each in {**network.EVIDENCE, **workspace.EVIDENCE}.items()},
}

GAPS: Final[Mapping[str, str]] = {
    "data_store/encrypted-in-transit": (
        "encryption between nodes is the cluster's own (WireGuard, IPsec), and nothing that the deployer"
        " registers shows it"
    ),
    "data_store/recoverable": "the backend takes no snapshots or backups of volumes yet",
}
