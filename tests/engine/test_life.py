"""The whole life of a site's stacks through the real engine."""

from __future__ import annotations

import pytest

from tests.engine.conftest import Site

pytestmark = pytest.mark.engine
THINGS = {"site-people", "site-door", "breast-data", "breast-people", "breast-desk"} | {
    f"diabetes-{each}" for each in ("data", "people", "desk")
}


def test_up_makes_everything_and_a_second_up_changes_nothing(site: Site) -> None:
    assert site.ended() == {"demo": "deployed", "demo-breast": "deployed", "demo-diabetes": "deployed"}
    assert site.world.made == THINGS
    starts = site.world.starts
    code, told = site.tre("up", "demo", "--yes")
    assert code == 0
    assert "nothing was changed" in told
    assert site.world.starts == starts
