"""Answers that are no view of the service."""

from __future__ import annotations

import datetime
from typing import Any

from pydantic import BaseModel, Field

from portal.preview import Kind


class Role(BaseModel):
    """A role in a project, or in `site`."""

    project: str
    role: str


class Myself(BaseModel):
    """Who the door takes the caller for."""

    subject: str
    name: str
    full_name: str
    door: str
    bound_to: str
    roles: list[Role]


class Shown(BaseModel):
    """What a reviewer sees of a file. `picture` is a PNG in base64."""

    kind: Kind
    columns: list[str]
    rows: list[list[str]]
    text: str
    picture: str
    notes: list[str]
    truncated: bool


class Record(BaseModel):
    """The signed disclosure record: `body` is the text exactly as signed."""

    body: str
    signature: str
    key_id: str
    at: datetime.datetime


class Session(BaseModel):
    """A session; `token` is said once and goes into `Authorization: Bearer`."""

    token: str
    expires_at: datetime.datetime
    name: str


class PassMade(BaseModel):
    """A workspace pass, said once: for so many minutes, spent once, in this project's workspaces alone."""

    workspace_pass: str = Field(alias="pass")
    project: str
    minutes: int


class HowToSignIn(BaseModel):
    """How a command line signs in: by name, password and code (`accounts`), or at an issuer by RFC 8628."""

    kind: str
    issuer: str
    client_id: str
    scopes: list[str]


class Health(BaseModel):
    """Whether the door runs, or is ready: for each part `ok` or `unavailable`."""

    ready: bool
    parts: dict[str, str]


BYTES: dict[str, Any] = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    "description": "The file. `Repr-Digest` holds its SHA-256 (RFC 9530).",
    "headers": {"Repr-Digest": {"schema": {"type": "string"}}},
}
LINES: dict[str, Any] = {
    "content": {"application/jsonl": {"schema": {"type": "string"}}},
    "description": "JSON lines.",
}
