"""Sending files: in parts, each with its hash, taken up again where an earlier attempt was broken off."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from tre import paths
from tre.airlock import sessions
from tre.airlock.door import Door, DoorError
from tre.errors import InvalidInput, Problem, failure

PART: Final = 64 << 20
"""Bytes sent at once, and lost at most when a line breaks."""
WHOLE: Final = 16 << 30
"""The same to a door on this machine: no line breaks there, and what came in one part is released without a copy."""
_CHUNK: Final = 1 << 20
_TRIES: Final = 5
_CONFLICT: Final = 409
Report = Callable[[str, int, int], None]
"""Is told a file's path, the bytes that are there, and all of its bytes."""


@dataclass(frozen=True)
class Local:
    """A file of this machine, and the path that it gets in the request."""

    file: Path
    path: str
    size: int
    changed: int
    """When it was last written (ns): a file that changed since an earlier attempt is sent from its beginning."""


def found(given: Sequence[Path]) -> list[Local]:
    """Return the files that some files and folders name; those of a folder keep their path from it on.

    Raises:
        InvalidInput: something is neither file nor folder, is a link, or two would get the same path.
    """
    files = [each for path in given for each in _below(path)]
    seen: dict[str, Path] = {}
    for each in files:
        if each.path in seen:
            problem = f"would get the same path as {seen[each.path]}"
            raise InvalidInput(Problem(str(each.file), problem, "Send them in two requests, or rename one."))
        seen[each.path] = each.file
    if not files:
        raise InvalidInput(Problem("files", "there is no file to send", "Name files or folders."))
    return sorted(files, key=lambda each: each.path)


def _below(given: Path) -> Iterator[Local]:
    if given.is_symlink():
        raise InvalidInput(
            Problem(str(given), "is a link; only files themselves are sent", "Name its target.")
        )
    if given.is_dir():
        root = given.resolve()
        for each in sorted(root.rglob("*")):
            if each.is_symlink() or not each.is_dir():
                yield _local(each, each.relative_to(root.parent))
        return
    yield _local(given, Path(given.name))


def _local(file: Path, path: Path) -> Local:
    if file.is_symlink() or not file.is_file():
        raise InvalidInput(Problem(str(file), "is no file", "Only files and folders are sent, no links."))
    about = file.stat()
    return Local(file, path.as_posix(), about.st_size, about.st_mtime_ns)


class Journal:
    """What an attempt has begun, so that the same command goes on with it. Kept until the request is handed in."""

    def __init__(self, door: str, project: str, title: str, files: Sequence[Local]) -> None:
        what = [door, project, title, *(str(each.file.absolute()) for each in files)]
        name = hashlib.sha256("\0".join(what).encode()).hexdigest()[:32]
        self._file = paths.private_folder(sessions.folder() / "unfinished") / f"{name}.json"
        self._kept: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}

    @property
    def key(self) -> str:
        """Return the key under which the request is made, the same until it is done."""
        if "key" not in self._kept:
            self._kept["key"] = secrets.token_hex(16)
            self._save()
        return str(self._kept["key"])

    def same(self, local: Local) -> bool:
        """Tell whether a file is as it was when it was first sent, and remember it as it is."""
        files = self._kept.setdefault("files", {})
        now = [local.size, local.changed]
        same = files.get(local.path, now) == now
        files[local.path] = now
        self._save()
        return same

    def forget(self) -> None:
        """Forget it all: the request is handed in, or gone."""
        self._kept = {}
        self._file.unlink(missing_ok=True)

    def _save(self) -> None:
        paths.write_private(self._file, json.dumps(self._kept))


def send(door: Door, request_id: str, local: Local, journal: Journal, report: Report) -> None:
    """Send one file, or what of it has not come yet.

    Raises:
        DoorError: the door refuses it.
        TreError: the file changed while it was sent, or the line broke too often.
    """
    view = _announced(door, request_id, local, journal.same(local))
    with ThreadPoolExecutor(1) as thread:
        _sent(door, request_id, view, _Parts(local, part_size(door), thread), report)
    report(local.path, local.size, local.size)


