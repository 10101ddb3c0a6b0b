"""One request's whole life as a client and a worker see it, written so that it can be gone on with from anywhere."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.orm import Session

from portal.database.opening import Database
from portal.database.tables import DecisionRow, EventRow, RecordRow, RequestRow
from portal.domain.people import Person
from portal.domain.states import TRANSITIONS, Direction, State, Step
from portal.record.exporting import export
from portal.record.verifying import verify
from portal.service.views import FileView, RequestDetail, RequestView
from portal.store import Area, Areas
from tests.portal.crash.moments import Moments
from tests.portal.service import site as people
from tests.portal.service.site import PROJECT, Site, inside, places, policy, stream

FILES = {"a/table.csv": (b"a,b\n1", b"00,200\n"), "läs.txt": (b"Hj", b"\xc3\xa4rta")}
"""Two files, each sent in two parts."""
START = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)
LATER = datetime.timedelta(minutes=5)
"""After this, what a dead worker held is anybody's."""


_ENGINES: dict[str, Engine] = {}
"""Of each address; it knows its statements by heart after the first journey, and so do children forked after that."""


def let_go() -> None:
    """Close every connection, so that a child inherits none."""
    for engine in _ENGINES.values():
        engine.dispose()


class DyingDatabase(Database):
    """A database whose process may die before and after each commit."""

    moments: Moments

    @classmethod
    def of(cls, url: str, moments: Moments) -> DyingDatabase:
        """Return an open one."""
        if url not in _ENGINES:
            _ENGINES[url] = Database.open(url).engine
        found = cls(_ENGINES[url])
        found.moments = moments

        def before(_connection: Connection) -> None:
            moments.pass_by("before a commit")

        event.listen(found.engine, "commit", before)
        return found

    @contextlib.contextmanager
    def writing(self) -> Generator[Session]:
        """Give a session; die after its commit, if this is the moment."""
        with super().writing() as session:
            yield session
        self.moments.pass_by("after a commit")


