"""What a file is, told from its first bytes alone: our own table of magic numbers."""

from __future__ import annotations

import enum
import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

HEAD: Final = 4096
"""Bytes that are enough to recognise every format of the table."""


class Family(enum.StrEnum):
    """What a format is for, and so which checks look into it."""

    EMPTY = "empty"
    TEXT = "text"
    PICTURE = "picture"
    DOCUMENT = "document"
    OFFICE = "office"
    ARCHIVE = "archive"
    SEALED = "sealed"
    """Archives that no check can open."""
    MODEL = "model"
    DATA = "data"
    """Binary data that no person can read in a portal."""
    PROGRAM = "program"
    MEDIA = "media"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Format:
    """One format: its name, its family, the endings that it honestly has, and the bytes by which it is known.

    `marks` are alternatives; each is a list of an offset and the bytes that stand there.
    """

    name: str
    family: Family
    endings: frozenset[str]
    marks: tuple[tuple[tuple[int, bytes], ...], ...] = ()

    def matches(self, head: bytes) -> bool:
        """Tell whether a file that begins so is of this format."""
        return any(all(head[at : at + len(mark)] == mark for at, mark in marks) for marks in self.marks)


def _format(name: str, family: Family, endings: str, *marks: bytes | tuple[tuple[int, bytes], ...]) -> Format:
    alternatives = tuple(((0, mark),) if isinstance(mark, bytes) else mark for mark in marks)
    return Format(name, family, frozenset(endings.split()), alternatives)


_P, _D, _A, _S = Family.PICTURE, Family.DOCUMENT, Family.ARCHIVE, Family.SEALED
_M, _B, _X, _O = Family.MODEL, Family.DATA, Family.PROGRAM, Family.OFFICE

