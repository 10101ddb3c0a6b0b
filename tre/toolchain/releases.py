"""Official releases: downloaded, checked against their SHA-256, unpacked.

The standard library does the HTTP: it honours proxies, and the deployer needs no other HTTP client.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import tarfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from tre.errors import TreError, failure
from tre.toolchain import store
from tre.toolchain.table import Entry, Machine, Release

SWITCH = "TRE_TOOLCHAIN_RELEASES"
_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 20.0
_REMEMBER_SECONDS = 3600
_DIGEST = re.compile(r"\b[0-9a-fA-F]{64}\b")


class Unavailable(Exception):
    """The release cannot be had from here; another way may be tried. The text says why."""


def allowed() -> bool:
    """Tell whether releases may be downloaded at all: `TRE_TOOLCHAIN_RELEASES=no` forbids it."""
    return os.environ.get(SWITCH, "").lower() not in {"no", "0", "false", "off"}


def fetch(entry: Entry, machine: Machine, folder: Path) -> str:
    """Put the programs of a tool's release into `folder`, and return the address they came from.

    Raises `Unavailable` where there is no release for this machine or its host does not give it, and `TreError`
    where the file is not the one its publisher describes: then nothing else should be tried either.
    """
    release = entry.release
    if not release or machine.system not in release.systems:
        raise Unavailable(f"no release for {machine.system}-{machine.arch}")
    expected = release.sha256.get(f"{machine.system}-{machine.arch}") or _published(release)
    file = folder / "download"
    _check(entry, release, _download(release.url, file), expected)
    if release.members:
        _unpack(entry, file, folder)
        file.unlink()
    else:
        file.rename(folder / entry.programs[0])
    return release.url


def _published(release: Release) -> str:
    """Return the SHA-256 that the publisher gives for the release's file."""
    with _opened(release.checksum) as stream:
        text = stream.read(1_000_000).decode("utf-8", "replace")
    name = release.url.rsplit("/", 1)[-1]
    lines = [line for line in text.splitlines() if _DIGEST.search(line)]
    own = [line for line in lines if name in re.split(r"[\s*/]+", line)]
    bare = [line for line in lines if _DIGEST.fullmatch(line.strip())] if len(lines) == 1 else []
    for line in own or bare:
        return _DIGEST.findall(line)[0].lower()
    raise Unavailable(f"{release.checksum} names no checksum for {name}")


def _check(entry: Entry, release: Release, found: str, expected: str) -> None:
    if found != expected.lower():
        raise failure(
            entry.name,
            f"the download is not what its publisher describes: SHA-256 {found}, expected {expected}\n"
            f"    from {release.url}",
            f"try again; if it happens again, set {SWITCH}=no to build it instead, and tell the publisher",
        )


def _download(url: str, file: Path) -> str:
    """Write what `url` gives to `file` and return its SHA-256. Raises `Unavailable` where it ends early."""
    digest = hashlib.sha256()
    with _opened(url) as stream, file.open("wb") as out:
        size = int(stream.headers.get("Content-Length") or -1)
        while block := stream.read(1 << 20):
            digest.update(block)
            out.write(block)
        if size not in (-1, out.tell()):
            raise Unavailable(f"{url} ended after {out.tell()} of {size} bytes")
    return digest.hexdigest()


@contextlib.contextmanager
def _opened(url: str) -> Generator[HTTPResponse]:
    """Open an address. Every failure of the network or of the host becomes `Unavailable`."""
    host = _gate(url)
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as stream:  # noqa: S310 (the table's own addresses)
            yield stream
    except urllib.error.HTTPError as error:
        raise Unavailable(f"{url} answered {error.code}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        _note_unreachable(host)
        raise Unavailable(f"{url}: {getattr(error, 'reason', error)}") from error


def _gate(url: str) -> str:
    """Return the host to be asked for `url`. Raises `Unavailable` at once where it lately did not answer.

    The trial connection runs in a thread, because looking a name up knows no time limit of its own.
    """
    parts = urllib.parse.urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    if time.time() - _unreachable().get(host, 0) < _REMEMBER_SECONDS:
        raise Unavailable(f"{host} did not answer lately")
    if not _answers(host, port):
        _note_unreachable(host)
        raise Unavailable(f"{host} does not answer")
    return host


def _answers(host: str, port: int) -> bool:
    reached = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
            reached.set()

    trial = threading.Thread(target=connect, daemon=True)
    trial.start()
    trial.join(_CONNECT_SECONDS)
    return reached.is_set()


def _unreachable_file() -> Path:
    return store.root() / "unreachable.json"


def _unreachable() -> dict[str, float]:
    try:
        return {host: float(when) for host, when in json.loads(_unreachable_file().read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _note_unreachable(host: str) -> None:
    file = _unreachable_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**_unreachable(), host: time.time()}))


def forget_unreachable() -> None:
    """Ask every host again, even those that lately did not answer."""
    _unreachable_file().unlink(missing_ok=True)


def _unpack(entry: Entry, archive: Path, folder: Path) -> None:
    """Take the wanted members, and no other, out of a tar archive."""
    assert entry.release
    wanted = {member: program for program, member in entry.release.members.items()}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                program = wanted.get(member.name.removeprefix("./"))
                source = tar.extractfile(member) if program and member.isfile() else None
                if program and source:
                    with source, (folder / program).open("wb") as out:
                        shutil.copyfileobj(source, out)
                    (folder / program).chmod(0o755)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _broken(entry, error) from error


def _broken(entry: Entry, error: Exception) -> TreError:
    return failure(
        entry.name, f"the release cannot be unpacked: {error}", f"set {SWITCH}=no to build it instead"
    )
