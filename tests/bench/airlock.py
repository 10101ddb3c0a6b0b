"""Figures of the airlock: a real process on this machine, asked over HTTP as people and programs ask it."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import http.client
import os
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from sqlalchemy import insert

from portal.database.opening import Database
from portal.database.tables import FileRow, RequestRow
from portal.domain.clock import now
from portal.domain.people import Door, Grant, Person, Role
from portal.embedded import Laptop
from portal.sign_in.sessions import Sessions, new_token
from portal.sign_in.settings import SessionSettings
from tests.bench.measuring import TRE
from tests.bench.rows import Row, at_least, at_most, told
from tests.ports import free_port
from tre.airlock.door import Door as Address
from tre.airlock.sending import Journal, Local, send

GIB: Final = 1 << 30
LARGE: Final = 2 * GIB
STORED: Final = (1_000, 100_000)
PEOPLE: Final = 50
_CONNECTIONS: Final = 4
_PATIENCE: Final = 300.0
_ROLES: Final = {Door.INSIDE: Role.DATA_ANALYST, Door.OUTSIDE: Role.OUTPUT_CHECKER}


@dataclass(frozen=True)
class Airlock:
    """One running airlock."""

    laptop: Laptop
    process: subprocess.Popen[str]

    def door(self, door: Door, name: str) -> Address:
        """Return a door as a person sees it who is signed in."""
        headers = self.headers(door, name)
        where = self.laptop.inside if door is Door.INSIDE else self.laptop.outside
        return Address(where, lambda: headers)

    def headers(self, door: Door, name: str) -> dict[str, str]:
        """Return what such a person's calls carry."""
        database = Database.open(f"sqlite:///{self.laptop.folder / 'airlock.sqlite'}")
        bound = "demo" if door is Door.INSIDE else ""
        person = Person(
            name, name, grants=frozenset({Grant("demo", _ROLES[door])}), door=door, bound_to=bound
        )
        token = new_token()
        database.write(lambda s: Sessions(database, SessionSettings(), now, door).open(s, person, token))
        database.close()
        workload = {"Tre-Workload": self.laptop.workload_file("demo").read_text().strip()} if bound else {}
        return {"Authorization": f"Bearer {token}", **workload}

    def memory(self) -> float:
        """Return what the process holds in memory. MiB."""
        return psutil.Process(self.process.pid).memory_info().rss / (1 << 20)


