"""What files and specs are made of, and the words they share. Needs pydantic alone.

Kept apart from the contracts so that checking a file does not wait half a second for Pulumi's import.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

Classification = Literal["open", "internal", "pseudonymised", "sensitive", "most-sensitive"]

Role = Literal[
    "data-analyst",
    "data-steward",
    "information-asset-owner",
    "output-checker",
    "project-manager",
    "auditor",
    "operator",
]
"""SATRE's role names. `operator` and `auditor` are roles of the site; the others are given per project."""


_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})( 00:00:00 \+0000 UTC)?")


def _day(value: object) -> object:
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        return datetime.date.fromisoformat(found[1]) if found else value
    except ValueError:
        return value


Day = Annotated[datetime.date, BeforeValidator(_day)]
"""A date in a file, as `"2027-03-31"`.

The quotes matter to Pulumi: when it saves a stack's file it writes a plain date back as the text
`2027-03-31 00:00:00 +0000 UTC`, which is therefore read as that date too.
"""


class Model(BaseModel):
    """A frozen, strict description: unknown keys, wrong types and later changes are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Weakness = tuple[str, str, str]
"""A target's key (dotted), what it fails to give, and the remedy."""


class Target(Model):
    """Where a backend deploys to: an account, a subscription or a cluster. Needs no SDK to check."""

    backend: str

    @property
    def embedded(self) -> bool:
        """Whether this is the deployer's own local cluster, which brings images of its own."""
        return False

    def weaknesses(self, encryption: str, sandboxed: bool) -> Sequence[Weakness]:
        """Return what this target, as it is described, cannot give a project that needs so much.

        `encryption` is `any`, `required`, `own-key` or `hardware-key`; `sandboxed` asks for a runtime with a
        kernel of its own. Offline: what the substrate really does is for `doctor` and `verify`.
        """
        return ()
