"""Fetching released files: each is whole and checked before it stands under its name."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from tre.airlock.door import Answer, Door, clean
from tre.errors import Problem, Refused, failure

_CHUNK: Final = 1 << 20


def place(folder: Path, path: str) -> Path:
    """Return where a file is saved. A door is not trusted to name places outside of the folder.

    Raises:
        Refused: the path is absolute, climbs, or leads through a link.
    """
    parts = PurePosixPath(path).parts
    odd = (
        not parts
        or path.startswith("/")
        or any(each in {"..", "."} or "\0" in each or "\\" in each for each in parts)
    )
    target = folder.joinpath(*parts) if not odd else folder
    if odd or any(each.is_symlink() for each in [target, *target.parents] if folder in each.parents):
        raise Refused(
            Problem(clean(path), "would be saved outside of the folder", "Tell the site's operator.")
        )
    return target


def fetch(door: Door, file: Mapping[str, Any], target: Path, report: Callable[[int], None]) -> str:
    """Save one released file, and return its SHA-256.

    Raises:
        TreError: what came is not what was released; nothing was saved.
    """
    link = door.post(f"/requests/{file['request_id']}/files/{file['id']}/links")
    with door.open("GET", f"/links/{link['token']}") as answer:
        return saved(answer, target, lambda size, found: _check(file, answer, size, found), report)


def saved(
    answer: Answer,
    target: Path,
    check: Callable[[int, str], None] = lambda size, found: None,
    report: Callable[[int], None] = lambda size: None,
) -> str:
    """Save an answer's body under its name once it is whole, and `check` found its size and hash good."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".tre-", dir=target.parent)
    private = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            found = _copied(answer, stream.write, report)
            stream.flush()
            os.fsync(stream.fileno())
            size = stream.tell()
        check(size, found)
        private.replace(target)
    finally:
        private.unlink(missing_ok=True)
    return found


def _copied(answer: Answer, write: Callable[[bytes], object], report: Callable[[int], None]) -> str:
    hasher, size = hashlib.sha256(), 0
    while piece := answer.read(_CHUNK):
        hasher.update(piece)
        write(piece)
        size += len(piece)
        report(size)
    return hasher.hexdigest()


def _check(file: Mapping[str, Any], answer: Answer, size: int, found: str) -> None:
    digest = base64.b64encode(bytes.fromhex(found)).decode()
    told = answer.headers.get("Repr-Digest", "")
    if size == file["size"] and found == file["sha256"] and told == f"sha-256=:{digest}:":
        return
    raise failure(
        clean(str(file["path"])),
        f"what came is not what was released ({size} of {file['size']} bytes)",
        "Fetch it again; tell the site's operator if it happens twice.",
    )
