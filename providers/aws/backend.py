"""The AWS backend."""

from __future__ import annotations

from typing import Final

from components.backend import Backend
from providers.aws.data_store import AwsDataStore
from providers.aws.evidence import EVIDENCE, GAPS
from providers.aws.providing import connection
from providers.aws.workspace import AwsWorkspace

BACKEND: Final = Backend(
    name="aws",
    data_store=AwsDataStore,
    workspace=AwsWorkspace,
    evidence=EVIDENCE,
    gaps=GAPS,
    provider=connection,
)
