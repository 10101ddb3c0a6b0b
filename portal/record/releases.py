"""What must hold in one signed disclosure record, judged by itself. Standard library and `cryptography` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portal.record import forms

Document = Mapping[str, Any]


class Wrong(Exception):
    """What is wrong with one line."""


@dataclass(frozen=True)
class Files:
    """The files of one record, for which there may be receipts."""

    request_id: str
    hashes: Mapping[str, str]

    def holds(self, receipt: Document) -> bool:
        """Tell whether a receipt is for one of the files, and for the bytes that were approved."""
        return (
            receipt["request_id"] == self.request_id
            and self.hashes.get(receipt["path"], "") == receipt["sha256"]
        )


def signed(public: str, body: str, signature: str) -> None:
    """Raise `Wrong` unless the holder of a public key (raw, hexadecimal) has signed the body."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    try:
        key.verify(bytes.fromhex(signature), body.encode())
    except InvalidSignature:
        raise Wrong("the signature is not that of the record") from None


def judged(request_id: str, body: Document) -> Files:
    """Return the files of a record that holds together in itself, else raise `Wrong`."""
    if body["form"] != forms.DISCLOSURE:
        raise Wrong(f"the record is of another form than {forms.DISCLOSURE}")
    if body["request"]["id"] != request_id:
        raise Wrong("the record is of another request")
    _manifest(body["manifest"])
    _decisions(body)
    return Files(request_id, {file["path"]: file["sha256"] for file in body["manifest"]["files"]})


def _manifest(manifest: Document) -> None:
    canonical = forms.canonical({"form": manifest["form"], "files": manifest["files"]})
    if hashlib.sha256(canonical.encode()).hexdigest() != manifest["sha256"]:
        raise Wrong("the manifest's hash is not that of its files")


def _decisions(body: Document) -> None:
    """Enough distinct people approved exactly these files; none of them had asked, and nobody said no."""
    last = [each for each in body["decisions"] if each["round"] == body["request"]["round"]]
    if any(each["person"] == body["requester"]["subject"] for each in body["decisions"]):
        raise Wrong("the requester decided on their own request")
    if not all(_approves(each) for each in last):
        raise Wrong("somebody did not approve, and it was released")
    if any(each["manifest_sha256"] != body["manifest"]["sha256"] for each in last):
        raise Wrong("somebody decided on other files than were released")
    needed = body["needed"]
    if len({each["person"] for each in last}) < needed["people"]:
        raise Wrong("fewer people approved than must")
    if needed["role"] and not any(needed["role"] in each["roles"] for each in last):
        raise Wrong(f"nobody approved as {needed['role']}, and somebody must")


def _approves(decision: Document) -> bool:
    files = decision["files"].values()
    return decision["outcome"] == "approve" and all(
        said.get("outcome", "approve") == "approve" for said in files
    )
