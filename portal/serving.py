"""Runs what a process is: one door, the worker, or all of it in one event loop on a laptop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import signal
import socket
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, TextIO

import uvicorn
import uvloop
from fastapi import FastAPI

from portal.domain.errors import Conflict, Unavailable
from portal.domain.people import Door
from portal.parts import Opened, open_parts
from portal.settings import DoorPlace, RunAs, Settings
from portal.web import apps, logs
from portal.web.protocol import BoundedHttp

_GRACE: Final = 30
"""Seconds that calls under way have to end, once the process was asked to stop."""
_BACKLOG: Final = 2048
_TAKEN: Final = frozenset({errno.EADDRINUSE, errno.EACCES})
_DOORS: Final[Mapping[RunAs, tuple[Door, ...]]] = {
    RunAs.OUTSIDE: (Door.OUTSIDE,),
    RunAs.INSIDE: (Door.INSIDE,),
    RunAs.WORKER: (),
    RunAs.BOTH: (Door.OUTSIDE, Door.INSIDE),
}


class _Server(uvicorn.Server):
    """A server that leaves signals to the process: there may be two of them, and a worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture nothing."""
        yield


def run(
    settings: Settings, role: RunAs, ready: Callable[[], None] = lambda: None, log: TextIO | None = None
) -> None:
    """Run until SIGTERM or SIGINT, then let calls under way end; `ready` is called once all of it answers.

    What is logged goes to `log`, or else to stderr.

    Raises:
        Conflict: a port is taken.
        AirlockError: something that the settings name is not there.
    """
    logs.set_up(settings.log_level, log)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, role, ready))


async def _run(settings: Settings, role: RunAs, ready: Callable[[], None]) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    await serve(settings, role, stop, ready)


async def serve(settings: Settings, role: RunAs, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Run in an event loop that is there already, until `stop` is set.

    Raises:
        Conflict: a port is taken.
        AirlockError: something that the settings name is not there.
    """
    sockets = {door: bound(settings.door(door)) for door in _DOORS[role]}
    parts = open_parts(settings, role)
    servers = {door: _Server(_configured(_app(parts, door), settings.door(door))) for door in _DOORS[role]}
    tasks = [asyncio.create_task(server.serve([sockets[door]])) for door, server in servers.items()]
    if role in {RunAs.WORKER, RunAs.BOTH}:
        tasks.append(asyncio.create_task(_work(parts, stop)))
    try:
        await _started(servers.values(), tasks)
        # What is there now stays for good; without this, each full collection would look through all of it again.
        gc.freeze()
        gc.enable()
        ready()
        await _until(stop, tasks)
    finally:
        await _ended(stop, servers.values(), tasks)
        await parts.close()


def _app(parts: Opened, door: Door) -> FastAPI:
    return apps.outside(parts.outside()) if door is Door.OUTSIDE else apps.inside(parts.inside())


def _configured(app: FastAPI, place: DoorPlace) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHttp,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(place.proxies),
        forwarded_allow_ips=sorted(place.proxies),
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=15,
        backlog=_BACKLOG,
        ssl_certfile=place.certificate,
        ssl_keyfile=place.key,
    )


def bound(place: DoorPlace) -> socket.socket:
    """Return a socket at a door's place.

    Raises:
        Conflict: somebody else has the port.
    """
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # Named by its protocol, as asyncio switches Nagle's algorithm off for no other: each answer would wait 40 ms.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((place.host, place.port))
    except OSError as error:
        found.close()
        if error.errno in _TAKEN:
            remedy = "End what uses it, or take another port."
            raise Conflict(f"port {place.port} is taken", remedy, f"{place.host}:{place.port}") from None
        raise Unavailable(f"cannot listen: {error.strerror}", "", f"{place.host}:{place.port}") from None
    found.setblocking(False)
    return found


async def _work(parts: Opened, stop: asyncio.Event) -> None:
    worker = parts.worker()
    await worker.publish()
    await worker.run(stop)


async def _started(servers: Any, tasks: list[asyncio.Task[None]]) -> None:
    while not all(server.started for server in servers):
        if failed := [task for task in tasks if task.done()]:
            failed[0].result()
        await asyncio.sleep(0.01)


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the signal; a part that ends before it has failed, and takes the process with it."""
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done - {waiting}:
        task.result()


async def _ended(stop: asyncio.Event, servers: Any, tasks: list[asyncio.Task[None]]) -> None:
    stop.set()
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*tasks, return_exceptions=True)
