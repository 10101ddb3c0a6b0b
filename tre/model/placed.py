"""A model together with where it stands, so that checks can point at a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from components.model import Model
from tre.model.findings import Finding, Steps
from tre.model.reading import Document

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(frozen=True)
class Placed(Generic[ModelT]):
    """A sound model, the document it came from, and the path (`base`) at which it stands there."""

    model: ModelT
    document: Document
    base: Steps
    file: Path

    def at(self, steps: Steps, what: str, remedy: str = "") -> Finding:
        """Return something wrong at a path below the model."""
        return self.document.finding((*self.base, *steps), what, remedy)
