"""Where the deployer keeps things outside the checkout."""

from __future__ import annotations

import os
from pathlib import Path


def _folder(own: str, xdg: str, home: str) -> Path:
    if own in os.environ:
        return Path(os.environ[own]).expanduser().absolute()
    base = os.environ.get(xdg)
    return (Path(base) if base else Path.home() / home) / "tre"


def cache_folder() -> Path:
    """Return the folder of things that can be made again: tools, images (`TRE_CACHE` overrides)."""
    return _folder("TRE_CACHE", "XDG_CACHE_HOME", ".cache")


def state_folder() -> Path:
    """Return the folder of things that cannot be made again: stacks, keys, audit logs (`TRE_STATE` overrides)."""
    return _folder("TRE_STATE", "XDG_STATE_HOME", ".local/state")


def private_folder(folder: Path) -> Path:
    """Make `folder` where it is missing, readable by its owner alone, and return it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def write_private(file: Path, text: str) -> None:
    """Write `text` to `file` so that it is whole or absent, and readable by its owner alone (mode 0600)."""
    private = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    private.replace(file)


def checkout() -> Path:
    """Return the folder that holds `Pulumi.yaml`, `stacks` and `images`."""
    return Path(__file__).resolve().parent.parent
