"""A real API server and one plugin process for all tests of the plugin."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from providers.kubernetes.plugin.client import Client
from providers.kubernetes.plugin.kubeconfig import Source, endpoint
from tests.engine.plugin.api_server import PROGRAMS, ApiServer, running
from tests.engine.plugin.stacks import Program, Stack, attached, new_stack
from tre import toolchain


def put_tools_on_path() -> list[str]:
    """Put the engine and the API server's programs on PATH: the names of those that are nowhere."""
    missing: list[str] = []
    for name in ("pulumi", *PROGRAMS):
        tool = toolchain.find(name)
        folder = tool.path.parent if tool else None
        if folder is None and shutil.which(name) is None:
            missing.append(name)
        elif folder:
            os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return missing


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """The engine and the API server's programs, on PATH."""
    missing = put_tools_on_path()
    if missing:
        pytest.fail(f"missing: {', '.join(missing)}. Get them: tre toolchain")


@pytest.fixture(scope="session")
def api(tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server with its controllers; no nodes, so that no pod ever runs."""
    with running(tmp_path_factory.mktemp("api")) as server:
        yield server


@pytest.fixture
def cluster(api: ApiServer) -> Client:
    """A client for what is really in the API server, independent of the plugin's own objects."""
    return client_of(api)


def client_of(api: ApiServer) -> Client:
    """An administrator's client."""
    return Client(endpoint(Source(api.kubeconfig.read_text())))


@contextmanager
def plugin_process(folder: Path, **environment: str) -> Generator[tuple["subprocess.Popen[str]", int]]:
    """A plugin process and its port, killed at the end."""
    log = (folder / "plugin.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "providers.kubernetes.plugin", "--with-parent"],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        log.close()


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory, api: ApiServer) -> Iterator[int]:
    """The port of one plugin process that serves every test."""
    with plugin_process(tmp_path_factory.mktemp("plugin"), KUBECONFIG=str(api.kubeconfig)) as (_, number):
        yield number


MakeStack = Callable[[str, Program], Stack]


@pytest.fixture
def make(tmp_path: Path, port: int, api: ApiServer) -> MakeStack:
    """Makes stacks that the shared plugin serves; what they leave goes with the API server."""

    def new(name: str, program: Program) -> Stack:
        folder = tmp_path / name
        folder.mkdir()
        return new_stack(name, folder, attached(port, api.kubeconfig), program)

    return new