def part_size(door: Door) -> int:
    """Return how many bytes are sent to a door at once."""
    return WHOLE if door.here else PART


def _sent(door: Door, request_id: str, view: Mapping[str, Any], parts: _Parts, report: Report) -> None:
    local, failures = parts.local, 0
    while not view["complete"]:
        before = int(view["size"])
        try:
            view = _part(door, request_id, view, parts, report)
        except DoorError as error:
            if error.status != _CONFLICT or "offset" not in error.told:
                raise
            view = {**view, "size": int(error.told["offset"])}
        failures = 0 if int(view["size"]) > before or view["complete"] else failures + 1
        if failures >= _TRIES:
            raise failure(str(local.file), "no part of it arrives", "Run the same command again later.")


def _announced(door: Door, request_id: str, local: Local, same: bool) -> Mapping[str, Any]:
    place = f"/requests/{request_id}/files"
    body = {"path": local.path, "expected_size": local.size}
    try:
        view: Mapping[str, Any] = door.post(place, body, key=_key(request_id, local))
    except DoorError as error:
        if same or error.status != _CONFLICT:
            raise
        # The file has another size now: what came of the old one goes.
        view = _of(door, request_id, local.path)
        same = False
    if same:
        return view
    door.call("DELETE", f"{place}/{view['id']}")
    fresh: Mapping[str, Any] = door.post(place, body, key=_key(request_id, local))
    return fresh


def _key(request_id: str, local: Local) -> str:
    return hashlib.sha256(f"{request_id}\0{local.path}\0{local.size}".encode()).hexdigest()


def _of(door: Door, request_id: str, path: str) -> Mapping[str, Any]:
    files: list[Mapping[str, Any]] = door.get(f"/requests/{request_id}")["files"]
    return next(each for each in files if each["path"] == path)


class _Parts:
    """The hashes of a file's parts: while one part is sent, the next one is hashed."""

    def __init__(self, local: Local, most: int, thread: Executor) -> None:
        self.local, self._most, self._thread = local, most, thread
        self._begun: dict[int, Future[str]] = {}

    def size(self, start: int) -> int:
        """Return the bytes of the part that begins there."""
        return min(self._most, self.local.size - start)

    def sha256(self, start: int) -> str:
        """Return the hash of the part that begins there, and begin with the one after it."""
        found = self._hash(start).result()
        self._begun.clear()
        if (after := start + self._most) < self.local.size:
            self._begun[after] = self._hash(after)
        return found

    def _hash(self, start: int) -> Future[str]:
        begun = self._begun.get(start)
        return begun or self._thread.submit(_hashed, self.local, start, self.size(start))


def _part(
    door: Door, request_id: str, view: Mapping[str, Any], parts: _Parts, report: Report
) -> Mapping[str, Any]:
    local, start = parts.local, int(view["size"])
    size = parts.size(start)
    query = {"offset": start, "last": start + size == local.size, "sha256": parts.sha256(start)}
    place = f"/requests/{request_id}/files/{view['id']}/content"
    headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}

    def sent(pieces: Iterator[bytes]) -> Iterator[bytes]:
        for number, piece in enumerate(pieces):
            if number * _CHUNK % PART == 0:
                report(local.path, start + number * _CHUNK, local.size)
            yield piece

    with (
        local.file.open("rb") as stream,
        door.open(
            "PUT", place, sent(_pieces(stream, local, start, size)), query=query, extra=headers
        ) as answer,
    ):
        taken: Mapping[str, Any] = json.loads(answer.read(-1))
    return taken


def _hashed(local: Local, start: int, size: int) -> str:
    hasher = hashlib.sha256()
    with local.file.open("rb") as stream:
        for piece in _pieces(stream, local, start, size):
            hasher.update(piece)
    return hasher.hexdigest()


def _pieces(stream: BinaryIO, local: Local, start: int, size: int) -> Iterator[bytes]:
    stream.seek(start)
    left = size
    while left:
        piece = stream.read(min(_CHUNK, left))
        if not piece or os.fstat(stream.fileno()).st_mtime_ns != local.changed:
            raise failure(str(local.file), "changed while it was sent", "Run the command again.")
        left -= len(piece)
        yield piece
