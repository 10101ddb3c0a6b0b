"""Opaque files: recognised by content or name, and never opened."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import pytest

from portal.checks import Outcome
from portal.checks.pickles import pickle_in
from tests.portal.checks import made
from tests.portal.checks.held import outcome, project, said


class _Touches:
    """What it says in a pickle: touch a file when opened."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self._path,))


_TENSORS = struct.pack("<Q", 40) + b'{"w":{"dtype":"F32","shape":[1]}}       ' + bytes(4)
_OPAQUE = {
    **{f"pickle-{protocol}": (pickle.dumps({"a": [1, 2, 3]}, protocol), "m.pkl") for protocol in range(6)},
    "pickle-as-text": (pickle.dumps(Path("x"), 0), "notes.txt"),
    "long-pickle-0": (pickle.dumps(list(range(200_000)), 0), "m.dat"),
    "joblib-packed": (gzip.compress(pickle.dumps([1, 2]), mtime=0), "m.joblib"),
    "torch": (made.zipped({"archive/data.pkl": b"\x80\x02N.", "archive/version": b"3"}), "m.pt"),
    "keras": (made.zipped({"config.json": b"{}", "model.weights.h5": b"\x89HDF\r\n\x1a\n"}), "m.keras"),
    "npz": (made.zipped({"a.npy": b"\x93NUMPY"}), "m.npz"),
    "safetensors": (_TENSORS, "m.safetensors"),
    "onnx": (b"\x08\x07\x12\x04onnx\x00" + bytes(60), "m.onnx"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "m.h5"),
    "rds": (gzip.compress(b"X\n\0\0\0\x03\0\4", mtime=0), "m.rds"),
    "rdata": (gzip.compress(b"RDX3\nX\n", mtime=0), "m.RData"),
    "packed-rds-as-gz": (gzip.compress(b"RDX3\nX\n", mtime=0), "m.csv.gz"),
    "parquet": (b"PAR1" + bytes(50), "m.parquet"),
    "sqlite": (b"SQLite format 3\0" + bytes(90), "m.db"),
    "npy": (b"\x93NUMPY\x01\0", "m.npy"),
    "text-model": (b"tree\nversion=v3\n", "model.pkl"),
    "unknown": (bytes(range(256)), "m.xyz"),
}
_PROGRAMS = {
    "elf": (b"\x7fELF" + bytes(60), "m"),
    "windows": (b"MZ" + bytes(60), "m.exe"),
    "wasm": (b"\0asm\1\0\0\0", "m.wasm"),
    "jar": (made.zipped({"META-INF/MANIFEST.MF": b"x"}), "m.jar"),
}


@pytest.mark.parametrize("name", _OPAQUE)
def test_an_opaque_file_is_bad_unless_a_role_is_named(name: str) -> None:
    body, path = _OPAQUE[name]
    finding = said(body, path)["opaque"]
    assert finding.outcome is Outcome.BAD
    assert finding.detail["role"] == ""
    policy = project(rules={"opaque_role": "information-asset-owner"})
    sent = said(body, path, policy)["opaque"]
    assert sent.outcome is Outcome.WARNING
    assert sent.detail["role"] == "information-asset-owner"


@pytest.mark.parametrize("name", _PROGRAMS)
def test_a_program_is_bad_whoever_decides(name: str) -> None:
    body, path = _PROGRAMS[name]
    policy = project(rules={"opaque_role": "information-asset-owner"})
    assert said(body, path, policy)["opaque"].outcome is Outcome.BAD


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (made.TABLE, "a.csv"),
        (b"N.\n", "a.txt"),
        (b"count\nitems\n12\n", "a.csv"),
        (b"I am a sentence. It ends.\n", "a.txt"),
        (made.picture(), "a.png"),
        (made.document(), "a.pdf"),
        (made.word(), "a.docx"),
        (gzip.compress(made.TABLE, mtime=0), "a.csv.gz"),
        (b"", "a.txt"),
    ],
    ids=["csv", "n-dot", "c-line", "sentence", "png", "pdf", "docx", "csv-gz", "empty"],
)
def test_what_a_person_can_look_at_is_not_opaque(body: bytes, path: str) -> None:
    assert outcome(body, path, "opaque") is Outcome.CLEAN


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_code_is_known_without_running_it(tmp_path: Path, protocol: int) -> None:
    target = tmp_path / "touched"
    body = pickle.dumps(_Touches(target), protocol)
    found = pickle_in(body)
    assert found is not None
    assert found.calls
    assert "calls code" in said(body, "m.pkl")["opaque"].summary
    assert not target.exists()


def test_a_pickle_of_plain_values_calls_nothing() -> None:
    found = pickle_in(pickle.dumps({"a": [1, "b", None]}, 4))
    assert found is not None
    assert not found.calls
    assert found.protocol == 4
