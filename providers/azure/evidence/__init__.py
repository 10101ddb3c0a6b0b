"""What Azure shows at depth declared: for each promise a proof over registrations and the faults that break it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components.airlock import PROMISES as AIRLOCK
from components.contract import Evidence
from components.identity import PROMISES as IDENTITY
from providers.azure.evidence import data_faults, workspace_faults

EVIDENCE: Final[Mapping[str, Evidence]] = {**data_faults.EVIDENCE, **workspace_faults.EVIDENCE}

GAPS: Final[Mapping[str, str]] = {
    **{
        str(promise): "Not built on this backend yet: a site's people are not made in Entra."
        for promise in IDENTITY.values()
    },
    **{
        str(promise): "Not built on this backend yet: the airlock's two doors do not run in Azure."
        for promise in AIRLOCK.values()
    },
}
