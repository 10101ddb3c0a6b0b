"""Stand-in, not committed, until the backend's own target is written here: overwrite this file."""

from __future__ import annotations

from typing import Literal

from components.model import Target


class AzureTarget(Target):
    """A subscription."""

    backend: Literal["azure"]  # pyright: ignore[reportIncompatibleVariableOverride] # frozen: narrowing is safe


TARGET = AzureTarget
