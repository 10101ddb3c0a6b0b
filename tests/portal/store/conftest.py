"""What tests of the store share: an S3 on this machine, and areas of each kind."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from portal.store.areas import Areas
from portal.store.places import Area, Place
from tests.portal.store.azurite import Azurite, open_azurite
from tests.portal.store.stores import KINDS, folders, in_bucket, in_container


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, as the airlock runs."""
    return "asyncio"


@pytest.fixture(scope="session")
def s3() -> Generator[str]:
    """Give the address of an S3 with the bucket `airlock`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    httpx.put(f"{endpoint}/airlock").raise_for_status()
    yield endpoint
    server.stop()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Generator[Azurite]:
    """Give an Azure Blob store."""
    with open_azurite(tmp_path_factory.mktemp("azurite")) as store:
        yield store


@pytest.fixture(params=KINDS)
def areas(request: pytest.FixtureRequest, tmp_path: Path) -> Areas:
    """Give the worker's areas: the test runs on each kind of store."""
    places = {
        "folder": lambda: folders(tmp_path),
        "apart": lambda: folders(tmp_path, sole=False),
        "memory": lambda: {area: Place("memory:///") for area in Area},
        "s3": lambda: in_bucket(request.getfixturevalue("s3")),
        "azure": lambda: in_container(request.getfixturevalue("azurite")),
    }
    return Areas.open(places[request.param](), fsync=False)
