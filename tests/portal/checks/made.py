"""Files made for the tests, honest and hostile; the same bytes in every run."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

_THEN = (2026, 1, 1, 0, 0, 0)
TABLE = b"region,count\nnorth,120\nsouth,240\n"


def zipped(
    members: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, mode: int = stat.S_IFREG
) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, body in members.items():
            info = zipfile.ZipInfo(name, _THEN)
            info.compress_type = method
            info.external_attr = (mode | 0o644) << 16
            archive.writestr(info, body)
    return made.getvalue()


def tarred(members: Mapping[str, bytes], packing: str = "", **attributes: Any) -> bytes:
    """Return a tar of some files, each with further attributes of `TarInfo`."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(body))
    return gzip.compress(made.getvalue(), mtime=0) if packing == "gz" else made.getvalue()


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), **saved: Any) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(made, kind, **saved)
    return made.getvalue()


def photograph() -> bytes:
    """Return a JPEG that says who took it, and where."""
    exif = Image.Exif()
    exif[0x013B] = "Ada Lovelace"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (51.0, 30.0, 0.0)
    return picture("JPEG", exif=exif)


def document(*, author: str = "", script: str = "", attached: bytes = b"", password: str = "") -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    if author:
        writer.add_metadata({NameObject("/Author"): TextStringObject(author)})
    if script:
        action = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject(script)}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(action)
    if attached:
        writer.add_attachment("attached.bin", attached)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


_CORE = (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>Ada Lovelace</dc:creator></cp:coreProperties>'
)


def word(extra: Mapping[str, bytes] | None = None) -> bytes:
    return zipped(
        {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>", **(extra or {})}
    )


def workbook(extra: Mapping[str, bytes] | None = None) -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>", **(extra or {})})


CORE = _CORE.encode()
