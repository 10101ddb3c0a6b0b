"""Volumes on disk: a folder of ciphertext under a gocryptfs mount of its own, or a plain folder.

gocryptfs, because it needs no kernel module that may be missing (dm-crypt), no block device and no fixed size; it
encrypts contents with AES-256-GCM and names with EME. A volume's key never touches the disk: it is read from a
Secret, handed to gocryptfs through a pipe, and wraps the volume's own master key in `gocryptfs.conf`.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from providers.kubernetes.cluster.mounts import mount_points

CIPHER: Final = "gocryptfs 2: AES-256-GCM contents, AES-256-EME names"
SHORTEST_KEY: Final = 16
"""Bytes. Shorter keys are refused: the key is random, so it is not stretched for long."""

_SETTINGS: Final = "gocryptfs.conf"
_PER_THREAD: Final = Path(__file__).with_name("per_thread.c")
_SCRYPT: Final = "12"
"""log2 of the work to check a key. Low, since keys are random and a hundred volumes must mount within seconds."""


class Unusable(Exception):
    """A volume cannot be made or mounted; the message says what the machine said."""


class Volume:
    """One volume on disk. `folder` holds what is stored, `mount` is where it is used; `per_thread` makes `preload`."""

    def __init__(self, folder: Path, mount: Path, preload: Path | None = None) -> None:
        self._folder, self._mount, self._preload = folder, mount, preload

    @property
    def lower(self) -> Path:
        """The folder of ciphertext, or the plain one."""
        return self._cipher if self._cipher.exists() else self._plain

    @property
    def data(self) -> Path:
        """What pods see. It is below the mount, so that a pod cannot start on an unmounted volume."""
        return self._mount / "data"

    @property
    def _cipher(self) -> Path:
        return self._folder / "cipher"

    @property
    def _plain(self) -> Path:
        return self._folder / "plain"

    def create(self, key: bytes | None, root: Root) -> None:
        """Make the volume, encrypted under `key` or plain, and mount it. What a former attempt left is discarded."""
        self.erase()
        if key is None:
            self._plain.mkdir(parents=True)
        else:
            partial = self._folder / "partial"
            partial.mkdir(parents=True)
            _gocryptfs(["-init", "-scryptn", _SCRYPT, str(partial)], key)
            partial.rename(self._cipher)
        self.mount(key)
        self.data.mkdir()
        os.chown(self.data, root.user, root.group)
        self.data.chmod(root.mode)

    def mount(self, key: bytes | None) -> None:
        """Mount the volume unless it is mounted already and answers."""
        if self.mounted():
            return
        self.unmount()
        self._mount.mkdir(parents=True, exist_ok=True)
        if key is None:
            _run(["mount", "--bind", str(self._plain), str(self._mount)])
        else:
            # allow_other: pods run as any user; the kernel then checks the modes of files.
            options = ["-allow_other", "-nodev", "-nosuid", "-fsname", f"tre:{self._folder.name}"]
            _gocryptfs([*options, str(self._cipher), str(self._mount)], key, self._preload)

    def mounted(self) -> bool:
        """Tell whether the volume is mounted and its file system answers."""
        try:
            return self._mount.is_mount() and bool(os.statvfs(self.data))
        except OSError:
            return False

    def unmount(self) -> None:
        """Unmount for all who come; a pod that has the volume open keeps it until it ends."""
        if str(self._mount) in mount_points():
            _run(["umount", "--lazy", str(self._mount)])

    def shred_key(self) -> None:
        """Destroy the wrapped master key: without it the ciphertext is noise, even to who has the volume's key."""
        for name in (_SETTINGS, f"{_SETTINGS}.bak"):
            settings = self._cipher / name
            if settings.exists():
                _overwrite(settings)
                settings.unlink()

    def erase(self) -> None:
        """Unmount, destroy the key first, then delete what is stored."""
        self.unmount()
        self.shred_key()
        if self._folder.exists():
            shutil.rmtree(self._folder)


@dataclass(frozen=True)
class Root:
    """Owner and mode of a volume's root folder."""

    user: int = 0
    group: int = 0
    mode: int = 0o1777


def fingerprint(key: bytes, salt: bytes) -> str:
    """Return sixteen hexadecimal digits that tell keys apart and tell nothing about them without the salt."""
    return hashlib.sha256(salt + key).hexdigest()[:16]


def per_thread(library: Path) -> Path:
    """Build the library under which gocryptfs serves several users at the same time, and return it.

    Raises:
        Unusable: it cannot be built; the message says what the compiler said.
    """
    _run(["clang", "-shared", "-fPIC", "-O2", "-o", str(library), str(_PER_THREAD)])
    return library


def own_secret(file: Path) -> bytes:
    """Return 32 random bytes kept in `file`, mode 0600, made on first use."""
    if not file.exists():
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(32))
        partial.replace(file)
    return file.read_bytes()


def _gocryptfs(arguments: Sequence[str], key: bytes, preload: Path | None = None) -> None:
    # A key is bytes and a passphrase is a line: base64 makes one of the other.
    passphrase = base64.b64encode(key) + b"\n"
    loaded = {"LD_PRELOAD": str(preload)} if preload else {}
    _run(["gocryptfs", "-quiet", "-nosyslog", *arguments], passphrase, loaded)


def _run(command: Sequence[str], given: bytes = b"", environment: Mapping[str, str] | None = None) -> None:
    # No pipe for output: gocryptfs stays in the background and would hold it open.
    with tempfile.TemporaryFile() as said:
        ended = subprocess.run(
            command,
            check=False,
            input=given,
            stdout=said,
            stderr=said,
            env={**os.environ, **(environment or {})},
        )
        said.seek(0)
        if ended.returncode != 0:
            raise Unusable(f"{command[0]}: {said.read().decode(errors='replace').strip()}")


def _overwrite(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.write(secrets.token_bytes(file.stat().st_size))
        stream.flush()
        os.fsync(stream.fileno())
