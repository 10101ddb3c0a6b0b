"""Files of one folder, as threads handle them: nothing here follows a symbolic link below the folder.

Every step from the folder down to a file opens the next part beneath the last one (`openat`), so that nobody who can
write there can make a key mean a file elsewhere. A file is written under a name that no key can have, and takes its
own name by a rename once it is on the disk.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import stat
import threading
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Final

from portal.domain.errors import AirlockError, NotFound, Unavailable

WRITING: Final = ".writing"
"""The folder of what is being written, in the area itself so that a rename crosses no file system."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DRAFT: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_EAGER: Final = 8 << 20
"""Bytes after which the system is told to begin writing, so that the last `fsync` has little left to wait for."""
_TRIES: Final = 20
_NOT_THERE: Final = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_RANGE: Final = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF}


@contextlib.contextmanager
def told(area: str, *, reading: bool = False) -> Generator[None]:
    """Tell of what the system refuses without naming the machine's paths."""
    try:
        yield
    except OSError as error:
        raise _told(error, area, reading) from None


def _told(error: OSError, area: str, reading: bool) -> AirlockError:
    if reading and error.errno in _NOT_THERE:
        return NotFound("the store holds no such file", "", area)
    if error.errno in _FULL:
        return Unavailable("the store's disk is full", "Make room on it, then try again.", area)
    why = os.strerror(error.errno) if error.errno else type(error).__name__
    return Unavailable(f"the store's folder cannot be used: {why}", "Look at the disk, then try again.", area)


@contextlib.contextmanager
def folder(root: Path, parts: Sequence[str], *, make: bool = False, fsync: bool = False) -> Generator[int]:
    """Give the descriptor of a folder below the root; make those that are missing (mode 0700) where asked to."""
    descriptor = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for part in parts:
            below = _below(descriptor, part, make, fsync)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _below(above: int, part: str, make: bool, fsync: bool) -> int:
    try:
        return os.open(part, _FOLDER, dir_fd=above)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, 0o700, dir_fd=above)
        if fsync:
            os.fsync(above)
    return os.open(part, _FOLDER, dir_fd=above)


class Opened:
    """An open file. It is closed when nothing holds it any more, so never under a thread that still reads it."""

    def __init__(self, root: Path, key: str) -> None:
        """Open a key's file.

        Raises:
            OSError: it is not there, or is no plain file.
        """
        self.descriptor = -1
        *above, name = key.split("/")
        with folder(root, above) as descriptor:
            self.descriptor = os.open(name, _FILE, dir_fd=descriptor)
        status = os.fstat(self.descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ENOENT, "no plain file")
        self.size = status.st_size

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def into(self, buffer: bytearray, start: int) -> int:
        """Fill a buffer with what begins at `start`; return the bytes, fewer only at the end of the file."""
        return read_into(self.descriptor, buffer, start)

    def at(self, start: int, count: int) -> bytes:
        """Return some bytes that the file held when it was opened.

        Raises:
            OSError: it holds fewer now.
        """
        found = os.pread(self.descriptor, count, start)
        while len(found) < count:
            more = os.pread(self.descriptor, count - len(found), start + len(found))
            if not more:
                raise OSError(errno.EIO, "the file was cut")
            found += more
        return found


def read_into(descriptor: int, buffer: bytearray, start: int) -> int:
    """Fill a buffer from a file; return the bytes, fewer than it takes only at the end of the file."""
    view, filled = memoryview(buffer), 0
    while filled < len(view):
        count = os.preadv(descriptor, [view[filled:]], start + filled)
        if not count:
            break
        filled += count
    return filled


class Draft:
    """A file that is being written, under a name that no key has. It holds a lock, so that the sweep knows it lives.

    Its methods may be called in several threads: giving up waits for the step that is being made.
    """

    def __init__(self, root: Path, fsync: bool, like: Opened | None = None) -> None:
        """Begin an empty file; or one more name for the file that is open, where the file systems are one.

        Raises:
            OSError: the folder takes no new file (EXDEV: the file is of another file system).
        """
        self._root, self._fsync, self._lock = root, fsync, threading.Lock()
        self._name, self._size, self._told = uuid.uuid4().hex, 0, 0
        self._descriptor = -1
        with folder(root, [WRITING], make=True, fsync=fsync) as writing:
            if like is None:
                self._descriptor = os.open(self._name, _DRAFT, 0o600, dir_fd=writing)
            else:
                fcntl.flock(like.descriptor, fcntl.LOCK_SH)
                os.link(
                    f"/proc/self/fd/{like.descriptor}", self._name, dst_dir_fd=writing, follow_symlinks=True
                )
                self._descriptor = os.dup(like.descriptor)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def __del__(self) -> None:
        self.abandon()

    def append(self, block: bytes | bytearray | memoryview) -> None:
        """Write a whole block at the end."""
        with self._lock:
            view = memoryview(block)
            while view:
                view = view[os.write(self._living(), view) :]
            self._grown(len(block))

    def copy(self, file: Opened, start: int, count: int) -> None:
        """Write some bytes of another file at the end, inside the system where it can (sharing blocks, even)."""
        with self._lock:
            done = 0
            while done < count:
                step = self._copied(file, start + done, count - done)
                if not step:
                    raise OSError(errno.EIO, "the file was cut")
                done += step
            self._grown(done)

    def _copied(self, file: Opened, start: int, count: int) -> int:
        try:
            return os.copy_file_range(file.descriptor, self._living(), count, start)
        except OSError as error:
            if error.errno not in _NO_RANGE:
                raise
        return os.write(self._living(), os.pread(file.descriptor, min(count, _EAGER), start))

    def _grown(self, count: int) -> None:
        self._size += count
        if self._fsync and self._size - self._told >= _EAGER:
            # Starts the writing of these pages and returns; being dirty still, they stay in memory for the readers.
            os.posix_fadvise(self._living(), self._told, self._size - self._told, os.POSIX_FADV_DONTNEED)
            self._told = self._size

    def into(self, buffer: bytearray, start: int) -> int:
        """Fill a buffer with what was written from `start` on."""
        return read_into(self._living(), buffer, start)

    def settle(self) -> None:
        """Return once every byte is on the disk."""
        if self._fsync:
            os.fsync(self._living())

    def publish(self, key: str) -> None:
        """Give the file its own name, once it is on the disk; what had the name before is gone."""
        with self._lock:
            self.settle()
            with folder(self._root, [WRITING]) as writing:
                renamed(writing, self._name, self._root, key, self._fsync)
            self._close()

    def abandon(self) -> None:
        """Remove the file, unless it has its own name."""
        with self._lock:
            if self._descriptor < 0:
                return
            with contextlib.suppress(OSError), folder(self._root, [WRITING]) as writing:
                os.unlink(self._name, dir_fd=writing)
            self._close()

    def _living(self) -> int:
        if self._descriptor < 0:
            raise OSError(errno.EBADF, "given up")
        return self._descriptor

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1


