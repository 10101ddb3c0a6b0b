"""Opaque files: models, serialised objects and binary data, in which no person can see what they hold.

A model can carry the very records that it was trained on, so none leaves unless the site sends it to a named role.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import Final

from portal.checks import formats, pickles
from portal.checks.formats import Family
from portal.checks.subject import Context, Said, Subject
from portal.checks.verdict import Outcome

VERSION: Final = "1"
_FAMILIES: Final = frozenset({Family.MODEL, Family.DATA, Family.PROGRAM, Family.UNKNOWN, Family.MEDIA})
_NAMED: Final = (
    "pkl pickle joblib pt pth ckpt safetensors onnx h5 hdf5 keras pb tflite gguf ubj bst mar mlmodel pmml rds rdata "
    "rda parquet feather arrow npy npz sav zsav sas7bdat dta sqlite sqlite3 caffemodel params pdparams w2v cbm"
)
_ENDINGS: Final = frozenset(_NAMED.split())
"""Endings of models and data, which are believed whatever the content looks like."""
_PACKED: Final = frozenset({"gzip file", "bzip2 file", "xz file"})
_PEEK: Final = 1 << 16


def judge(subject: Subject, context: Context) -> Iterator[Said]:
    """Say whether the file is opaque, and to whom it goes if it is."""
    what = named(subject)
    if not what:
        yield Said("opaque", VERSION, Outcome.CLEAN, "nothing opaque")
        return
    role = context.project.rules.opaque_role
    detail = {"what": what, "role": role, "ending": subject.ending}
    if subject.kind.family is Family.PROGRAM:
        yield Said("opaque", VERSION, Outcome.BAD, f"{what}: programs do not pass", {**detail, "role": ""})
    elif role:
        summary = f"{what}: nobody can see what it holds; the {role} must be among those who decide"
        yield Said("opaque", VERSION, Outcome.WARNING, summary, detail)
    else:
        yield Said("opaque", VERSION, Outcome.BAD, f"{what}: nobody can see what it holds", detail)


def named(subject: Subject) -> str:
    """Return what opaque thing the file is, or nothing if it is none."""
    kind = subject.kind
    if kind is formats.PICKLE:
        calls = subject.pickle is not None and subject.pickle.calls
        return "a Python pickle that calls code when opened" if calls else "a Python pickle"
    if kind.family in _FAMILIES:
        return f"a {kind.name}"
    if kind.name in _PACKED:
        inside = _inside(subject)
        if inside:
            return inside
    return f"a file of the ending .{subject.ending}" if subject.ending in _ENDINGS else ""


def _inside(subject: Subject) -> str:
    """Return what a packed file holds if that is opaque: R and joblib pack what they save."""
    head = unpacked(subject.head)
    if pickles.pickle_in(head):
        return "a packed Python pickle"
    kind = formats.recognised(head[: formats.HEAD])
    return f"a packed {kind.name}" if kind.family in _FAMILIES else ""


def unpacked(head: bytes, most: int = _PEEK) -> bytes:
    """Return the first bytes of what a packed file holds, by its own first bytes; nothing where it is damaged."""
    try:
        if head.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(wbits=31).decompress(head, most)
        if head.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(head, most)
        return lzma.LZMADecompressor(memlimit=128 << 20).decompress(head, most)
    except (zlib.error, OSError, ValueError, lzma.LZMAError, EOFError):
        return b""
