"""Plain `pulumi up -s demo` deploys what `tre up` does: the same program, the same stacks, the same state.

Pulumi starts `pulumi-language-python` for that. A host of our own stands in for it here, on the port given by
`--client`, and runs `stacks/__main__.py` as it would.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
from collections.abc import Generator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc

from tests.engine.conftest import Site
from tests.engine.test_life import THINGS
from tre import paths, toolchain
from tre.engine.settings import settings

pytestmark = pytest.mark.engine


@contextmanager
def _host(main: Path) -> Generator[int]:
    """Serve a program's file to the engine as its language runtime, and yield the port."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))

    def program() -> None:
        runpy.run_path(str(main), run_name="__main__")

    host = LanguageServer(program)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0)


@pytest.fixture
def checkout(site: Site, tmp_path: Path) -> Path:
    """Return a folder laid out as a checkout is, with the site's files."""
    folder = tmp_path / "checkout"
    shutil.copytree(site.folder, folder / "stacks")
    shutil.copy(paths.checkout() / "Pulumi.yaml", folder)
    shutil.copy(paths.checkout() / "stacks" / "__main__.py", folder / "stacks")
    return folder


def _pulumi(site: Site, checkout: Path, *arguments: str, port: int = 0) -> str:
    command = [str(toolchain.ensure("pulumi")["pulumi"].path), "--non-interactive", *arguments]
    if port:
        command += [f"--client=127.0.0.1:{port}", "--exec-kind", "auto.inline"]
    environment = dict(settings("demo", checkout / "stacks").environment)
    with site.world.environment(None) as plugin:  # pyright: ignore[reportArgumentType] # any target is a toy
        done = subprocess.run(
            command,
            cwd=checkout,
            env={**os.environ, **environment, **plugin, "PULUMI_DEBUG_COMMANDS": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_plain_pulumi_deploys_the_same_stacks(site: Site, checkout: Path) -> None:
    stacks = ("demo", "demo-breast", "demo-diabetes")
    for stack in stacks:
        _pulumi(site, checkout, "stack", "init", stack, "--secrets-provider", "passphrase")
        with _host(checkout / "stacks" / "__main__.py") as port:
            _pulumi(site, checkout, "up", "--yes", "--skip-preview", "--stack", stack, port=port)
    assert site.world.made == THINGS
    for begun in site.world.folder.glob(".*.begun"):
        begun.unlink()
    assert set(site.ended().values()) == {"deployed"}
    assert not list(site.world.folder.glob(".*.begun"))


def test_plain_pulumi_finds_what_tre_deployed(site: Site, checkout: Path) -> None:
    site.ended()
    with _host(checkout / "stacks" / "__main__.py") as port:
        told = _pulumi(site, checkout, "preview", "--stack", "demo", "--expect-no-changes", port=port)
    assert "unchanged" in told
    with _host(checkout / "stacks" / "__main__.py") as port:
        told = _pulumi(site, checkout, "preview", "--stack", "demo-breast", port=port)
    assert "to create" not in told
    assert "to delete" not in told
