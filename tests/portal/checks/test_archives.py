"""Archives, honest and hostile."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from portal.checks import Outcome
from portal.checks.unpacking import Limits
from tests.portal.checks import made
from tests.portal.checks.held import outcome, project, said

_SMALL = Limits(total_bytes=40 << 20, member_bytes=1 << 20, ratio=100, members=20, depth=3)
_ZEROS = bytes(15 << 20)


def _nested(depth: int) -> bytes:
    body = made.zipped({"a.csv": made.TABLE})
    for _ in range(depth - 1):
        body = made.zipped({"inner.zip": body})
    return body


def _overlapping() -> bytes:
    """Return a zip with two entries for the same bytes, as David Fifield's bombs have them."""
    body = bytearray(made.zipped({"a.csv": b"1" * 1000, "b.csv": b"1" * 1000}, method=zipfile.ZIP_STORED))
    second = body.rfind(b"PK\x01\x02")
    body[second + 42 : second + 46] = struct.pack("<I", 10)
    return bytes(body)


def _encrypted() -> bytes:
    body = bytearray(made.zipped({"a.csv": made.TABLE}))
    central = body.find(b"PK\x01\x02")
    body[6] |= 1
    body[central + 8] |= 1
    return bytes(body)


_HONEST = {
    "zip": (made.zipped({"a.csv": made.TABLE, "figures/b.png": made.picture()}), "a.zip"),
    "empty-zip": (made.zipped({}), "a.zip"),
    "tar": (made.tarred({"./a.csv": made.TABLE, "b/c.csv": made.TABLE}), "a.tar"),
    "tgz": (made.tarred({"a.csv": made.TABLE, "b.csv": made.TABLE * 999}, "gz"), "a.tgz"),
    "gz": (gzip.compress(made.TABLE, mtime=0), "a.csv.gz"),
    "two-gz-streams": (gzip.compress(made.TABLE, mtime=0) * 2 + bytes(8), "a.csv.gz"),
    "bz2": (bz2.compress(made.TABLE), "a.csv.bz2"),
    "xz": (lzma.compress(made.TABLE), "a.csv.xz"),
    "nested": (_nested(3), "a.zip"),
}
_HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "traversal": (lambda: made.zipped({"../a.csv": made.TABLE}), "a.zip"),
    "absolute": (lambda: made.zipped({"/etc/cron.d/a": made.TABLE}), "a.zip"),
    "backslashes": (lambda: made.zipped({"..\\a.csv": made.TABLE}), "a.zip"),
    "tar-traversal": (lambda: made.tarred({"a/../../b.csv": made.TABLE}), "a.tar"),
    "tar-absolute": (lambda: made.tarred({"/etc/passwd": made.TABLE}, "gz"), "a.tgz"),
    "reversed-name": (lambda: made.zipped({"a\u202evsc.exe": made.TABLE}), "a.zip"),
    "one-name-twice": (lambda: made.tarred({"a.csv": made.TABLE, "A.csv": made.TABLE}), "a.tar"),
    "zip-link": (lambda: made.zipped({"a.csv": b"/etc/passwd"}, mode=0o120000), "a.zip"),
    "zip-device": (lambda: made.zipped({"a.csv": b""}, mode=0o020000), "a.zip"),
    "tar-link": (lambda: made.tarred({"a": b""}, type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a.tar"),
    "tar-hard-link": (lambda: made.tarred({"a": b""}, type=tarfile.LNKTYPE, linkname="b"), "a.tar"),
    "tar-device": (lambda: made.tarred({"a": b""}, "gz", type=tarfile.CHRTYPE), "a.tgz"),
    "tar-fifo": (lambda: made.tarred({"a": b""}, type=tarfile.FIFOTYPE), "a.tar"),
    "encrypted": (lambda: _encrypted(), "a.zip"),
    "overlapping": (lambda: _overlapping(), "a.zip"),
    "bytes-before": (lambda: b"PK\x03\x04" + bytes(96) + made.zipped({"a.csv": made.TABLE}), "a.zip"),
    "bomb": (lambda: made.zipped({"a.csv": _ZEROS}), "a.zip"),
    "gz-bomb": (lambda: gzip.compress(_ZEROS, mtime=0), "a.csv.gz"),
    "bz2-bomb": (lambda: bz2.compress(_ZEROS), "a.csv.bz2"),
    "xz-bomb": (lambda: lzma.compress(_ZEROS), "a.csv.xz"),
    "tgz-bomb": (lambda: made.tarred({"a.csv": _ZEROS}, "gz"), "a.tgz"),
    "many-bombs": (lambda: made.zipped({f"{n}.csv": bytes(9 << 20) for n in range(5)}), "a.zip"),
    "nested-bomb": (lambda: made.zipped({"b.gz": gzip.compress(_ZEROS, mtime=0)}), "a.zip"),
    "too-deep": (lambda: _nested(4), "a.zip"),
    "too-many": (lambda: made.zipped({f"{n}.csv": b"1" for n in range(21)}), "a.zip"),
    "tar-too-many": (lambda: made.tarred({f"{n}.csv": b"1" for n in range(21)}, "gz"), "a.tgz"),
}
_DAMAGED = {
    "zip-cut": (made.zipped({"a.csv": made.TABLE})[:-30], "a.zip"),
    "zip-flipped": (
        made.zipped({"a.csv": made.TABLE * 50}).replace(b"PK\x03\x04", b"PK\x03\x05", 1),
        "a.zip",
    ),
    "gz-cut": (gzip.compress(made.TABLE, mtime=0)[:-9], "a.csv.gz"),
    "gz-and-more": (gzip.compress(made.TABLE, mtime=0) + b"hidden", "a.csv.gz"),
    "xz-cut": (lzma.compress(made.TABLE)[:-20], "a.csv.xz"),
    "bz2-cut": (bz2.compress(made.TABLE)[:-5], "a.csv.bz2"),
    "tar-cut": (made.tarred({"a.csv": made.TABLE * 100})[:1000], "a.tar"),
    "tgz-cut": (made.tarred({"a.csv": made.TABLE * 100}, "gz")[:-30], "a.tgz"),
    "seven-zip": (b"7z\xbc\xaf\x27\x1c" + bytes(50), "a.7z"),
    "seven-zip-inside": (made.zipped({"a.7z": b"7z\xbc\xaf\x27\x1c" + bytes(50)}), "a.zip"),
    "other-method": (made.zipped({"a.csv": made.TABLE}, method=zipfile.ZIP_BZIP2), "a.zip"),
    "member-too-large": (made.zipped({"a.csv": bytes(range(256)) * 5000}), "a.zip"),
}


@pytest.mark.parametrize("name", _HONEST)
def test_an_honest_archive_is_clean(name: str) -> None:
    body, path = _HONEST[name]
    assert said(body, path, limits=_SMALL)["archive"].outcome is Outcome.CLEAN


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_archive_is_bad(name: str) -> None:
    make, path = _HOSTILE[name]
    assert said(make(), path, limits=_SMALL)["archive"].outcome is Outcome.BAD


@pytest.mark.parametrize("name", _DAMAGED)
def test_an_archive_that_cannot_be_looked_into_is_not_clean(name: str) -> None:
    body, path = _DAMAGED[name]
    found = said(body, path, limits=_SMALL)
    worst = max((f.outcome for n, f in found.items() if n in {"archive", "type"}), key=lambda o: o.weight)
    assert worst in {Outcome.UNREADABLE, Outcome.BAD}


def test_members_are_listed_with_true_sizes_and_formats() -> None:
    body = made.zipped({"a.csv": made.TABLE, "b.zip": made.zipped({"c.png": made.picture()})})
    finding = said(body, "x.zip")["archive"]
    listed = {m["path"]: (m["bytes"], m["format"]) for m in finding.detail["members"]}
    assert listed["a.csv"] == (len(made.TABLE), "text")
    assert listed["b.zip"][1] == "zip archive"
    assert listed["b.zip!c.png"] == (len(made.picture()), "PNG picture")


@pytest.mark.parametrize("packing", ["zip", "tar", "tgz"])
def test_members_go_through_the_other_checks(packing: str) -> None:
    members = {
        "model.csv": b"\x80\x04K\x01.",
        "counts.csv": b"region,count\na,3\nb,40\n",
        "m.pkl": b"\x80\x04N.",
    }
    body = (
        made.zipped(members) if packing == "zip" else made.tarred(members, "gz" if packing == "tgz" else "")
    )
    found = said(body, f"x.{packing}")
    assert found["opaque"].outcome is Outcome.BAD
    assert set(found["opaque"].detail["members"]) == {"model.csv", "m.pkl"}
    assert found["type"].outcome is Outcome.BAD
    assert set(found["small-counts"].detail["members"]) == {"counts.csv"}


def test_a_named_role_for_models_is_asked_for_in_archives_too() -> None:
    policy = project(rules={"opaque_role": "information-asset-owner"})
    finding = said(made.zipped({"m.pkl": b"\x80\x04N."}), "x.zip", policy)["opaque"]
    assert finding.outcome is Outcome.WARNING
    assert finding.detail["role"] == "information-asset-owner"


def test_a_bomb_in_a_document_is_found() -> None:
    body = made.word({"word/media/a.bin": bytes(15 << 20)})
    assert said(body, "a.docx", limits=_SMALL)["archive"].outcome is Outcome.BAD


def test_a_central_directory_that_promises_gigabytes_is_refused() -> None:
    body = bytearray(made.zipped({"a.csv": made.TABLE}))
    end = body.rfind(b"PK\x05\x06")
    body[end + 12 : end + 16] = struct.pack("<I", 0x7FFFFFFF)
    assert outcome(bytes(body), "a.zip", "archive") in {Outcome.BAD, Outcome.UNREADABLE}


def test_a_tar_header_that_promises_gigabytes_is_refused() -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 32
    body = header.tobuf(tarfile.USTAR_FORMAT) + bytes(4096)
    assert outcome(body, "a.tar", "archive") in {Outcome.BAD, Outcome.UNREADABLE}
    assert outcome(gzip.compress(body, mtime=0), "a.tgz", "archive") in {Outcome.BAD, Outcome.UNREADABLE}
