"""One airlock for every test of the doors: they make requests of their own and look at nobody else's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.portal.web.running import Running, airlock


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Give a running airlock."""
    with airlock(tmp_path_factory.mktemp("airlock") / "laptop") as found:
        yield found
