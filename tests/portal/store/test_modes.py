"""What one process may do in each area is held before anything else happens."""

from __future__ import annotations

import datetime
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from portal.domain.errors import Invalid, Refused, Unavailable
from portal.store.areas import Areas
from portal.store.places import INSIDE, OUTSIDE, WORKER, Area, Mode, Place
from tests.portal.store.stores import KEY, folders, joined, listed, put

pytestmark = pytest.mark.anyio

_CALLS: Final[dict[str, Callable[[Areas, Area], Awaitable[object]]]] = {
    "write": lambda areas, area: areas.write(area, KEY, _untouched(), 1),
    "read": lambda areas, area: joined(areas.read(area, KEY)),
    "size": lambda areas, area: areas.size(area, KEY),
    "digest": lambda areas, area: areas.digest(area, [KEY]),
    "keys": lambda areas, area: listed(areas, area),
    "remove": lambda areas, area: areas.remove(area, "request"),
    "sweep": lambda areas, area: areas.sweep(area, datetime.timedelta(0)),
    "move from": lambda areas, area: areas.move(area, _other(area), KEY),
    "move to": lambda areas, area: areas.move(_other(area), area, KEY),
    "copy from": lambda areas, area: areas.copy_joined(area, [KEY], _other(area), "whole/file"),
    "copy to": lambda areas, area: areas.copy_joined(_other(area), [KEY], area, "whole/file"),
    "probe": lambda areas, area: areas.probe(area),
}
_NEEDED: Final = {
    "write": Mode.WRITE,
    "remove": Mode.WRITE,
    "sweep": Mode.WRITE,
    "move to": Mode.WRITE,
    "copy to": Mode.WRITE,
    "move from": Mode.BOTH,
}
"""What each call needs in the area; the others need to read, and a probe needs any mode at all."""


def _other(area: Area) -> Area:
    return Area.HELD if area is not Area.HELD else Area.OUTPUT_UPLOADS


async def _untouched() -> AsyncGenerator[bytes, None]:
    raise AssertionError("the stream of a refused call was asked for its bytes")
    yield b""


def _allowed(call: str, mode: Mode) -> bool:
    if call == "probe":
        return mode is not Mode.NONE
    needed = _NEEDED.get(call, Mode.READ)
    return (mode.reads or not needed.reads) and (mode.writes or not needed.writes)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("call", _CALLS)
async def test_what_the_mode_does_not_allow_is_refused_before_anything_happens(
    tmp_path: Path, call: str, mode: Mode
) -> None:
    worker, area = Areas.open(folders(tmp_path), fsync=False), Area.INPUT_UPLOADS
    await put(worker, area, KEY, b"sent")
    await put(worker, Area.HELD, KEY, b"held")
    held = worker.limited({**WORKER, area: mode})
    if _allowed(call, mode):
        if call == "write":
            with pytest.raises(AssertionError, match="was asked"):
                await _CALLS[call](held, area)
        else:
            await _CALLS[call](held, area)
        return
    with pytest.raises(Refused):
        await _CALLS[call](held, area)
    assert await joined(worker.read(area, KEY)) == b"sent"
    assert await joined(worker.read(Area.HELD, KEY)) == b"held"


def test_the_inside_door_sends_outputs_and_picks_up_inputs_and_no_more() -> None:
    assert {area: mode for area, mode in INSIDE.items() if mode is not Mode.NONE} == {
        Area.OUTPUT_UPLOADS: Mode.WRITE,
        Area.RELEASED_INPUTS: Mode.READ,
    }


def test_the_outside_door_sends_inputs_and_sees_what_is_held_and_released() -> None:
    assert {area: mode for area, mode in OUTSIDE.items() if mode is not Mode.NONE} == {
        Area.INPUT_UPLOADS: Mode.WRITE,
        Area.HELD: Mode.READ,
        Area.RELEASED_OUTPUTS: Mode.READ,
    }


async def test_an_area_that_was_not_named_is_closed(tmp_path: Path) -> None:
    areas = Areas.open({Area.HELD: Place((tmp_path / "held").as_uri())}, fsync=False)
    for call in _CALLS.values():
        with pytest.raises(Refused):
            await call(areas, Area.OUTPUT_UPLOADS)


async def test_an_area_of_no_mode_is_not_even_opened(tmp_path: Path) -> None:
    Areas.open({Area.HELD: Place((tmp_path / "held").as_uri(), Mode.NONE)})
    Areas.open({Area.HELD: Place((tmp_path / "held").as_uri(), Mode.READ)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("wider", Mode)
async def test_limiting_never_gives_more(tmp_path: Path, mode: Mode, wider: Mode) -> None:
    areas = Areas.open({Area.HELD: Place((tmp_path / "held").as_uri(), mode)}, fsync=False)
    limited = areas.limited({Area.HELD: wider})
    for call in _CALLS:
        if not (_allowed(call, mode) and _allowed(call, wider)):
            with pytest.raises(Refused):
                await _CALLS[call](limited, Area.HELD)


@pytest.mark.parametrize(
    "address",
    ["", "/tmp/x", "file://host/x", "ftp://host/x", "https://host/x", "gs://bucket/x", "s3://", "az:"],
)
def test_an_address_that_is_not_understood_is_refused(address: str) -> None:
    with pytest.raises(Invalid):
        Areas.open({Area.HELD: Place(address)})


def test_a_setting_that_no_store_has_is_refused_without_being_repeated() -> None:
    place = Place("s3://bucket/held", options={"secret_acess_key": "very-secret"})
    with pytest.raises(Invalid) as refusal:
        Areas.open({Area.HELD: place})
    assert "very-secret" not in f"{refusal.value.document()}{refusal.value}"


def test_secrets_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("very-secret\n")
    place = Place("s3://bucket/held", options={"region": "here"}, secrets={"secret_access_key": file})
    assert place.settings("held") == {"region": "here", "secret_access_key": "very-secret"}
    assert "very-secret" not in repr(place)
    file.unlink()
    with pytest.raises(Unavailable) as refusal:
        Areas.open({Area.HELD: place})
    assert str(tmp_path) not in f"{refusal.value.document()}"
