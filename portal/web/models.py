"""What callers send, as models that take nothing else."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from portal.domain.states import Direction, State

_NO_CONTROLS: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
"""Text may have lines and tabs; nothing that a terminal or a database takes for something else."""
LARGEST_NUMBER: Final = 2**31 - 1
LARGEST_SIZE: Final = 2**63 - 1

Text = Annotated[str, StringConstraints(max_length=4000, pattern=_NO_CONTROLS)]
Title = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
    ),
]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
RequestId = Annotated[Identifier, Path(description="The request's number.")]
FileId = Annotated[Identifier, Path(description="The file's number.")]
ProjectName = Annotated[Name, Path(description="The project.")]
Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{16,200}$", description="The link's token.")]
Cursor = Annotated[str | None, Query(max_length=200, pattern=r"^[A-Za-z0-9_=.:+-]*$")]
Verdict = Literal["approve", "reject", "changes"]


class Sent(BaseModel):
    """The base: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class NewRequest(Sent):
    """A request to begin."""

    project: Name
    direction: Direction
    title: Title
    purpose: Text = ""


class NewFile(Sent):
    """A file to announce. `path` is relative, with `/` between its parts."""

    path: str = Field(min_length=1, max_length=1024)
    expected_size: int | None = Field(default=None, ge=0, le=LARGEST_SIZE, description="Bytes, where known.")
    media_type: str | None = Field(
        default=None, max_length=200, pattern=r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$"
    )


class NewFiles(Sent):
    """Files to announce, all or none."""

    files: list[NewFile] = Field(min_length=1, max_length=1000)


class Submission(Sent):
    """A request to hand in, as it was at `version`."""

    version: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)


class Reason(Sent):
    """Why."""

    reason: Text = ""


class NeededReason(Sent):
    """Why, and not without."""

    reason: Annotated[Text, StringConstraints(min_length=1)]


class FileDecision(Sent):
    """What is said of one file."""

    outcome: Verdict
    reason: Text = ""


class Decision(Sent):
    """A decision on exactly one manifest."""

    outcome: Verdict
    manifest_sha256: Sha256
    reason: Text = ""
    files: dict[Identifier, FileDecision] = Field(default={}, max_length=100_000)


class Pass(Sent):
    """A workspace pass to spend."""

    workspace_pass: str = Field(alias="pass", min_length=1, max_length=500, pattern=r"^[\x21-\x7e]*$")


class NameAndPassword(Sent):
    """A local account's name, password and one-time code."""

    name: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1024)
    code: str = Field(min_length=1, max_length=20)


class Wanted(Sent):
    """Which requests to list."""

    project: Name | None = None
    direction: Direction | None = None
    state: State | None = None
    mine: bool | None = None
    awaiting_me: bool = False
    before: Annotated[str | None, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9_=.:+-]*$")] = None
    limit: int = Field(default=50, ge=1, le=200)