@contextlib.contextmanager
def running(folder: Path) -> Generator[Airlock]:
    """Run an airlock in a folder until the block ends."""
    laptop = Laptop(folder, free_port())
    command = [sys.executable, "-m", "tests.bench.airlock_server", str(folder), str(laptop.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield Airlock(laptop, process)
        finally:
            process.terminate()


def rows(folder: Path) -> list[Row]:
    """Measure the throughput of one large file, many people at once, long lists, and the start."""
    return [*_large(folder), *_many(folder), *_lists(folder), *_start(folder)]


def _large(folder: Path) -> list[Row]:
    source = _written(folder / "large.bin")
    with running(folder / "large") as airlock:
        _released(airlock, _small(folder, 0))
        before = airlock.memory()
        most = _Most(airlock.memory)
        try:
            plain, ours = [_plain(source)], [_released(airlock, source)]
            plain.append(_plain(source))
            ours.append(_released(airlock, source))
        finally:
            grown = most.stop() - before
    ratio = statistics.mean(plain) / statistics.mean(ours)
    what = f"speed of 2 GiB sent, hashed, stored and released ÷ `sha256sum` and `cp` ({min(ours):.1f} s)"
    return [
        at_least(what, ratio, 0.8, ""),
        at_most("the service's memory grows by", grown, 64, "MiB"),
    ]


def _written(file: Path) -> Path:
    with file.open("wb") as stream:
        for _ in range(LARGE >> 20):
            stream.write(os.urandom(1 << 20))
    return file


def _plain(source: Path) -> float:
    target = source.with_suffix(".copy")
    began = time.monotonic()
    subprocess.run(["sha256sum", str(source)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cp", str(source), str(target)], check=True)
    seconds = time.monotonic() - began
    target.unlink()
    return seconds


def _released(airlock: Airlock, source: Path) -> float:
    """Bring one file out and return the seconds that it took. The reviewer decides at once."""
    inside, outside = airlock.door(Door.INSIDE, "robin"), airlock.door(Door.OUTSIDE, "casey")
    began = time.monotonic()
    request = _sent(inside, source)
    seen = _until(outside, request, "in_review")
    decision = {"outcome": "approve", "manifest_sha256": seen["manifest_sha256"], "reason": "measured"}
    outside.post(f"/requests/{request}/decisions", decision)
    _until(outside, request, "released")
    return time.monotonic() - began


def _sent(inside: Address, source: Path) -> str:
    title = f"{source.name} {uuid.uuid4()}"
    body = {"project": "demo", "direction": "output", "title": title, "purpose": "measured"}
    request = str(inside.post("/requests", body)["id"])
    about = source.stat()
    local = Local(source, source.name, about.st_size, about.st_mtime_ns)
    journal = Journal(inside.address, "demo", title, [local])
    send(inside, request, local, journal, lambda path, there, all_: None)
    journal.forget()
    inside.post(f"/requests/{request}/submit", {})
    return request


def _until(door: Address, request: str, state: str) -> Any:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        seen = door.get(f"/requests/{request}")
        seen = seen.get("request", seen)
        if seen["state"] == state:
            return seen
        if seen["state"] in {"failed", "blocked"}:
            raise RuntimeError(f"the request is {seen['state']}: {seen['reason']}")
        time.sleep(0.02)
    raise RuntimeError(f"the request did not become {state}")


class _Most:
    """Samples a figure, and keeps the most."""

    def __init__(self, figure: Callable[[], float]) -> None:
        self._figure, self._most, self._ended = figure, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._ended.wait(0.02):
            self._most = max(self._most, self._figure())

    def stop(self) -> float:
        """Return the most that was seen."""
        self._ended.set()
        self._thread.join()
        return self._most


def _small(folder: Path, number: int) -> Path:
    file = folder / f"small-{number}.txt"
    file.write_bytes(hashlib.sha256(str(number).encode()).hexdigest().encode() * (1 << 14))
    return file


def _many(folder: Path) -> list[Row]:
    files = [_small(folder, number) for number in range(PEOPLE)]
    with running(folder / "many") as airlock:
        doors = [airlock.door(Door.INSIDE, f"person-{number}") for number in range(PEOPLE)]
        together, failed = _at_once(doors, files)
        with _stalled(airlock, doors[: PEOPLE // 2]):
            beside, failed_beside = _at_once(doors[PEOPLE // 2 :], files[PEOPLE // 2 :])
    return [
        at_most(f"of {PEOPLE} people who upload at once (1 MiB each, {together:.1f} s) fail", failed, 0, ""),
        at_most(
            f"of 25 who upload while 25 others stall in theirs ({beside:.1f} s) fail", failed_beside, 0, ""
        ),
    ]


def _at_once(doors: list[Address], files: list[Path]) -> tuple[float, int]:
    began = time.monotonic()
    with ThreadPoolExecutor(len(doors)) as pool:
        ended = [pool.submit(_sent, door, file) for door, file in zip(doors, files, strict=True)]
        failed = sum(each.exception() is not None for each in ended)
    return time.monotonic() - began, failed


@contextlib.contextmanager
def _stalled(airlock: Airlock, doors: list[Address]) -> Generator[None]:
    """Have people begin to send a file and then send nothing more, for as long as the block runs."""
    with contextlib.ExitStack() as stack:
        for door in doors:
            stack.callback(_stall(airlock, door).close)
        yield


def _stall(airlock: Airlock, door: Address) -> http.client.HTTPConnection:
    body = {"project": "demo", "direction": "output", "title": "stalls", "purpose": "measured"}
    request = door.post("/requests", body)["id"]
    file = door.post(f"/requests/{request}/files", {"path": "slow.bin", "expected_size": 1 << 20})["id"]
    connection = http.client.HTTPConnection("127.0.0.1", airlock.laptop.port + 1)
    connection.putrequest("PUT", f"/api/v1/requests/{request}/files/{file}/content?offset=0&last=true")
    for name, value in {**door.headers(), "Content-Length": str(1 << 20)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(b"x" * 1000)
    return connection


def _lists(folder: Path) -> list[Row]:
    found: dict[int, tuple[float, float]] = {}
    for stored in STORED:
        with running(folder / f"stored-{stored}") as airlock:
            requests = _filled(airlock.laptop.folder, stored)
            psutil.Process(airlock.process.pid).cpu_affinity([0])
            psutil.Process().cpu_affinity([(os.cpu_count() or 1) - 1])
            headers = airlock.headers(Door.OUTSIDE, "casey")
            paths = [f"/api/v1/requests/{request}" for request in requests]
            found[stored] = (
                _rate(airlock, headers, ["/api/v1/requests?project=demo"]),
                _rate(airlock, headers, paths),
            )
            psutil.Process().cpu_affinity(list(range(os.cpu_count() or 1)))
    few, lots = (found[stored] for stored in STORED)
    return [
        at_least("lists a second on one core, 100,000 requests stored", lots[0], 300, ""),
        at_least("requests shown a second on one core, 100,000 stored", lots[1], 300, ""),
        at_most("time of a list with 100,000 stored ÷ with 1,000", few[0] / lots[0], 1.5, ""),
        at_most("time to show one with 100,000 stored ÷ with 1,000", few[1] / lots[1], 1.5, ""),
    ]


def _filled(folder: Path, stored: int) -> list[str]:
    """Store many requests, and return the identifiers of some from all over."""
    database = Database.open(f"sqlite:///{folder / 'airlock.sqlite'}")
    first = now() - datetime.timedelta(days=300)
    names = [str(uuid.uuid4()) for _ in range(stored)]
    moments = (first + datetime.timedelta(seconds=number) for number in range(stored))
    for some in _some(list(zip(names, moments, strict=True)), 5_000):
        requests = [_request(name, at) for name, at in some]
        files = [_file(name, at) for name, at in some]

        def write(session: Any, requests: Any = requests, files: Any = files) -> None:
            session.execute(insert(RequestRow), requests)
            session.execute(insert(FileRow), files)

        database.write(write)
    database.close()
    return names[:: max(1, stored // 500)]


def _some(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _request(name: str, at: datetime.datetime) -> dict[str, Any]:
    text = {
        "title": f"Table {name[:8]}",
        "purpose": "A paper",
        "requester_name": "robin",
        "requester": "robin",
    }
    fixed = {"project": "demo", "direction": "output", "state": "rejected", "files": 1, "size": 1000}
    return {"id": name, **text, **fixed, "created_at": at, "state_since": at, "manifest_sha256": "0" * 64}


def _file(name: str, at: datetime.datetime) -> dict[str, Any]:
    kept = {"path": "t.csv", "folded": "t.csv", "size": 1000, "complete": True, "added_at": at}
    return {"id": str(uuid.uuid4()), "request_id": name, **kept, "sha256": "1" * 64, "parts": []}


def _rate(airlock: Airlock, headers: dict[str, str], paths: list[str], seconds: float = 5.0) -> float:
    """Return how many of these are answered in a second, over a few connections, after a warm-up."""
    _calls(airlock, headers, paths, 1.0)
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        ended = [pool.submit(_calls, airlock, headers, paths, seconds) for _ in range(_CONNECTIONS)]
        return sum(each.result() for each in ended)


def _calls(airlock: Airlock, headers: dict[str, str], paths: list[str], seconds: float) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", airlock.laptop.port)
    began, count = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        _asked(connection, paths[count % len(paths)], headers)
        count += 1
    connection.close()
    return count / (time.monotonic() - began)


def _asked(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{path} answered {answer.status}")


def _start(folder: Path) -> list[Row]:
    place = folder / "start"
    first = _ready(place)
    again = statistics.median(_ready(place) for _ in range(3))
    return [
        at_most("`tre portal serve` answers after", again, 2, "s"),
        told("the same the first time, database and people made", f"{first:.2f} s"),
    ]


def _ready(folder: Path) -> float:
    command = [TRE, "portal", "serve", "--folder", str(folder), "--port", str(free_port()), "--json"]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        assert process.stdout.readline()
        seconds = time.monotonic() - began
        process.terminate()
    return seconds
