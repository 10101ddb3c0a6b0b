"""The house is built once for all tests of the pages: they look, and what they change is their own."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from tests.portal.pages.house import House, build


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:
    """Give both doors with a request in every state."""
    built = build(tmp_path_factory.mktemp("house"))
    yield built
    asyncio.run(built.opened.close())
