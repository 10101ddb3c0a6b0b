"""A secret that the operator keeps in a file: the site's file names the file, and never holds the secret."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from components.errors import Unbuildable
from components.model import Model

_LARGEST: Final = 64 << 10
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class SecretFile(Model):
    """A file with one secret, read when it is deployed. `key` is where the site's file names it.

    `stamp` changes with the file, and tells nothing of it: what was deployed with another is deployed again.
    """

    key: str
    path: str
    stamp: str = ""

    @classmethod
    def at(cls, key: str, path: Path) -> SecretFile:
        """Return a file as it is now, which may be not there yet."""
        try:
            found = path.stat()
        except OSError:
            return cls(key=key, path=str(path))
        return cls(key=key, path=str(path), stamp=f"{found.st_mtime_ns}-{found.st_size}")

    def read(self) -> str:
        """Return the secret, without the line's end.

        Raises:
            Unbuildable: the file cannot be read, is open to others, or holds no one line of text.
        """
        file = Path(self.path)
        try:
            if file.stat().st_mode & _OTHERS:
                raise self._wrong("others may read it", f"Close it: chmod 600 {file}")
            with file.open("rb") as opened:
                text = opened.read(_LARGEST).decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            words = error.strerror if isinstance(error, OSError) else "it is no text"
            raise self._wrong(
                f"it cannot be read ({words})", "Put the secret there, with mode 600."
            ) from None
        if not text or not text.isprintable():
            raise self._wrong("it holds no one line of text", "Put the secret there, and nothing else.")
        return text

    def _wrong(self, what: str, remedy: str) -> Unbuildable:
        return Unbuildable(self.key, f"{self.path}: {what}", remedy)
