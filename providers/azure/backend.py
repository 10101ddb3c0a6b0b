"""The Azure backend."""

from __future__ import annotations

from typing import Final

from components.backend import Backend
from providers.azure.data_store import AzureDataStore
from providers.azure.evidence import EVIDENCE, GAPS
from providers.azure.providing import connection
from providers.azure.workspace import AzureWorkspace

BACKEND: Final = Backend(
    name="azure",
    data_store=AzureDataStore,
    workspace=AzureWorkspace,
    evidence=EVIDENCE,
    gaps=GAPS,
    provider=connection,
)
