"""Releases from a host on loopback: right, wrong, torn, silent."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tarfile
import threading
from pathlib import Path

import pytest

from tests.unit.tre.toolchain.samples import MACHINE, Server, write_table
from tre.errors import TreError
from tre.toolchain import obtaining, releases, store
from tre.toolchain.table import Table

pytestmark = pytest.mark.enable_socket

PROGRAM = b"#!/bin/sh\necho 1.2.3\n"


def hello(bench: Path, address: str, more: str = "") -> Table:
    """A table whose only way to get `hello` is its release."""
    return write_table(
        bench,
        f"""
[tools.hello]
version = "1.2.3"
[tools.hello.release]
url = "{address}/v{{version}}/hello-{{system}}-{{arch}}"
checksum = "{{url}}.sha256"
{more}
""",
    )


def offer(server: Server, body: bytes = PROGRAM, checksum: str | None = None) -> None:
    """Put the release and its checksum on the host."""
    path = "/v1.2.3/hello-linux-amd64"
    server.files[path] = body
    server.files[f"{path}.sha256"] = (checksum or hashlib.sha256(body).hexdigest()).encode()


def archive(members: dict[str, bytes]) -> bytes:
    """Return a gzipped tar archive."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for name, body in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return whole.getvalue()


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here downloads for the same kind of machine."""
    monkeypatch.setattr("tre.toolchain.table.Machine.here", lambda: MACHINE)


def nothing_half_made(bench: Path) -> bool:
    """Tell that the tool is absent and no working folder is left."""
    return [place.name for place in (bench / "cache/tools/hello").iterdir()] == [".lock"]


def test_a_release_is_downloaded_checked_and_then_there(bench: Path, server: Server) -> None:
    offer(server)
    table = hello(bench, server.address)
    tool = obtaining.ensure(table, ["hello"])["hello"]
    assert tool.path.read_bytes() == PROGRAM
    assert os.access(tool.path, os.X_OK)
    assert (tool.version, tool.origin) == ("1.2.3", "release")
    assert tool.path.parent.name == f"1.2.3-{table.fingerprint(table.entry('hello'))}"
    asked = list(server.asked)
    assert obtaining.ensure(table, ["hello"])["hello"] == tool
    assert server.asked == asked


def test_the_record_tells_where_it_came_from(bench: Path, server: Server) -> None:
    offer(server)
    tool = obtaining.ensure(hello(bench, server.address), ["hello"])["hello"]
    record = json.loads((tool.folder / store.RECORD).read_text())
    assert record["source"] == f"{server.address}/v1.2.3/hello-linux-amd64"


def test_a_download_that_is_not_what_was_published_is_refused(bench: Path, server: Server) -> None:
    offer(server, checksum="0" * 64)
    with pytest.raises(TreError, match="not what its publisher describes") as refusal:
        obtaining.ensure(hello(bench, server.address), ["hello"])
    assert "TRE_TOOLCHAIN_RELEASES=no" in str(refusal.value)
    assert nothing_half_made(bench)


def test_a_pinned_checksum_is_held_against_the_download_and_the_published_one_not_asked(
    bench: Path, server: Server
) -> None:
    offer(server)
    right = hello(
        bench, server.address, f'sha256 = {{ linux-amd64 = "{hashlib.sha256(PROGRAM).hexdigest()}" }}'
    )
    assert obtaining.ensure(right, ["hello"])
    assert server.asked == ["/v1.2.3/hello-linux-amd64"]


def test_a_release_that_is_not_the_pinned_one_is_refused_even_if_published(
    bench: Path, server: Server
) -> None:
    offer(server)
    with pytest.raises(TreError, match="not what its publisher describes"):
        obtaining.ensure(
            hello(bench, server.address, f'sha256 = {{ linux-amd64 = "{"1" * 64}" }}'), ["hello"]
        )
    assert nothing_half_made(bench)


@pytest.mark.parametrize("separator", ["  ", " *", "\t", "  ./", "  release/"])
def test_the_checksum_is_found_among_others(bench: Path, server: Server, separator: str) -> None:
    digest = hashlib.sha256(PROGRAM).hexdigest()
    offer(server, checksum=f"{'1' * 64}  hello-darwin-arm64\n{digest}{separator}hello-linux-amd64\n")
    assert obtaining.ensure(hello(bench, server.address), ["hello"])


@pytest.mark.parametrize("text", ["", "no checksum", f"{'1' * 64}  another-file", f"{'1' * 64}\n{'2' * 64}"])
def test_without_a_checksum_of_its_own_a_release_is_not_used(bench: Path, server: Server, text: str) -> None:
    offer(server, checksum=text or " ")
    with pytest.raises(TreError, match="names no checksum for hello-linux-amd64"):
        obtaining.ensure(hello(bench, server.address), ["hello"])
    assert nothing_half_made(bench)


def test_a_download_that_ends_early_is_not_used(bench: Path, server: Server) -> None:
    offer(server, body=PROGRAM * 100)
    pinned = f'sha256 = {{ linux-amd64 = "{hashlib.sha256(PROGRAM * 100).hexdigest()}" }}'
    server.short = 7
    with pytest.raises(TreError, match="ended after"):
        obtaining.ensure(hello(bench, server.address, pinned), ["hello"])
    assert nothing_half_made(bench)


def test_a_release_that_is_not_there_leaves_the_host_in_use(bench: Path, server: Server) -> None:
    with pytest.raises(TreError, match="answered 404"):
        obtaining.ensure(hello(bench, server.address), ["hello"])
    offer(server)
    assert obtaining.ensure(hello(bench, server.address), ["hello"])


def test_an_unreachable_host_is_not_asked_again_until_forgotten(bench: Path, server: Server) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        silent = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(TreError, match=r"127\.0\.0\.1 does not answer"):
            obtaining.ensure(hello(bench, silent), ["hello"])
    offer(server)
    with pytest.raises(TreError, match="did not answer lately"):
        obtaining.ensure(hello(bench, server.address), ["hello"])
    assert server.asked == []
    releases.forget_unreachable()
    assert obtaining.ensure(hello(bench, server.address), ["hello"])


def test_an_unreachable_host_is_asked_again_after_an_hour(bench: Path, server: Server) -> None:
    offer(server)
    (bench / "cache/tools").mkdir(parents=True)
    (bench / "cache/tools/unreachable.json").write_text('{"127.0.0.1": 1000}')
    assert obtaining.ensure(hello(bench, server.address), ["hello"])


def test_a_host_that_says_nothing_is_given_up(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "_ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(TreError, match="timed out"):
            obtaining.ensure(hello(bench, address), ["hello"])
    assert "127.0.0.1" in (bench / "cache/tools/unreachable.json").read_text()


def test_a_name_that_takes_long_to_look_up_is_given_up(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(*arguments: object, **named: object) -> socket.socket:
        threading.Event().wait(5)
        raise OSError

    monkeypatch.setattr(releases, "_CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(releases.socket, "create_connection", stuck)
    with pytest.raises(TreError, match="does not answer"):
        obtaining.ensure(hello(bench, "http://release.invalid"), ["hello"])


@pytest.mark.parametrize("word", ["no", "NO", "0", "false", "off"])
def test_downloads_can_be_switched_off(
    bench: Path, server: Server, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    offer(server)
    monkeypatch.setenv("TRE_TOOLCHAIN_RELEASES", word)
    with pytest.raises(TreError, match="hello: cannot be had"):
        obtaining.ensure(hello(bench, server.address), ["hello"])
    assert server.asked == []


def test_the_wanted_member_and_no_other_is_unpacked(bench: Path, server: Server) -> None:
    offer(server, archive({"./pack/hello": PROGRAM, "../escape": b"x", "pack/other": b"y"}))
    table = hello(bench, server.address, 'members = { hello = "pack/hello" }')
    tool = obtaining.ensure(table, ["hello"])["hello"]
    assert tool.path.read_bytes() == PROGRAM
    assert {place.name for place in tool.folder.iterdir()} == {"hello", store.RECORD}
    assert not list(bench.rglob("escape"))


def test_a_release_without_the_program_is_refused(bench: Path, server: Server) -> None:
    offer(server, archive({"pack/other": b"y"}))
    with pytest.raises(TreError, match="did not bring the program hello"):
        obtaining.ensure(hello(bench, server.address, 'members = { hello = "pack/hello" }'), ["hello"])
    assert nothing_half_made(bench)


def test_a_release_that_is_no_archive_is_refused(bench: Path, server: Server) -> None:
    offer(server, b"<html>sign in first</html>")
    with pytest.raises(TreError, match="cannot be unpacked"):
        obtaining.ensure(hello(bench, server.address, 'members = { hello = "pack/hello" }'), ["hello"])
    assert nothing_half_made(bench)


def test_there_is_no_release_for_another_system(bench: Path, server: Server) -> None:
    offer(server)
    with pytest.raises(TreError, match="no release for linux-amd64"):
        obtaining.ensure(hello(bench, server.address, 'systems = ["darwin"]'), ["hello"])
