"""The program of the parsing process (`portal.checks.confined` starts it, by its path). It imports nothing of ours.

It reads tasks from its standard input and answers on its standard output: a line of JSON, then bytes. Answers name
fields and counts; only `pdf_text` and `thumbnail` return content.
"""

from __future__ import annotations

import io
import json
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any, Final, cast

_MEMORY: Final = 1536 << 20
_LONGEST: Final = 120
_PIXELS: Final = 50_000_000
_FRAMES: Final = 1000
_OBJECTS: Final = 100_000
_PAGES: Final = 5
_TEXT: Final = 64 << 10
_SIDE: Final = 1600
_PICTURES: Final = ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP")
_STRUCTURAL: Final = (
    "254 255 256 257 258 259 262 266 273 274 277 278 279 282 283 284 296 317 320 322 323 324 325 338 339 347 "
    "529 530 531 532 34665 34675 36864 37121 40960 40961 40962 40963 40965"
)
_STRUCTURE: Final = frozenset(map(int, _STRUCTURAL.split()))
"""EXIF and TIFF tags that say how pixels are stored, and nothing else."""
_ORDINARY_TEXT: Final = frozenset({"Software"})
_ACTIVE: Final = {
    "/JS": "JavaScript",
    "/JavaScript": "JavaScript",
    "/Launch": "programs to start",
    "/EmbeddedFile": "attached files",
    "/EF": "attached files",
    "/RichMedia": "embedded media",
    "/SubmitForm": "forms that send",
    "/GoToR": "links to other files",
    "/OpenAction": "actions on opening",
    "/AA": "automatic actions",
    "/XFA": "XML forms",
}
_ORDINARY_INFO: Final = frozenset({"/Producer", "/Creator", "/CreationDate", "/ModDate", "/Trapped"})

Answer = tuple[dict[str, Any], bytes]


class Refused(Exception):
    """A file that is not parsed, with the reason."""


def _picture(body: bytes) -> Answer:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = _PIXELS
    with Image.open(io.BytesIO(body), formats=_PICTURES) as image:
        image.verify()
    with Image.open(io.BytesIO(body), formats=_PICTURES) as image:
        image.load()
        frames = getattr(image, "n_frames", 1)
        if frames > _FRAMES:
            raise Refused("it has too many frames")
        return {"width": image.width, "height": image.height, "frames": frames, "fields": _fields(image)}, b""


def _fields(image: Any) -> list[str]:
    """Return the names of what the picture carries besides its pixels."""
    from PIL import ExifTags

    exif = image.getexif()
    found = {str(ExifTags.TAGS.get(tag, tag)) for tag in exif if tag not in _STRUCTURE}
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    found |= {str(ExifTags.TAGS.get(tag, tag)) for tag in inner if tag not in _STRUCTURE}
    if exif.get_ifd(ExifTags.IFD.GPSInfo):
        found.add("GPS position")
    found -= {"GPSInfo", "ExifOffset"}
    info = image.info
    found |= {"XMP"} if any(str(key).lower().startswith(("xmp", "xml:com.adobe")) for key in info) else set()
    found |= {"comment"} if info.get("comment") else set()
    found |= {"Photoshop data"} if info.get("photoshop") else set()
    texts = {str(key)[:40] for key in getattr(image, "text", {})} - _ORDINARY_TEXT
    return sorted(found | {f"text field {key}" for key in texts if "xmp" not in key.lower()})[:100]


def _thumbnail(body: bytes) -> Answer:
    """Return the picture's pixels as a PNG that holds nothing else."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = _PIXELS
    with Image.open(io.BytesIO(body), formats=_PICTURES) as image:
        size = image.size
        image.draft("RGB", (_SIDE, _SIDE))
        frames = getattr(image, "n_frames", 1)
        turned = ImageOps.exif_transpose(image) or image
        plain = turned.convert("RGBA" if "A" in turned.getbands() or "transparency" in image.info else "RGB")
    plain.thumbnail((_SIDE, _SIDE))
    fresh = Image.new(plain.mode, plain.size)
    fresh.paste(plain)
    made = io.BytesIO()
    fresh.save(made, "PNG")
    return {"width": size[0], "height": size[1], "frames": min(frames, _FRAMES)}, made.getvalue()


def _reader(body: bytes) -> Any:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(body), strict=False)
    if reader.is_encrypted:
        raise Refused("it is encrypted")
    return reader


def _pdf(body: bytes) -> Answer:
    reader = _reader(body)
    info: Any = reader.metadata or {}
    fields = sorted(str(key).lstrip("/")[:40] for key in info if key not in _ORDINARY_INFO)
    numbers = {number for table in reader.xref.values() for number in table} | set(reader.xref_objStm)
    if len(numbers) > _OBJECTS:
        raise Refused("it has too many objects")
    active: set[str] = set()
    xmp = False
    for number in sorted(numbers):
        found = _keys(reader, number)
        active |= {_ACTIVE[key] for key in found if key in _ACTIVE}
        xmp |= "/Metadata" in found
    return {
        "pages": len(reader.pages),
        "fields": (fields + ["XMP"] * xmp)[:100],
        "active": sorted(active),
    }, b""


def _keys(reader: Any, number: int) -> set[str]:
    """Return the keys and names in one object, nested ones included."""
    from pypdf.generic import IndirectObject

    found: set[str] = set()
    waiting: list[Any] = [reader.get_object(IndirectObject(number, 0, reader))]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, dict):
            # pypdf's own look-ups follow references; the objects referred to have their turn by themselves.
            pairs = dict[Any, Any].items(cast("dict[Any, Any]", thing))
            found |= {str(key) for key, _ in pairs}
            waiting += [value for _, value in pairs]
        elif isinstance(thing, list):
            waiting += list[Any].__iter__(cast("list[Any]", thing))
        elif isinstance(thing, str) and thing.startswith("/"):
            found.add(str(thing))
    return found


def _pdf_text(body: bytes) -> Answer:
    reader = _reader(body)
    texts: list[str] = []
    for page in list(reader.pages[:_PAGES]):
        texts.append(page.extract_text())
        if sum(map(len, texts)) > _TEXT:
            break
    text = "\n\n".join(texts)
    return {"pages": len(reader.pages), "shown": len(texts)}, text.encode("utf-8", "replace")[: 4 * _TEXT]


_TASKS: Final[dict[str, Callable[[bytes], Answer]]] = {
    "picture": _picture,
    "thumbnail": _thumbnail,
    "pdf": _pdf,
    "pdf_text": _pdf_text,
}


def answer(task: str, body: bytes) -> Answer:
    """Return the answer to one task; a file that cannot be parsed gives `problem`, in our words alone."""
    try:
        return _TASKS[task](body)
    except Refused as refused:
        return {"problem": str(refused)}, b""
    except MemoryError:
        return {"problem": "parsing it takes too much memory"}, b""
    except Exception as problem:
        if type(problem).__name__.startswith("DecompressionBomb"):
            return {"problem": f"it has more than {_PIXELS:,} pixels"}, b""
        return {"problem": "it is damaged or not what it says"}, b""


def _confine() -> None:
    for limit, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (most, most))


def main() -> None:
    """Answer tasks until the input ends."""
    _confine()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=UserWarning)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        asked = json.loads(line)
        signal.alarm(_LONGEST)  # should nobody be left to end this process, the system does
        facts, made = answer(asked["task"], source.read(asked["size"]))
        signal.alarm(0)
        target.write(json.dumps({**facts, "size": len(made)}).encode() + b"\n" + made)
        target.flush()


if __name__ == "__main__":
    main()
