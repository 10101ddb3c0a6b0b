"""What holds for local folders alone: rights, links, full disks, what dead writers leave."""

from __future__ import annotations

import asyncio
import datetime
import errno
import hashlib
import os
import stat
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import NoReturn

import pytest

from portal.domain.errors import AirlockError, NotFound, Unavailable
from portal.store.areas import Areas
from portal.store.files import WRITING
from portal.store.places import Area, Mode, Place
from tests.portal.store.stores import HELD, KEY, MIB, RELEASED, UPLOADS, folders, joined, listed, put, stream

pytestmark = pytest.mark.anyio

_NOW = datetime.timedelta(0)


@pytest.fixture
def areas(tmp_path: Path) -> Areas:
    """Give areas as the worker of separate doors has them."""
    return Areas.open(folders(tmp_path, sole=False))


def _left(root: Path) -> list[Path]:
    return [file for area in Area for file in (root / area / WRITING).glob("*")]


async def test_nobody_else_on_the_machine_can_read(areas: Areas, tmp_path: Path) -> None:
    await put(areas, UPLOADS, KEY, b"x" * MIB)
    await areas.move(UPLOADS, HELD, KEY)
    await areas.copy_joined(HELD, [KEY], RELEASED, "request/file")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_dir()} == {0o700}


async def test_nothing_is_left_beside_the_files(areas: Areas, tmp_path: Path) -> None:
    await put(areas, UPLOADS, KEY, b"x" * MIB)
    await areas.move(UPLOADS, HELD, KEY)
    await areas.copy_joined(HELD, [KEY], RELEASED, "request/file")
    await areas.probe(HELD)
    assert _left(tmp_path) == []
    assert [path.name for path in (tmp_path / UPLOADS).iterdir()] == [WRITING]


@pytest.mark.parametrize("depth", [0, 1, 2])
async def test_no_symbolic_link_is_followed(areas: Areas, tmp_path: Path, depth: int) -> None:
    secret = tmp_path / "secret"
    secret.joinpath("file").mkdir(parents=True)
    secret.joinpath("file", "0001-000000").write_bytes(b"not for you")
    parts = KEY.split("/")
    link = tmp_path.joinpath(UPLOADS, *parts[: depth + 1])
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(secret.joinpath(*parts[1 : depth + 1]))
    assert tmp_path.joinpath(UPLOADS, KEY).read_bytes() == b"not for you"
    for refused in (
        lambda: joined(areas.read(UPLOADS, KEY)),
        lambda: areas.digest(UPLOADS, [KEY]),
        lambda: areas.move(UPLOADS, HELD, KEY),
        lambda: areas.copy_joined(UPLOADS, [KEY], RELEASED, KEY),
    ):
        with pytest.raises(NotFound):
            await refused()
    assert await listed(areas, UPLOADS) == []
    await areas.remove(UPLOADS, "request")
    assert secret.joinpath("file", "0001-000000").exists()


async def test_writing_does_not_follow_a_link_out_of_the_folder(areas: Areas, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / UPLOADS / "request").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        await put(areas, UPLOADS, KEY, b"x")
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_a_link_in_the_place_of_a_file_is_replaced_and_not_written_through(
    areas: Areas, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / UPLOADS / "request").mkdir()
    (tmp_path / UPLOADS / "request" / "file").symlink_to(tmp_path / "elsewhere")
    await put(areas, UPLOADS, "request/file", b"x")
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert await joined(areas.read(UPLOADS, "request/file")) == b"x"


async def test_what_is_no_plain_file_is_not_found(areas: Areas, tmp_path: Path) -> None:
    (tmp_path / HELD / "request").mkdir()
    os.mkfifo(tmp_path / HELD / "request" / "pipe")
    for key in ("request", "request/pipe"):
        with pytest.raises(NotFound):
            await areas.digest(HELD, [key])


async def test_a_file_still_open_to_its_sender_cannot_change_what_is_held(
    areas: Areas, tmp_path: Path
) -> None:
    await put(areas, UPLOADS, KEY, b"honest")
    with (tmp_path / UPLOADS / KEY).open("r+b") as sender:
        await areas.move(UPLOADS, HELD, KEY)
        sender.write(b"forged")
    assert await joined(areas.read(HELD, KEY)) == b"honest"


async def test_one_process_alone_moves_and_releases_without_copying(tmp_path: Path) -> None:
    areas = Areas.open(folders(tmp_path))
    await put(areas, UPLOADS, KEY, b"x" * MIB)
    inode = (tmp_path / UPLOADS / KEY).stat().st_ino
    await areas.move(UPLOADS, HELD, KEY)
    await areas.copy_joined(HELD, [KEY], RELEASED, "request/file")
    assert {(tmp_path / HELD / KEY).stat().st_ino, (tmp_path / RELEASED / "request/file").stat().st_ino} == {
        inode
    }


