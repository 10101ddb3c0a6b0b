"""A target whose address has been given to another place: a cluster that was reset, say."""

from __future__ import annotations

import pytest

from tests.engine.conftest import Site
from tests.engine.test_life import THINGS

pytestmark = pytest.mark.engine


def test_everything_is_made_again_in_a_new_place(site: Site) -> None:
    site.ended()
    for file in site.world.folder.iterdir():
        file.unlink()
    site.world.place = "second"
    code, told = site.tre("up", "demo", "--yes")
    assert code == 0, told
    assert "is not the place that was deployed to" in told
    assert site.world.made == THINGS
    assert set(site.ended().values()) == {"unchanged"}
