"""The one table that names backends. Everything else asks here."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

from tre.errors import failure

if TYPE_CHECKING:
    from components.backend import Backend, Target


@dataclass(frozen=True)
class Entry:
    """A backend's package, its SDK's top-level module, and what to do when the SDK is not installed."""

    package: str
    sdk: str
    remedy: str


BACKENDS: Final[Mapping[str, Entry]] = {
    "aws": Entry("providers.aws", "pulumi_aws", "pip install 'tre[aws]'"),
    "azure": Entry("providers.azure", "pulumi_azure_native", "pip install 'tre[azure]'"),
    "kubernetes": Entry("providers.kubernetes", "pulumi_kubernetes", "pip install 'tre[kubernetes]'"),
}

LOCAL_CLUSTER: Final = "kubernetes"
"""The backend that brings a cluster of its own for those who have none."""


def target_models() -> Mapping[str, type[Target]]:
    """Return each backend's target model. Needs no SDK."""
    return {name: _target_model(entry) for name, entry in BACKENDS.items()}


def _target_model(entry: Entry) -> type[Target]:
    return cast("type[Target]", importlib.import_module(f"{entry.package}.target").TARGET)


@functools.cache
def backend(name: str) -> Backend:
    """Return a backend, importing its SDK.

    Raises:
        TreError: the backend's SDK is not installed.
    """
    module = _module(name, "backend")
    return cast("Backend", module.BACKEND)


def local_cluster() -> ModuleType:
    """Return the package that runs a local cluster."""
    return _module(LOCAL_CLUSTER, "cluster")


def _module(name: str, part: str) -> ModuleType:
    entry = BACKENDS[name]
    try:
        return importlib.import_module(f"{entry.package}.{part}")
    except ModuleNotFoundError as missing:
        # Only the SDK's absence is the user's to mend; any other failed import is a bug and must show.
        if missing.name is None or missing.name.partition(".")[0] != entry.sdk:
            raise
        raise failure(f"backend {name}", f"{entry.sdk} is not installed", entry.remedy) from missing
