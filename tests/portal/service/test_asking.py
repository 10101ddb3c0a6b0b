"""Asking: repeats that change nothing, names in any script, broken uploads, limits, and ten thousand files."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import event, update

from portal.database.opening import Database
from portal.database.tables import FileRow
from portal.domain.errors import AirlockError, Conflict, Invalid, NotFound, Refused, TooLarge
from portal.domain.policy import Limits
from portal.domain.states import Direction, State
from portal.service import NewFile, WrongOffset
from portal.store import Area
from tests.portal.conftest import MovableClock
from tests.portal.service.site import (
    AMIR,
    ANN,
    CARL,
    PROJECT,
    STEF,
    Site,
    inside,
    new,
    person,
    policy,
    run,
    stream,
)

NAMES = {
    "latin": "résultats/modèle.csv",
    "han": "结果/表格一.csv",
    "arabic": "نتائج/جدول.csv",
    "hebrew": "תוצאות.csv",
    "devanagari": "परिणाम/तालिका.csv",
    "persian": "می‌خواهم.csv",
    "emoji": "👩‍🔬/🧪.csv",
    "greek": "Αποτελέσματα/ς.csv",
    "quotes": 'it\'s "quoted" & <b>bold</b> {{7*7}}.csv',
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_names_of_any_script_come_back_as_they_are(any_site: Site, name: str) -> None:
    detail = any_site.released({name: name.encode()})
    assert [file.path for file in detail.files] == [name]
    assert any_site.fetch(detail.request.id, detail.files[0].id) == name.encode()


def test_a_repeated_beginning_is_one_request(any_site: Site) -> None:
    door, ann = any_site.inside, inside(ANN)

    def begin(_: int) -> str:
        return door.create(ann, PROJECT, Direction.OUTPUT, "t", "p", "key-1").id

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(begin, range(6)))) == 1
    with pytest.raises(Conflict, match="another request"):
        door.create(ann, PROJECT, Direction.OUTPUT, "other", "p", "key-1")
    assert door.create(inside(AMIR), PROJECT, Direction.OUTPUT, "t", "p", "key-1").id != begin(0)


def test_a_repeated_announcement_is_one_file(site: Site) -> None:
    request, ann = site.draft(), inside(ANN)
    first = site.inside.add_file(ann, request.id, "a.csv", 3)
    assert site.inside.add_file(ann, request.id, "a.csv", 3) == first
    for path, size in (("a.csv", 4), ("A.CSV", 3), ("\uff41.csv", 3)):
        with pytest.raises(Conflict):
            site.inside.add_file(ann, request.id, path, size)
    assert site.show(request.id).request.files == 1
    site.inside.remove_file(ann, request.id, first.id)
    site.inside.remove_file(ann, request.id, first.id)
    assert site.show(request.id).request.files == 0


def test_an_upload_goes_on_where_it_stands(any_site: Site) -> None:
    site, ann = any_site, inside(ANN)
    request = site.draft()
    file = site.inside.add_file(ann, request.id, "a.csv", 6)

    def send(offset: int, content: bytes, last: bool = False, sha256: str | None = None) -> object:
        return run(
            site.inside.upload(ann, request.id, file.id, offset, stream(content), last=last, sha256=sha256)
        )

    send(0, b"abc", sha256=hashlib.sha256(b"abc").hexdigest())
    with pytest.raises(WrongOffset) as wrong:
        send(0, b"abc")
    assert wrong.value.document()["offset"] == "3"
    with pytest.raises(Invalid, match="SHA-256"):
        send(3, b"xyz", sha256="0" * 64)
    with pytest.raises(TooLarge):
        send(3, b"defg", last=True)
    with pytest.raises(Invalid, match="announced"):
        send(3, b"de", last=True)
    send(3, b"def", last=True)
    with pytest.raises(WrongOffset, match="complete"):
        send(6, b"")
    site.inside.submit(ann, request.id)
    site.work()
    detail = site.show(request.id)
    assert detail.request.state is State.IN_REVIEW
    assert detail.files[0].sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert site.stored(Area.OUTPUT_UPLOADS) == []


def test_two_who_send_the_same_part_at_once_do_not_mix(any_site: Site) -> None:
    site, ann = any_site, inside(ANN)
    request = site.draft()
    file = site.inside.add_file(ann, request.id, "a.csv")

    def send(content: bytes) -> bool:
        try:
            run(site.inside.upload(ann, request.id, file.id, 0, stream(content), last=True))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(send, [f"{n}\n".encode() * 1000 for n in range(4)])) == 1
    site.inside.submit(ann, request.id)
    site.work()
    assert site.state(request.id) is State.IN_REVIEW


def test_an_empty_file_is_a_file(site: Site) -> None:
    detail = site.released({"empty.csv": b""})
    assert site.fetch(detail.request.id, detail.files[0].id) == b""


def test_a_version_that_is_no_longer_is_refused(site: Site) -> None:
    request, ann = site.draft(), inside(ANN)
    site.put(request, "a.csv", b"1")
    version = site.show(request.id).request.version
    site.put(request, "b.csv", b"2")
    with pytest.raises(Conflict, match="changed"):
        site.inside.submit(ann, request.id, version)
    site.inside.submit(ann, request.id, site.show(request.id).request.version)
    assert site.inside.submit(ann, request.id).state is State.SUBMITTED


def test_limits_hold(site: Site) -> None:
    limits = Limits(files=2, file_bytes=10, request_bytes=15, open_requests=2)
    site.outside.register_project(policy(limits=limits))
    request, ann = site.draft(), inside(ANN)
    with pytest.raises(TooLarge):
        site.inside.add_files(ann, request.id, new("a", "b", "c"))
    with pytest.raises(TooLarge):
        site.inside.add_file(ann, request.id, "a", 11)
    site.put(request, "a", b"1" * 10)
    with pytest.raises(TooLarge):
        site.put(request, "b", b"1" * 6)
    site.draft()
    with pytest.raises(Conflict, match="2 of your requests"):
        site.draft()


def test_an_ended_project_takes_no_new_request_and_lets_the_old_ones_end(site: Site) -> None:
    detail = site.in_review()
    site.outside.end_project(PROJECT)
    with pytest.raises(Refused, match="ended"):
        site.draft()
    assert site.outside.projects(STEF)[0].may_ask == frozenset()
    site.decide(CARL, detail.request.id)
    site.work()
    assert site.state(detail.request.id) is State.RELEASED


@pytest.mark.parametrize(
    "text",
    ["", "x" * 301, "nul\x00", "half \ud800", "line\nbreak"],
    ids=["empty", "long", "nul", "half", "lines"],
)
def test_titles_that_nothing_could_hold_are_refused(any_site: Site, text: str) -> None:
    with pytest.raises(Invalid):
        any_site.inside.create(inside(ANN), PROJECT, Direction.OUTPUT, text)


@pytest.mark.parametrize(
    "identifier",
    ["", "x", "\x00", "' OR 1=1", "\ud800", "0" * 5000],
    ids=["empty", "short", "nul", "quote", "half", "long"],
)
def test_identifiers_that_are_none_are_not_found(any_site: Site, identifier: str) -> None:
    with pytest.raises(NotFound):
        any_site.outside.request(STEF, identifier)
    with pytest.raises(AirlockError):
        any_site.outside.people(STEF, identifier)
    with pytest.raises(AirlockError):
        run(any_site.outside.fetch(STEF, identifier))


def test_ten_thousand_files_in_few_statements(any_site: Site) -> None:
    """Their number costs rows, never statements of their own."""
    site, ann = any_site, inside(ANN)
    count = 10_000 if site.database.is_sqlite else 1_000  # once is enough for what the files themselves cost
    site.outside.register_project(policy(limits=Limits(files=count)))
    request = site.draft()
    statements = 0

    def counted(*_: object) -> None:
        nonlocal statements
        statements += 1

    event.listen(site.database.engine, "before_cursor_execute", counted)
    site.inside.add_files(ann, request.id, [NewFile(f"d{n % 100}/{n}.csv") for n in range(count)])
    with pytest.raises(TooLarge):
        site.inside.add_file(ann, request.id, "one-more.csv")
    with site.database.writing() as session:  # as 10,000 uploads would leave them
        session.execute(update(FileRow).values(complete=True))
    site.inside.submit(ann, request.id)
    site.work()
    detail = site.show(request.id)
    assert (detail.request.state, len(detail.files)) == (State.IN_REVIEW, count)
    site.inside.request(ann, request.id)
    assert statements < 250


def test_the_inside_door_cannot_read_what_it_sent(site: Site) -> None:
    request = site.submitted()
    with pytest.raises(Refused):
        run(site.inside.parts.areas.digest(Area.OUTPUT_UPLOADS, [f"{request.id}/x"]))
    with pytest.raises(Refused):
        run(site.inside.parts.areas.digest(Area.HELD, [f"{request.id}/x"]))


def test_fifty_people_send_at_once(postgres_url: str, tmp_path: Path, clock: MovableClock) -> None:
    database = Database.open(postgres_url)
    site = Site.open(database, tmp_path, clock)

    def send(number: int) -> State:
        who = person(f"analyst-{number}", *(grant.role for grant in ANN.grants))
        return site.submitted({"a.csv": bytes([number]) * 10_000}, who).state

    with ThreadPoolExecutor(50) as threads:
        assert set(threads.map(send, range(50))) == {State.SUBMITTED}
    database.close()