def renamed(source: int, name: str, root: Path, key: str, fsync: bool) -> None:
    """Move a file of a folder to a key's name, making the folders above it, and make that last."""
    *above, last = key.split("/")
    for attempt in range(_TRIES):
        try:
            with folder(root, above, make=True, fsync=fsync) as target:
                os.rename(name, last, src_dir_fd=source, dst_dir_fd=target)
                if fsync:
                    os.fsync(target)
            return
        except FileNotFoundError:
            # Somebody removed the folder above, empty then, between its making and the rename.
            if attempt == _TRIES - 1:
                raise


def moved(source: Path, target: Path, key: str, fsync: bool) -> None:
    """Move a key's file to another folder of the same file system.

    Raises:
        OSError: it is not there (ENOENT), or the file systems are two (EXDEV).
    """
    Opened(source, key)
    *above, name = key.split("/")
    with folder(source, above) as descriptor:
        renamed(descriptor, name, target, key, fsync)
        if fsync:
            os.fsync(descriptor)
    tidy(source, above)


def removed(root: Path, keys: Sequence[str], fsync: bool) -> int:
    """Remove some keys' files, and the folders that are empty then; return how many there were."""
    count = 0
    for above, group in itertools.groupby(keys, lambda key: key.split("/")[:-1]):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            with folder(root, above) as descriptor:
                count += sum(_unlinked(descriptor, key.rpartition("/")[2]) for key in group)
                if fsync:
                    os.fsync(descriptor)
            tidy(root, above)
    return count


def _unlinked(above: int, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=above)
    except FileNotFoundError:
        return False
    return True


def tidy(root: Path, parts: Sequence[str]) -> None:
    """Remove a folder and those above it, as far as they are empty."""
    for depth in range(len(parts) - 1, -1, -1):
        try:
            with folder(root, parts[:depth]) as descriptor:
                os.rmdir(parts[depth], dir_fd=descriptor)
        except OSError:
            return


def walked(root: Path, prefix: str) -> Iterator[str]:
    """Yield the keys that are the prefix or lie below it, sorted within each folder."""
    if not prefix:
        yield from _walked(root, [])
        return
    *above, name = prefix.split("/")
    try:
        with folder(root, above) as descriptor:
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
    except OSError as error:
        if error.errno in _NOT_THERE:
            return
        raise
    if stat.S_ISREG(mode):
        yield prefix
    elif stat.S_ISDIR(mode):
        yield from _walked(root, [*above, name])


def _walked(root: Path, parts: list[str]) -> Iterator[str]:
    try:
        with folder(root, parts) as descriptor, os.scandir(descriptor) as entries:
            found = sorted(
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in entries
                if not entry.name.startswith(".") and not entry.is_symlink()
            )
    except FileNotFoundError:
        if parts:  # Removed since it was seen.
            return
        raise
    for name, is_folder in found:
        if is_folder:
            yield from _walked(root, [*parts, name])
        else:
            yield "/".join([*parts, name])


def swept(root: Path, older_than: float) -> int:
    """Remove what is older than some seconds and whose writer is dead; return how many there were."""
    count = 0
    with contextlib.suppress(FileNotFoundError), folder(root, [WRITING]) as writing:
        for name in os.listdir(writing):  # noqa: PTH208 - of a descriptor
            with contextlib.suppress(OSError):
                count += _swept(writing, name, time.time() - older_than)
    return count


def _swept(writing: int, name: str, before: float) -> bool:
    """Remove one leftover: a writer that lives holds a lock, which the system drops when it dies."""
    descriptor = os.open(name, _FILE, dir_fd=writing)
    try:
        if os.fstat(descriptor).st_ctime > before:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=writing)
        return True
    finally:
        os.close(descriptor)
