"""The manifest's hash: one for the same files, another for any difference."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from portal.domain.manifest import Entry, Manifest

_A = Entry("a.csv", "0" * 64, 3, "text/csv")
_B = Entry("folder/ü.csv", "1" * 64, 4, "text/csv")


def test_the_order_of_files_does_not_matter() -> None:
    assert Manifest.of([_A, _B]).sha256 == Manifest.of([_B, _A]).sha256


@pytest.mark.parametrize("field", ["path", "sha256", "size", "media_type"])
def test_any_difference_is_another_manifest(field: str) -> None:
    other = replace(_A, **{field: 9 if field == "size" else "x"})
    assert Manifest.of([other, _B]).sha256 != Manifest.of([_A, _B]).sha256


def test_anybody_can_compute_it_from_what_the_record_says() -> None:
    """By the canonical form alone: sorted keys, no white space, UTF-8 (kept as an independent reading)."""
    files = [
        {"path": e.path, "sha256": e.sha256, "size": e.size, "media_type": e.media_type} for e in (_A, _B)
    ]
    text = json.dumps(
        {"files": files, "form": "tre-manifest-1"}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert Manifest.of([_B, _A]).sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert Manifest.of([_A, _B]).size == 7
