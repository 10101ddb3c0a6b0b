"""Plans: what is gained and lost, what changes about data, and how it reads."""

from __future__ import annotations

from typing import Any

from components.backend import Backend
from components.contract import Evidence, Record, kept, of_type
from tre.engine.events import Change, Place
from tre.engine.stack import Outcome
from tre.plan import Declared, PartPlan, Plan, declared


def _part(before: dict[str, bool], after: dict[str, bool], **more: Any) -> PartPlan:
    told = Declared(promises=after, because=dict.fromkeys(after, "why"))
    return PartPlan("demo-breast", "changed", told, before, **more)


def test_gained_and_lost_compare_with_the_last_good_deployment() -> None:
    part = _part(
        {"a/x": True, "a/y": True, "a/z": False}, {"a/x": True, "a/y": False, "a/z": True, "a/w": True}
    )
    assert part.lost == ["a/y"]
    assert part.gained == ["a/z", "a/w"]
    assert _part({"a/gone": True}, {}).lost == ["a/gone"]


def test_changes_to_data_are_those_to_what_exists_and_is_protected() -> None:
    changes = tuple(
        Change(Place("DataStore", "t", name), operation, protected)
        for name, operation, protected in (
            ("a", "create", True),
            ("b", "replace", True),
            ("c", "delete", False),
        )
    )
    part = _part({}, {}, outcome=Outcome("s", changes=changes, counts={"replace": 1}))
    assert [each.place.name for each in part.held] == ["b"]


def test_a_plan_reads_promises_then_data_then_counts() -> None:
    change = Change(Place("DataStore", "t", "inputs"), "replace", True, ("spec.size",))
    outcome = Outcome("s", changes=(change,), counts={"replace": 1, "same": 3})
    text = Plan("demo", (_part({"a/x": True}, {"a/x": False}, outcome=outcome),)).text()
    assert text.index("a/x: why") < text.index("replace") < text.index("1 to replace, 3 unchanged")
    assert "DataStore: t inputs (spec.size)" in text


def test_a_quiet_plan_says_so() -> None:
    quiet = PartPlan("demo", "unchanged", Declared(), {})
    text = Plan("demo", (quiet,)).text()
    assert "none gained, none lost" in text
    assert "nothing that holds data changes" in text
    assert not Plan("demo", (quiet,)).pending


BACKEND = Backend(
    "toy",
    evidence={"a/x": Evidence(lambda records: kept("there is one", of_type(records, "t:x")))},
    gaps={"a/y": "no"},
)


def test_a_part_alone_is_not_judged_and_components_are_not_counted() -> None:
    own = [Record("t:x", "n", {}, "Airlock"), Record("tre:index:Airlock", "site", {})]
    alone = declared(BACKEND, own, None)
    assert (alone.promises, alone.resources) == ({}, {"Airlock": 1})


def test_a_sites_own_part_is_told_only_what_rests_on_it() -> None:
    own, beside = [Record("t:other", "n", {}, "Airlock")], [Record("t:x", "m", {}, "Workspace")]
    assert declared(BACKEND, own, beside).promises == {"a/x": True}
    assert declared(BACKEND, own, beside, cited=True).promises == {}
    assert declared(BACKEND, own, own, cited=True).promises == {"a/x": False}
    assert declared(BACKEND, own, beside).gaps == {"a/y": "no"}
