"""How a policy document is written: typed statements in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Conditions = Mapping[str, Mapping[str, str | Sequence[str]]]
Principal = Literal["*"] | Mapping[str, str | Sequence[str]]

VERSION: Final = "2012-10-17"
"""The language's version; without it AWS reads policy variables as plain text."""


@dataclass(frozen=True)
class Statement:
    """One statement.

    `principal` is left out in policies of identities, which are about their bearer; `resources` is empty in a
    role's trust policy, which is about the role itself.
    """

    sid: str
    effect: Literal["Allow", "Deny"]
    actions: Sequence[str]
    resources: Sequence[str] = ("*",)
    principal: Principal | None = None
    conditions: Conditions = field(default_factory=dict[str, Mapping[str, str | Sequence[str]]])

    def content(self) -> dict[str, Any]:
        """Return the statement as JSON-ready fields, leaving out what it does not use."""
        written: dict[str, Any] = {"Sid": self.sid, "Effect": self.effect}
        if self.principal is not None:
            written["Principal"] = self.principal
        written["Action"] = list(self.actions)
        if self.resources:
            written["Resource"] = list(self.resources)
        if self.conditions:
            written["Condition"] = self.conditions
        return written


def document(*statements: Statement) -> str:
    """Return a policy document as JSON text, the same for the same statements."""
    return json.dumps(
        {"Version": VERSION, "Statement": [each.content() for each in statements]}, sort_keys=True
    )
