"""The whole life of a site's stacks through the real engine."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.engine.conftest import Site
from tests.engine.toy_backend import TYPE
from tre.engine import deploy, state

pytestmark = pytest.mark.engine
THINGS = {"site-people", "site-door", "breast-data", "breast-people", "breast-desk"} | {
    f"diabetes-{each}" for each in ("data", "people", "desk")
}
DATA = {"breast-data", "diabetes-data"}


def test_up_makes_everything_and_a_second_up_changes_nothing(site: Site) -> None:
    assert site.ended() == {"demo": "deployed", "demo-breast": "deployed", "demo-diabetes": "deployed"}
    assert site.world.made == THINGS
    starts = site.world.starts
    code, told = site.tre("up", "demo", "--yes")
    assert code == 0
    assert "nothing was changed" in told
    assert site.world.starts == starts


def test_a_plan_changes_nothing_and_counts_what_up_will_make(site: Site) -> None:
    code, document = site.document("plan", "demo", "--expect-no-changes")
    assert code == 3
    assert site.world.made == set()
    assert not list(site.state.glob("stacks/.pulumi/stacks/**/*.json"))
    assert {each["stack"]: each["state"] for each in document["stacks"]} == dict.fromkeys(
        ("demo", "demo-breast", "demo-diabetes"), "new"
    )
    assert "data_store/kept-on-destroy" in document["stacks"][1]["promises"]["gained"]
    site.ended()
    code, document = site.document("plan", "demo", "--expect-no-changes")
    assert code == 0
    assert not document["pending"]


def test_only_what_changed_is_deployed_again(site: Site) -> None:
    site.ended()
    site.edit("demo-breast", "approval:", "workspace: { size: { cpu: 1, memory_gib: 1 } }\n\n    approval:")
    _, document = site.document("plan", "demo")
    changes = [each for stack in document["stacks"] for each in stack["changes"]]
    assert [
        (each["name"], each["operation"], each["keys"]) for each in changes if each["type"].startswith("toy")
    ] == [("breast-desk", "update", ["value"])]
    assert site.ended() == {"demo": "unchanged", "demo-breast": "deployed", "demo-diabetes": "unchanged"}


def test_a_change_to_what_holds_data_is_told_before_the_counts(site: Site) -> None:
    site.ended()
    site.edit("demo-breast", "approval:", "storage: { working_gib: 2 }\n\n    approval:")
    code, told = site.tre("plan", "demo")
    assert code == 0
    assert told.index("breast-data") < told.index("Resources")
    _, document = site.document("plan", "demo")
    held = [each for stack in document["stacks"] for each in stack["data"]]
    assert [(each["name"], each["operation"]) for each in held] == [("breast-data", "update")]


def test_a_lost_promise_is_told_first(site: Site) -> None:
    site.ended()
    site.world.holds = False
    site.edit("demo-breast", "amount: 100", "amount: 101")
    code, told = site.tre("plan", "demo")
    assert code == 0
    first = told.splitlines()[3]
    assert "lost" in first
    assert "data_store/kept-on-destroy" in first


def test_a_refresh_makes_again_what_somebody_removed(site: Site) -> None:
    site.ended()
    (site.world.folder / "breast-desk").unlink()
    assert site.ended() == {"demo": "unchanged", "demo-breast": "unchanged", "demo-diabetes": "unchanged"}
    assert "breast-desk" not in site.world.made
    site.ended("--refresh")
    assert site.world.made == THINGS


def test_somebody_else_deploying_a_stack_is_noticed(site: Site) -> None:
    site.ended()
    state = next(site.state.glob("stacks/.pulumi/stacks/tre/demo-breast.json"))
    state.write_text(json.dumps(json.loads(state.read_text()), indent=2))
    assert site.ended()["demo-breast"] == "deployed"


def test_destroy_keeps_data_and_up_finds_it_again(site: Site) -> None:
    site.ended()
    code, document = site.document("destroy", "demo", "--yes")
    assert code == 0
    assert {each["stack"]: each["ended"] for each in document["stacks"]} == {
        "demo": "destroyed",
        "demo-breast": "kept",
        "demo-diabetes": "kept",
    }
    assert site.world.made == DATA
    _, status = site.document("status", "demo")
    assert {each["stack"]: each["state"] for each in status["stacks"]} == {
        "demo": "not deployed",
        "demo-breast": "data kept",
        "demo-diabetes": "data kept",
    }
    (site.world.folder / ".breast-data.begun").unlink()
    site.ended()
    assert site.world.made == THINGS
    assert not site.world.begun("breast-data")


def test_destroying_twice_says_that_only_data_is_left(site: Site) -> None:
    site.ended()
    site.tre("destroy", "demo", "--yes")
    code, document = site.document("destroy", "demo", "--yes")
    assert code == 0
    assert {each["ended"] for each in document["stacks"]} == {"kept"}
    assert site.world.made == DATA


def test_erasing_data_asks_twice(site: Site) -> None:
    site.ended()
    code, told = site.tre("destroy", "demo", "--yes", "--erase-data")
    assert code == 4
    assert "--confirm-erase demo" in told
    assert site.world.made == THINGS
    code, _ = site.tre("destroy", "demo", "--yes", "--erase-data", "--confirm-erase", "demoo")
    assert code == 4
    assert site.world.made == THINGS
    code, document = site.document("destroy", "demo", "--yes", "--erase-data", "--confirm-erase", "demo")
    assert code == 0
    assert {each["ended"] for each in document["stacks"]} == {"destroyed"}
    assert site.world.made == set()


def _desk_with_data(resources: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    named = {str(each["urn"]).rpartition("::")[2]: str(each["urn"]) for each in resources}
    return {
        urn: named[f"{name.removesuffix('-desk')}-data"]
        for name, urn in named.items()
        if name.endswith("-desk")
    }


def _elsewhere(*given: object) -> bool:
    """Rewrite nothing: as where the state is in no file of this machine, and the engine is asked to."""
    return False


@pytest.mark.parametrize("in_files", [True, False], ids=["in local files", "elsewhere"])
def test_where_protection_is_lifted_in_the_state_data_goes_and_what_goes_with_it_is_not_deleted(
    site: Site, monkeypatch: pytest.MonkeyPatch, in_files: bool
) -> None:
    if not in_files:
        monkeypatch.setattr(state, "rewrite", _elsewhere)
    site.world.goes_with = _desk_with_data
    site.ended()
    runs = site.world.starts
    code, document = site.document("destroy", "demo", "--yes", "--erase-data", "--confirm-erase", "demo")
    assert code == 0, document
    assert {each["ended"] for each in document["stacks"]} == {"destroyed"}
    assert site.world.starts == runs + 1
    # A toy's data takes nothing along: that the desks are there still shows that nobody deleted them.
    assert site.world.made == {"breast-desk", "diabetes-desk"}


def _broken_off(*given: object, **named: object) -> None:
    """Remove nothing: a command that was killed in time."""


def test_a_protection_lifted_in_the_state_is_back_after_the_next_deployment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.world.goes_with = _desk_with_data
    site.ended()
    with monkeypatch.context() as patched:
        patched.setattr(deploy, "down", _broken_off)
        site.tre("destroy", "demo", "--yes", "--erase-data", "--confirm-erase", "demo")
    kept = (site.state / "stacks" / ".pulumi" / "stacks" / "tre" / "demo-breast.json").read_text()
    assert '"protect"' not in kept
    assert '"deletedWith"' in kept
    site.ended()
    assert site.tre("destroy", "demo", "--yes")[0] == 0
    assert site.world.made == {"breast-data", "diabetes-data"}


@pytest.mark.parametrize("erase", [(), ("--erase-data", "--confirm-erase", "demo")], ids=["kept", "erased"])
def test_what_computes_in_a_site_goes_beside_its_projects_and_comes_back_if_one_of_them_stays(
    site: Site, erase: tuple[str, ...]
) -> None:
    site.world.computes = frozenset({TYPE})
    site.ended()
    stuck = site.world.folder / ".breast-desk.stuck"
    stuck.touch()
    code, document = site.document("destroy", "demo", "--yes", *erase)
    assert code == 1
    assert {each["stack"]: each["ended"] for each in document["stacks"]}["demo"] == "left"
    assert "breast-desk" in site.world.made
    assert not site.world.made & {"site-people", "site-door"}
    stuck.unlink()
    site.ended()
    assert site.world.made == THINGS


def test_erasing_makes_nothing_that_has_changed_in_the_files_since(site: Site) -> None:
    site.ended()
    site.world.inputs["breast-desk"] = {"value": "new", "fail": "must not be touched"}
    code, document = site.document("destroy", "demo", "--yes", "--erase-data", "--confirm-erase", "demo")
    assert code == 0
    assert {each["ended"] for each in document["stacks"]} == {"destroyed"}
    assert site.world.made == set()
    assert site.world.erased == {"breast", "diabetes", ""}


def test_without_a_terminal_nothing_is_changed(site: Site) -> None:
    code, told = site.tre("up", "demo")
    assert code == 4
    assert "--yes" in told
    assert site.world.made == set()
    site.ended()
    assert site.tre("destroy", "demo")[0] == 4
    assert site.world.made == THINGS


def test_an_unknown_project_is_refused_by_name(site: Site) -> None:
    code, told = site.tre("up", "demo", "--yes", "--project", "hart")
    assert code == 2
    assert "hart" in told
    assert "breast, diabetes" in told


def test_one_project_alone_brings_its_site_up_too(site: Site) -> None:
    assert site.ended("--project", "breast") == {"demo": "deployed", "demo-breast": "deployed"}


def test_projects_on_another_target_get_a_site_part_there(site: Site) -> None:
    site.edit("demo", "targets:", "target: local\n    targets:\n      second: { backend: kubernetes }")
    site.edit("demo-breast", "approval:", "target: second\n\n    approval:")
    assert site.ended() == dict.fromkeys(("demo", "demo.second", "demo-breast", "demo-diabetes"), "deployed")


def test_status_says_what_changed_since(site: Site) -> None:
    site.ended()
    assert "is as its files say" in site.tre("status", "demo")[1]
    site.edit("demo-breast", "amount: 100", "amount: 200")
    _, status = site.document("status", "demo")
    assert {each["stack"]: each["state"] for each in status["stacks"]} == {
        "demo": "up to date",
        "demo-breast": "changed",
        "demo-diabetes": "up to date",
    }


def test_every_deployment_and_removal_is_in_the_audit_log(site: Site) -> None:
    site.ended()
    site.tre("destroy", "demo", "--yes")
    _, log = site.document_of("audit", "show", "demo")
    entries = [(each["action"], each["detail"]["result"]) for each in log["entries"]]
    assert entries == [("deploy", "begun"), ("deploy", "done"), ("destroy", "begun"), ("destroy", "done")]
    assert site.document_of("audit", "verify", "demo")[1]["entries"] == 4


def test_no_engine_asks_the_network_for_plugins_that_are_here(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        site.ended()
        assert site.tre("plan", "demo", "--refresh")[0] == 0
        site.ended("--refresh")
        assert site.tre("destroy", "demo", "--yes", "--erase-data", "--confirm-erase", "demo")[0] == 0
        with pytest.raises(BlockingIOError):
            proxy.accept()