_WITH_MARKS: Final = (
    _format("PNG picture", _P, "png", b"\x89PNG\r\n\x1a\n"),
    _format("JPEG picture", _P, "jpg jpeg jpe", b"\xff\xd8\xff"),
    _format("GIF picture", _P, "gif", b"GIF87a", b"GIF89a"),
    _format("TIFF picture", _P, "tif tiff", b"II*\0", b"MM\0*"),
    _format("WebP picture", _P, "webp", ((0, b"RIFF"), (8, b"WEBP"))),
    _format("BMP picture", _P, "bmp", ((0, b"BM"), (6, bytes(4)))),
    _format("PDF document", _D, "pdf", b"%PDF-"),
    _format("RTF document", _D, "rtf doc", b"{\\rtf"),
    _format("PostScript document", _D, "ps eps", b"%!PS"),
    _format("old Office document", _D, "doc xls ppt msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    _format("zip archive", _A, "zip", b"PK\x03\x04", b"PK\x05\x06"),
    _format("gzip file", _A, "gz tgz", b"\x1f\x8b"),
    _format("bzip2 file", _A, "bz2 tbz tbz2", b"BZh"),
    _format("xz file", _A, "xz txz", b"\xfd7zXZ\0"),
    _format("tar archive", _A, "tar", ((257, b"ustar"),)),
    _format("7z archive", _S, "7z", b"7z\xbc\xaf\x27\x1c"),
    _format("RAR archive", _S, "rar", b"Rar!\x1a\x07"),
    _format("Zstandard file", _S, "zst", b"\x28\xb5\x2f\xfd"),
    _format("LZ4 file", _S, "lz4", b"\x04\x22\x4d\x18"),
    _format("cabinet archive", _S, "cab", b"MSCF"),
    _format("ar archive", _S, "a ar deb", b"!<arch>\n"),
    _format("HDF5 file", _B, "h5 hdf5 hdf he5 keras mat h5ad loom nc", b"\x89HDF\r\n\x1a\n"),
    _format("Parquet file", _B, "parquet pq", b"PAR1"),
    _format("Arrow file", _B, "arrow feather ipc", b"ARROW1", b"FEA1"),
    _format("ORC file", _B, "orc", b"ORC"),
    _format("Avro file", _B, "avro", b"Obj\x01"),
    _format("NumPy array", _B, "npy", b"\x93NUMPY"),
    _format("SQLite database", _B, "sqlite sqlite3 db gpkg", b"SQLite format 3\0"),
    _format("R data", _B, "rdata rda", b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n"),
    _format("R object", _B, "rds", b"X\n\0\0\0\x02", b"X\n\0\0\0\x03", b"A\n2\n", b"A\n3\n"),
    _format("Stata data", _B, "dta", b"<stata_dta>", b"\x72\x01\x01", b"\x72\x02\x01", b"\x73\x02\x01"),
    _format("SPSS data", _B, "sav zsav", b"$FL2", b"$FL3"),
    _format("SAS data", _B, "sas7bdat", bytes(12) + b"\xc2\xea\x81\x60"),
    _format("Matlab data", _B, "mat", b"MATLAB 5.0 MAT-file"),
    _format("TensorFlow Lite model", _M, "tflite", ((4, b"TFL3"),)),
    _format("GGUF model", _M, "gguf", b"GGUF", b"ggjt"),
    _format("XGBoost model", _M, "ubj model bst", b"{L\0\0", b"binf"),
    _format("Linux program", _X, "so o elf bin", b"\x7fELF"),
    _format("Windows program", _X, "exe dll pyd sys scr", b"MZ"),
    _format("macOS program", _X, "dylib", *(bytes.fromhex(m) for m in ("feedface", "feedfacf", "cefaedfe"))),
    _format("macOS program", _X, "dylib", b"\xcf\xfa\xed\xfe"),
    _format("Java class", _X, "class", b"\xca\xfe\xba\xbe"),
    _format("WebAssembly program", _X, "wasm", b"\0asm"),
    _format("Android program", _X, "dex", b"dex\n"),
    _format("MP4 video", Family.MEDIA, "mp4 mov m4a m4v heic heif avif", ((4, b"ftyp"),)),
    _format("Ogg sound", Family.MEDIA, "ogg oga ogv opus", b"OggS"),
    _format("MP3 sound", Family.MEDIA, "mp3", b"ID3"),
    _format("WAV sound", Family.MEDIA, "wav", ((0, b"RIFF"), (8, b"WAVE"))),
    _format("AVI video", Family.MEDIA, "avi", ((0, b"RIFF"), (8, b"AVI "))),
    _format("Matroska video", Family.MEDIA, "mkv webm", b"\x1a\x45\xdf\xa3"),
)
EMPTY: Final = _format("empty file", Family.EMPTY, "")
TEXT: Final = _format(
    "text",
    Family.TEXT,
    "txt csv tsv tab json jsonl ndjson md rst tex log yaml yml toml ini cfg html htm xml svg css js py r rmd qmd do "
    "sql sh ipynb bib sas sps jl m c h cpp gct dat out geojson vtt srt adoc dot mmd gml kml",
)
UNKNOWN: Final = _format("binary file of no known format", Family.UNKNOWN, "")
PICKLE: Final = _format("Python pickle", _M, "pkl pickle joblib p pt pth sav model bin")
SAFETENSORS: Final = _format("safetensors model", _M, "safetensors")
ONNX: Final = _format("ONNX model", _M, "onnx")
BYTECODE: Final = _format("Python bytecode", _X, "pyc pyo")
WORD: Final = _format("Word document", _O, "docx docm dotx dotm")
WORKBOOK: Final = _format("Excel workbook", _O, "xlsx xlsm xltx xltm")
XLSB: Final = _format("binary Excel workbook", _O, "xlsb")
SLIDES: Final = _format("PowerPoint slides", _O, "pptx pptm potx ppsx")
OPEN_DOCUMENT: Final = _format("OpenDocument file", _O, "odt ods odp odg ott ots")
TORCH: Final = _format("PyTorch model", _M, "pt pth bin ckpt model")
KERAS: Final = _format("Keras model", _M, "keras")
NPZ: Final = _format("NumPy archive", _B, "npz")
JAVA: Final = _format("Java archive", _X, "jar war")
ANDROID: Final = _format("Android program", _X, "apk")
ZIP: Final = next(f for f in _WITH_MARKS if f.name == "zip archive")

FORMATS: Final = (
    *_WITH_MARKS,
    *(TEXT, PICKLE, SAFETENSORS, ONNX, BYTECODE, WORD, WORKBOOK, XLSB, SLIDES, OPEN_DOCUMENT),
    *(TORCH, KERAS, NPZ, JAVA, ANDROID),
)
"""Every format that is known by name."""
KNOWN_ENDINGS: Final = frozenset[str]().union(*(f.endings for f in FORMATS))

_TEXT_BYTES: Final = bytes({9, 10, 12, 13, 27} | set(range(0x20, 0x100)) - {0x7F})
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_LONGEST_HEADER: Final = 100 << 20


def ending(path: str) -> str:
    """Return the ending of a path, in lower case and without its dot; empty where it has none."""
    name = path.rpartition("/")[2]
    stem, dot, last = name.rpartition(".")
    return last.lower() if dot and stem else ""


def recognised(head: bytes) -> Format:
    """Return the format of a file by its first `HEAD` bytes. Archives of one purpose are told apart by `of_zip`."""
    if not head:
        return EMPTY
    for known in _WITH_MARKS:
        if known.matches(head):
            return known
    if _is_safetensors(head):
        return SAFETENSORS
    if looks_like_text(head):
        return TEXT
    if head[:1] == b"\x08" and b"onnx" in head[:HEAD].lower():
        return ONNX
    return BYTECODE if head[2:4] == b"\r\n" and len(head) >= 16 else UNKNOWN


def _is_safetensors(head: bytes) -> bool:
    # Eight bytes of length, then a JSON object of at most 100 MB, as its own library takes it.
    return head[8:9] == b"{" and 2 <= struct.unpack_from("<Q", head)[0] <= _LONGEST_HEADER


def looks_like_text(piece: bytes) -> bool:
    """Tell whether some bytes can be text: UTF-16 with its mark, or no control characters that text has not."""
    return piece[:2] in _UTF16 or not piece.translate(None, _TEXT_BYTES)


def of_zip(names: Collection[str]) -> Format:
    """Return what a zip archive is by the names of its members."""
    firsts = {name.split("/", 1)[0] for name in names}
    if "[Content_Types].xml" in names:
        if "xl/workbook.bin" in names:
            return XLSB
        kinds = {"word": WORD, "xl": WORKBOOK, "ppt": SLIDES}
        return next((kinds[first] for first in sorted(firsts) if first in kinds), ZIP)
    if "mimetype" in names and ("content.xml" in names or "META-INF/manifest.xml" in names):
        return OPEN_DOCUMENT
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return TORCH
    if "config.json" in names and "model.weights.h5" in names:
        return KERAS
    if "classes.dex" in names:
        return ANDROID
    if "META-INF/MANIFEST.MF" in names:
        return JAVA
    return NPZ if names and all(name.endswith(".npy") for name in names) else ZIP
