"""Remote stores on bad days: they refuse, hang, fail for a while, cut what they send."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Final

import httpx
import pytest

from portal.domain.errors import Refused, Unavailable
from portal.store.areas import Areas
from portal.store.places import Area, Mode, Place
from portal.store.remote import Patience, Remote
from tests.portal.store.stores import (
    HELD,
    KEY,
    MIB,
    RELEASED,
    UPLOADS,
    folders,
    in_bucket,
    joined,
    listed,
    put,
)

pytestmark = pytest.mark.anyio

_HASTY: Final = Patience(connect=0.5, request=0.3, retries=2, retry_for=2)
_CALLS: Final[dict[str, Callable[[Areas], Awaitable[object]]]] = {
    "write": lambda areas: put(areas, HELD, KEY, b"x"),
    "write long": lambda areas: put(areas, HELD, KEY, *[b"x" * MIB] * 9),
    "read": lambda areas: joined(areas.read(HELD, KEY)),
    "size": lambda areas: areas.size(HELD, KEY),
    "digest": lambda areas: areas.digest(HELD, [KEY]),
    "move": lambda areas: areas.move(HELD, RELEASED, KEY),
    "copy_joined": lambda areas: areas.copy_joined(HELD, [KEY], RELEASED, "request/whole"),
    "keys": lambda areas: listed(areas, HELD),
    "remove": lambda areas: areas.remove(HELD, "request"),
    "probe": lambda areas: areas.probe(HELD),
}
Answer = Callable[[str], bytes | None]
"""What a server says to a request's head: bytes, or nothing for ever."""


def _says(status: int, body: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@contextlib.asynccontextmanager
async def _server(answer: Answer) -> AsyncGenerator[Areas, None]:
    """Give areas in a store on this machine that answers as it is told to."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if length := re.search(r"content-length: (\d+)", head, re.IGNORECASE):
                await reader.readexactly(int(length[1]))
            if (said := answer(head)) is None:
                await reader.read()
            else:
                writer.write(said)
                await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield Areas.open(in_bucket(f"http://{host}:{port}"), patience=_HASTY)
    finally:
        server.close()


async def _unavailable(call: str, areas: Areas) -> str:
    with pytest.raises(Unavailable) as refusal:
        await _CALLS[call](areas)
    told = f"{refusal.value.document()}{refusal.value}"
    assert "not-a-secret" not in told
    assert "tester" not in told
    assert "127.0.0.1" not in told
    return told


@pytest.mark.parametrize("call", _CALLS)
async def test_a_store_that_fails_is_unavailable(call: str) -> None:
    async with _server(lambda _: _says(500, "tester not-a-secret")) as areas:
        assert "does not answer" in await _unavailable(call, areas)


@pytest.mark.parametrize("call", _CALLS)
async def test_a_store_that_refuses_says_that_it_is_about_rights(call: str) -> None:
    async with _server(lambda _: _says(403)) as areas:
        assert "refuses this process" in await _unavailable(call, areas)


@pytest.mark.parametrize("call", ["write", "write long", "read", "keys", "probe"])
async def test_a_store_that_hangs_is_given_up(call: str) -> None:
    async with _server(lambda _: None) as areas:
        assert "does not answer" in await _unavailable(call, areas)


@pytest.mark.parametrize("call", ["write", "read", "probe"])
async def test_a_store_that_is_not_there_is_unavailable(call: str) -> None:
    async with _server(lambda _: None) as areas:
        pass
    assert "does not answer" in await _unavailable(call, areas)


async def test_a_store_that_fails_twice_is_asked_a_third_time_and_no_more() -> None:
    asked: list[str] = []

    def recovering(line: str) -> bytes:
        asked.append(line)
        return _says(503) if len(asked) <= 2 else _says(200, "", 'ETag: "x"')

    async with _server(recovering) as areas:
        await put(areas, HELD, KEY, b"x")
    assert len(asked) == 3
    asked.clear()

    def failing(line: str) -> bytes:
        asked.append(line)
        return _says(503)

    async with _server(failing) as areas:
        await _unavailable("write", areas)
    assert len(asked) == 3


async def test_an_object_that_changes_while_it_is_read_is_told_of() -> None:
    """The blocks of a file are those of one object: a later one under its name is refused by its tag."""
    sent: list[str] = []

    def changing(head: str) -> bytes:
        sent.append(head)
        if head.startswith("HEAD"):
            return _says(200, "", 'ETag: "one"', "Last-Modified: Mon, 02 Mar 2026 09:00:00 GMT").replace(
                b"Content-Length: 0", b"Content-Length: 9"
            )
        return _says(412)

    async with _server(changing) as areas:
        await _unavailable("read", areas)
    assert [head.split()[0] for head in sent] == ["HEAD", "GET"]
    assert 'if-match: "one"' in sent[1].lower()


async def test_a_hanging_store_holds_up_no_other_area(tmp_path: Path) -> None:
    async with _server(lambda _: None) as hanging:
        local = Areas.open(folders(tmp_path), fsync=False)
        stalled = asyncio.create_task(put(hanging, HELD, KEY, b"x"))
        await put(local, HELD, KEY, b"y")
        assert await joined(local.read(HELD, KEY)) == b"y"
        assert not stalled.done()
        with pytest.raises(Unavailable):
            await stalled


async def test_a_broken_upload_is_given_up_at_the_store_too(s3: str) -> None:
    areas = Areas.open(in_bucket(s3))

    async def breaking() -> AsyncGenerator[bytes, None]:
        for _ in range(20):
            yield b"x" * MIB
            await asyncio.sleep(0.01)
        raise ConnectionResetError("the sender went away")

    with pytest.raises(ConnectionResetError):
        await areas.write(HELD, KEY, breaking(), 1 << 30)
    assert "<Upload>" not in httpx.get(f"{s3}/airlock?uploads").text
    assert await listed(areas, HELD) == []


async def test_a_bucket_that_is_not_there_is_told_of(s3: str) -> None:
    areas = Areas.open(in_bucket(s3, "nowhere"))
    with pytest.raises(Unavailable):
        await put(areas, HELD, KEY, b"x")
    with pytest.raises(Unavailable):
        await areas.probe(HELD)


async def test_files_go_between_kinds_of_store(s3: str, tmp_path: Path) -> None:
    places = {**in_bucket(s3), UPLOADS: folders(tmp_path)[UPLOADS], RELEASED: Place("memory:///")}
    areas = Areas.open(places, fsync=False)
    content = b"".join(bytes([n]) * MIB for n in range(10))
    await put(areas, UPLOADS, KEY, content)
    await areas.move(UPLOADS, HELD, KEY)
    await areas.move(UPLOADS, HELD, KEY)
    piece = await areas.copy_joined(HELD, [KEY, KEY], RELEASED, "request/file")
    assert piece.size == 2 * len(content)
    assert await joined(areas.read(RELEASED, "request/file")) == content * 2
    assert await listed(areas, UPLOADS) == []


async def test_a_blob_container_is_opened_with_its_modes(tmp_path: Path) -> None:
    """Only construction is proved: nothing on this machine speaks that store's language, so no byte was sent to it."""
    secret = tmp_path / "key"
    secret.write_text("bm90LWEtc2VjcmV0\n")
    place = Place(
        "az://container/prefix",
        Mode.WRITE,
        options={"account_name": "airlock"},
        secrets={"account_key": secret},
    )
    areas = Areas.open(dict.fromkeys(Area, place))
    with pytest.raises(Refused):
        await areas.size(HELD, KEY)
    assert isinstance(areas._stores[HELD], Remote)  # pyright: ignore[reportPrivateUsage]
