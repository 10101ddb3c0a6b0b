"""The recording engine: what a program registers and exports, one after another and side by side."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime import mocks

from tre.engine.record import record, recording


class _Box(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tre:index:Box", name, {"size": 1}, opts)
        self.name = pulumi.Output.from_input(name).apply(str.upper)
        self.register_outputs({"name": self.name})


def _program() -> None:
    outer = _Box("outer", pulumi.ResourceOptions(protect=True, retain_on_delete=True))
    inner = _Box("inner", pulumi.ResourceOptions(parent=outer))
    pulumi.export("name", inner.name)


def test_registrations_are_kept_in_order_with_their_options() -> None:
    outer, inner = record(_program)
    assert (outer.name, outer.type, outer.protect, outer.retain, outer.component) == (
        ("outer", "tre:index:Box", True, True, "")
    )
    assert (inner.name, inner.component) == ("inner", "Box")


def test_exports_are_kept() -> None:
    assert recording(_program).exports == {"name": "INNER"}


def test_a_programs_own_error_is_raised() -> None:
    def fails() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        record(fails)


def test_programs_recorded_side_by_side_do_not_wait_for_each_other() -> None:
    """Sharing one set of outputs between event loops made two programs wait for ever."""
    with ThreadPoolExecutor(6) as beside:
        found = beside.map(record, [_program] * 150, timeout=120)
        assert [len(each) for each in found] == [2] * 150


def test_programs_side_by_side_each_ask_their_own_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that do not follow a program into its threads let one `tre up` ask another's engine, even a gone one."""
    both_set, set_mocks, asked = threading.Barrier(2), mocks.set_mocks, list[mocks.MockMonitor]()
    answer = cast("Any", mocks.MockMonitor).GetDeploymentInfo

    def waiting(*arguments: Any, **more: Any) -> None:
        set_mocks(*arguments, **more)
        both_set.wait(60)

    def counting(monitor: mocks.MockMonitor, request: Any) -> Any:
        asked.append(monitor)
        return answer(monitor, request)

    monkeypatch.setattr(mocks, "set_mocks", waiting)
    monkeypatch.setattr(mocks.MockMonitor, "GetDeploymentInfo", counting)
    with ThreadPoolExecutor(2) as beside:
        assert [len(each) for each in beside.map(record, [_program] * 2)] == [2, 2]
    first, second = Counter(map(id, asked)).values()
    assert first == second


def test_recording_works_after_the_thread_lost_its_event_loop() -> None:
    """`asyncio.run` takes the loop of the main thread away, in whichever test it is called."""

    async def nothing() -> None:
        return None

    asyncio.run(nothing())
    assert len(record(_program)) == 2
    kept = asyncio.new_event_loop()
    asyncio.set_event_loop(kept)
    try:
        assert len(record(_program)) == 2
        assert asyncio.get_event_loop() is kept
    finally:
        asyncio.set_event_loop(None)
        kept.close()
