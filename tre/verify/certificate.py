"""The deletion certificate: what a closed project held, how it was destroyed, and what was seen to be gone."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from components.model import Model

VERSION: Final = 1
LIMITS: Final = (
    "Says nothing of copies that were made outside this TRE, released outputs among them.",
    "Says nothing of backups and histories of the platform's own stores, where the key was kept: they end by"
    " their own retention.",
)
"""What the certificate does not prove, printed in each."""
NO_MANIFEST: Final = (
    "No content manifest could be read, so data sets stand here as the project's file names them,"
    " without digests."
)
NO_KEYS: Final = (
    "Not every volume had a key of the project's own, so its erasure rests on the platform's deletion."
)


class ErasedData(Model):
    """One file of the content manifest. `sha256` is in hex."""

    data_set: str
    file: str
    sha256: str
    bytes: int
    classification: str


class ErasedVolume(Model):
    """One volume: `key` is a fingerprint of the key that opened it, empty where it had none of its own."""

    name: str
    area: str
    cipher: str
    key: str


class Held(Model):
    """What a project held before it was closed. `manifest` is the SHA-256 of its content manifest."""

    manifest: str
    data_sets: tuple[ErasedData, ...]
    volumes: tuple[ErasedVolume, ...]

    @property
    def empty(self) -> bool:
        """Tell whether there was nothing."""
        return not (self.manifest or self.data_sets or self.volumes)

    def joined(self, later: Held) -> Held:
        """Return this together with what a later attempt still found."""
        return Held(
            manifest=self.manifest or later.manifest,
            data_sets=self.data_sets + tuple(each for each in later.data_sets if each not in self.data_sets),
            volumes=self.volumes + tuple(each for each in later.volumes if each not in self.volumes),
        )


class Approval(Model):
    """The decision that let the study happen."""

    reference: str
    expires: datetime.date


class Seen(Model):
    """What was seen afterwards, asked of the target itself and not of the deployer's state."""

    when: datetime.datetime
    gone: tuple[str, ...]
    remains: tuple[str, ...]


class Certificate(Model):
    """One project's certificate. `audit` is the hash of the audit log's entry before the certificate's own."""

    version: Literal[1]
    kind: Literal["deletion-certificate"]
    site: str
    project: str
    title: str
    approval: Approval
    who: str
    host: str
    begun: datetime.datetime
    ended: datetime.datetime
    method: Literal["crypto-erasure", "deletion"]
    data_sets_named: tuple[str, ...]
    held: Held
    removed: tuple[str, ...]
    seen: Seen
    limits: tuple[str, ...]
    audit: str


def held_of(holdings: Mapping[str, Any]) -> Held:
    """Return what a backend says that a project holds, checked before anything is destroyed."""
    return Held.model_validate_json(json.dumps(dict(holdings)))


def method_of(held: Held) -> Literal["crypto-erasure", "deletion"]:
    """Return how a project's data is destroyed: by its key where every volume has one."""
    keyed = bool(held.volumes) and all(each.key for each in held.volumes)
    return "crypto-erasure" if keyed else "deletion"


def limits_of(held: Held) -> tuple[str, ...]:
    """Return what a certificate over these holdings does not prove."""
    missing = () if held.manifest else (NO_MANIFEST,)
    keyless = () if method_of(held) == "crypto-erasure" else (NO_KEYS,)
    return (*LIMITS, *missing, *keyless)


def text_of(certificate: Certificate) -> tuple[str, str]:
    """Return a certificate as the text of its file, and the SHA-256 of that, in hex."""
    text = certificate.model_dump_json(indent=2) + "\n"
    return text, hashlib.sha256(text.encode()).hexdigest()