@pytest.mark.parametrize("sole", [True, False])
@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOSYS])
async def test_two_file_systems_are_copied_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sole: bool, code: int
) -> None:
    """As on two disks: neither a rename nor a link nor the system's own copying leads across."""
    areas = Areas.open(folders(tmp_path, sole=sole))
    await put(areas, UPLOADS, KEY, b"x" * (9 * MIB), b"y")
    rename = os.rename

    def no_link(*_: object, **__: object) -> NoReturn:
        raise OSError(code, "two disks")

    def no_range(*_: object) -> NoReturn:
        raise OSError(errno.EXDEV if code == errno.EMLINK else code, "two disks")

    def within_one(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        if source == target:
            raise OSError(errno.EXDEV, "two disks")
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "link", no_link)
    monkeypatch.setattr(os, "copy_file_range", no_range)
    monkeypatch.setattr(os, "rename", within_one)
    await areas.move(UPLOADS, HELD, KEY)
    piece = await areas.copy_joined(HELD, [KEY], RELEASED, "request/file")
    assert piece.sha256 == hashlib.sha256(b"x" * (9 * MIB) + b"y").hexdigest()
    assert await listed(areas, UPLOADS) == []
    assert _left(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fsync", "copy_file_range", "mkdir"])
async def test_a_disk_that_takes_no_more_is_told_of_and_nothing_is_left(
    areas: Areas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    await put(areas, HELD, "old/file", b"x" * MIB)
    (tmp_path / RELEASED / WRITING).mkdir()

    def failing(*_: object, **__: object) -> NoReturn:
        raise OSError(code, "no more", str(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        with pytest.raises(Unavailable) as refusal:
            await put(areas, HELD, KEY, b"x" * (3 * MIB)) if call != "copy_file_range" else None
            await areas.copy_joined(HELD, ["old/file", "old/file"], RELEASED, "request/file")
    assert ("full" in refusal.value.what) == (code != errno.EIO)
    assert str(tmp_path) not in f"{refusal.value.document()}{refusal.value}"
    assert await listed(areas, HELD) == ["old/file"]
    assert await listed(areas, RELEASED) == []
    assert _left(tmp_path) == []
    await put(areas, HELD, KEY, b"now there is room")


async def test_every_byte_is_on_the_disk_before_the_key_counts(
    areas: Areas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file first, then its name: an order that a stop of the machine cannot turn round."""
    calls: list[str] = []

    def noting(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def noted(*arguments: int, **named: int) -> object:
            folder = name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode)
            calls.append("fsync folder" if folder else name)
            return call(*arguments, **named)

        return noted

    await put(areas, HELD, KEY, b"first")
    for name in ("write", "fsync", "rename"):
        monkeypatch.setattr(os, name, noting(name, getattr(os, name)))
    await put(areas, HELD, KEY, b"second")
    assert [call for call in calls if call != "write"] == ["fsync", "rename", "fsync folder"]
    assert calls.index("write") < calls.index("fsync")


async def test_a_living_writer_is_not_swept_away(areas: Areas, tmp_path: Path) -> None:
    async def sweeping() -> AsyncGenerator[bytes, None]:
        yield b"x" * (3 * MIB)
        assert len(_left(tmp_path)) == 1
        assert await areas.sweep(HELD, _NOW) == 0
        yield b"y"

    assert (await areas.write(HELD, KEY, sweeping(), 1 << 30)).size == 3 * MIB + 1


async def test_the_sweep_takes_what_is_old_and_dead_alone(areas: Areas, tmp_path: Path) -> None:
    await put(areas, HELD, KEY, b"kept")
    (tmp_path / HELD / WRITING / "dead").write_bytes(b"half")
    assert await areas.sweep(HELD, datetime.timedelta(hours=1)) == 0
    assert await areas.sweep(HELD, _NOW) == 1
    assert await areas.sweep(HELD, _NOW) == 0
    assert await joined(areas.read(HELD, KEY)) == b"kept"


async def test_a_folder_that_vanished_is_unavailable(areas: Areas, tmp_path: Path) -> None:
    (tmp_path / HELD).rmdir()
    for call in (
        lambda: areas.probe(HELD),
        lambda: put(areas, HELD, KEY, b"x"),
        lambda: listed(areas, HELD),
    ):
        with pytest.raises(Unavailable) as refusal:
            await call()
        assert str(tmp_path) not in f"{refusal.value.document()}"


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        Areas.open({HELD: Place((tmp_path / "file" / "held").as_uri(), Mode.WRITE)})


async def test_a_file_that_is_cut_while_it_is_read_is_told_of(areas: Areas, tmp_path: Path) -> None:
    await put(areas, HELD, KEY, b"x" * (6 * MIB))
    reading = areas.read(HELD, KEY)
    await anext(reading)
    os.truncate(tmp_path / HELD / KEY, 10)
    with pytest.raises(AirlockError):
        await joined(reading)


async def test_a_file_that_ends_too_early_has_no_hash(areas: Areas, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(areas, HELD, KEY, b"x" * (6 * MIB))

    def at_the_end(*_: object) -> int:
        return 0

    monkeypatch.setattr(os, "preadv", at_the_end)
    with pytest.raises(Unavailable):
        await areas.digest(HELD, [KEY])
    with pytest.raises(Unavailable):
        await areas.copy_joined(HELD, [KEY], RELEASED, "request/file")


async def test_a_folder_that_is_removed_under_a_writer_is_made_again(
    areas: Areas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was empty for a moment: somebody removed it between its making and the rename."""
    rename, removals = os.rename, [3]

    def after_a_removal(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        if removals[0]:
            removals[0] -= 1
            (tmp_path / HELD / KEY).parent.rmdir()
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", after_a_removal)
    await put(areas, HELD, KEY, b"x")
    assert await joined(areas.read(HELD, KEY)) == b"x"


async def test_removals_beside_writings_in_one_folder_lose_nothing(areas: Areas) -> None:
    """A folder that is removed because it is empty is made again by whoever was about to write there."""
    for turn in range(30):
        await put(areas, HELD, "request/old", b"x")
        writing = areas.write(HELD, "request/new", stream([b"new"]), 3)
        removing = areas.remove(HELD, "request/old")
        await asyncio.gather(writing, removing)
        assert await listed(areas, HELD) == ["request/new"], turn
        await areas.remove(HELD, "request")