@dataclasses.dataclass
class Journey:
    """One request in one direction, and the folder of whoever fetches its files."""

    direction: Direction
    folder: Path
    site: Site
    moments: Moments

    @classmethod
    def open(cls, url: str, folder: Path, direction: Direction, moments: Moments, turn: int) -> Journey:
        """Return the journey as it stands, some minutes later with each turn."""
        database = DyingDatabase.of(url, moments)
        areas = Areas.open(places(folder / "areas"), fsync=False)
        moment = START + turn * LATER
        site = Site(database, areas, lambda: moment, folder / "areas")
        site.outside.register_project(policy())
        (folder / "got").mkdir(exist_ok=True)
        return cls(direction, folder, site, moments)

    @property
    def asker(self) -> Person:
        """Whoever asks."""
        return inside(people.ANN) if self.direction is Direction.OUTPUT else people.STEF

    @property
    def fetcher(self) -> Person:
        """Whoever picks up."""
        return people.ANN if self.direction is Direction.OUTPUT else inside(people.ANN)

    @property
    def released(self) -> Area:
        """Where the released files stand."""
        return Area.RELEASED_OUTPUTS if self.direction is Direction.OUTPUT else Area.RELEASED_INPUTS

    def go(self) -> None:
        """Take the request from wherever it stands to its end."""
        request = self._handed_in()
        self.site.work()
        if self.site.state(request.id) is State.IN_REVIEW:
            self.site.decide(people.CARL, request.id)
        self.site.work()
        for file in self.site.show(request.id).files:
            self._pick_up(request.id, file)

    def _handed_in(self) -> RequestView:
        door = self.site.door(self.direction)
        request = door.create(self.asker, PROJECT, self.direction, "A journey", idempotency_key="journey")
        if request.state is not State.DRAFT:
            return request
        for path, parts in FILES.items():
            self._sent(request, path, parts)
        return door.submit(self.asker, request.id)

    def _sent(self, request: RequestView, path: str, parts: tuple[bytes, ...]) -> None:
        door, whole = self.site.door(self.direction), b"".join(parts)
        file = door.add_file(self.asker, request.id, path, len(whole))
        while not file.complete:
            rest = whole[file.size :][: len(parts[0])] if file.size < len(parts[0]) else whole[file.size :]
            last = file.size + len(rest) == len(whole)
            sent = self._flowing(rest)
            file = people.run(door.upload(self.asker, request.id, file.id, file.size, sent, last=last))

    async def _flowing(self, content: bytes) -> AsyncGenerator[bytes]:
        async for chunk in stream(content[:1], content[1:]):
            yield chunk
            self.moments.pass_by("in the middle of a stream")

    def _pick_up(self, request_id: str, file: FileView) -> None:
        if file.id in {receipt.file_id for receipt in self.site.show(request_id).receipts}:
            return
        door = self.site.outside if self.direction is Direction.OUTPUT else self.site.inside
        token = door.link(self.fetcher, request_id, file.id).token

        async def fetch() -> None:
            with (self.folder / "got" / file.id).open("wb", buffering=0) as got:
                async for chunk in (await door.fetch(self.fetcher, token))[1]:
                    got.write(chunk)
                    self.moments.pass_by("in the middle of a fetch")

        people.run(fetch())

    def after_a_crash(self) -> None:
        """Check what must hold at any moment, however the last process died."""
        with self.site.database.reading() as session:
            rows = list(session.scalars(select(RequestRow)))
            decided = session.scalar(select(func.count()).select_from(DecisionRow))
        assert len(rows) <= 1, "one key began two requests"
        for row in rows:
            state = State(row.state)
            out = state in {State.RELEASING, State.RELEASED}
            assert out or not self.site.stored(self.released), f"files stand released in {state}"
            assert decided == 1 or state not in {State.APPROVED, State.RELEASING, State.RELEASED}

    def at_the_end(self) -> None:
        """Check that the request came to its end as if nothing had happened."""
        with self.site.database.reading() as session:
            (row,) = session.scalars(select(RequestRow))
            assert session.scalar(select(func.count()).select_from(RecordRow)) == 1
            _legal(list(session.execute(select(EventRow.action, EventRow.body).order_by(EventRow.seq))))
            assert verify(list(export(session))).problems == ()
        detail = self.site.show(row.id)
        assert detail.request.state is State.RELEASED
        assert detail.approvals_had == 1
        self._nothing_lost(detail)
        self._nothing_left()

    def _nothing_lost(self, detail: RequestDetail) -> None:
        whole = {path: b"".join(parts) for path, parts in FILES.items()}
        area = self.folder / "areas" / self.released.value
        assert {f.path: (area / f.request_id / f.id).read_bytes() for f in detail.files} == whole
        assert {f.path: (self.folder / "got" / f.id).read_bytes() for f in detail.files} == whole
        assert sorted(receipt.path for receipt in detail.receipts) == sorted(whole)

    def _nothing_left(self) -> None:
        """A crash leaves at most what was being written side by side, and sweeping leaves none."""
        kept = {Area.HELD: 2 * len(FILES), self.released: len(FILES)}
        wanted = {area: kept.get(area, 0) for area in Area}
        strays = sum(len(self.site.stored(area)) for area in Area) - sum(wanted.values())
        assert 0 <= strays <= len(FILES), f"{strays} strays"
        for area in Area:
            people.run(self.site.areas.sweep(area, datetime.timedelta(seconds=-60)))
        assert {area: len(self.site.stored(area)) for area in Area} == wanted


def _legal(events: list[tuple[str, str]]) -> None:
    """Check that each state came from the one before it by a step that the table knows, and each once."""
    state, seen = State.DRAFT, [str(State.DRAFT)]
    for action, body in events:
        detail = json.loads(body)["detail"]
        if "before" not in detail:
            continue
        assert detail["before"] == state, f"{action} came from {detail['before']}, not {state}"
        state = TRANSITIONS[state, Step(action)]
        assert detail["after"] == state
        seen.append(str(state))
    assert len(seen) == len(set(seen)), f"a step was taken twice: {seen}"
