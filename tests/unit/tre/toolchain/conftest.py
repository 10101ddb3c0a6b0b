"""A cache of its own for each test, and a release server on loopback."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.unit.tre.toolchain.samples import Handler, Server


@pytest.fixture
def server() -> Generator[Server]:
    """A release host on loopback."""
    host = Server()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, host)) as web:
        host.address = f"http://127.0.0.1:{web.server_port}"
        thread = threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield host
        web.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache and a PATH folder (`bin`) of the test's own, no proxy, and releases allowed."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("TRE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("TRE_TOOLCHAIN_RELEASES", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
