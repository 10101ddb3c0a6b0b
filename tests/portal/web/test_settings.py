"""Settings: what a file may say, and that no secret is ever told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from portal import __main__ as command
from portal.database.opening import Database
from portal.database.tables import ProjectRow
from portal.domain.errors import AirlockError, Conflict, Invalid, TooMany
from portal.embedded import Laptop
from portal.serving import bound
from portal.settings import VARIABLE, AreaPlace, DatabasePlace, DoorPlace, Rate, RunAs, Settings, read
from portal.store import Area, Mode
from portal.web.rates import Buckets, network, refuse
from tests.ports import free_port


@pytest.fixture
def laptop(tmp_path: Path) -> Settings:
    """Give a laptop's settings, without its accounts."""
    return Laptop(tmp_path / "laptop", free_port()).settings()


def _file(folder: Path, settings: Settings, **changed: Any) -> Path:
    file = folder / "settings.json"
    file.write_text(json.dumps({**settings.model_dump(mode="json"), **changed}))
    return file


def test_what_is_written_is_read_again(tmp_path: Path, laptop: Settings) -> None:
    assert read(_file(tmp_path, laptop)) == laptop


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"site": "No Site"}, "site"),
        ({"unknown": 1}, "unknown"),
        ({"database": {"url": "postgresql+psycopg://u:hunter2@h/d"}}, "database.url"),
        ({"scanner": "clamd"}, "scanner"),
        ({"outside": {"address": "https://x.example/path"}}, "outside.address"),
        ({"outside": {"address": "x.example"}}, "outside.address"),
        ({"areas": {"cellar": {"address": "file:///x"}}}, "areas"),
        ({"log_level": "hunter2"}, "log_level"),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(
    tmp_path: Path, laptop: Settings, changed: dict[str, Any], where: str
) -> None:
    with pytest.raises(Invalid) as caught:
        read(_file(tmp_path, laptop, **changed))
    assert where in caught.value.what
    assert "hunter2" not in str(caught.value.document())


@pytest.mark.parametrize("text", ["{", "[1", "- a\nb: c", ""])
def test_a_file_that_is_no_settings_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(Invalid):
        read(tmp_path / "s.yaml")


def test_a_password_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/word\n")
    file.chmod(0o600)
    place = DatabasePlace(
        url="postgresql+psycopg://u@h:5432/d", password_file=file, ca_file=tmp_path / "ca.pem"
    )
    assert place.address().startswith(
        "postgresql+psycopg://u:p%40ss%2Fword@h:5432/d?sslmode=verify-full&sslrootcert="
    )
    file.chmod(0o644)
    with pytest.raises(AirlockError):
        place.address()


@pytest.mark.parametrize(
    ("role", "area", "wanted", "mode"),
    [
        (RunAs.INSIDE, Area.OUTPUT_UPLOADS, None, Mode.WRITE),
        (RunAs.INSIDE, Area.OUTPUT_UPLOADS, Mode.BOTH, Mode.WRITE),
        (RunAs.INSIDE, Area.OUTPUT_UPLOADS, Mode.READ, None),
        (RunAs.INSIDE, Area.HELD, Mode.BOTH, None),
        (RunAs.OUTSIDE, Area.HELD, None, Mode.READ),
        (RunAs.OUTSIDE, Area.RELEASED_INPUTS, Mode.BOTH, None),
        (RunAs.WORKER, Area.HELD, None, Mode.BOTH),
        (RunAs.WORKER, Area.HELD, Mode.READ, Mode.READ),
    ],
)
def test_a_role_never_gets_more_than_its_own(
    laptop: Settings, role: RunAs, area: Area, wanted: Mode | None, mode: Mode | None
) -> None:
    settings = laptop.model_copy(update={"areas": {area: AreaPlace(address="memory:///", mode=wanted)}})
    found = settings.places(role).get(area)
    assert (found.mode if found and found.mode is not Mode.NONE else None) == mode


def test_a_door_answers_under_its_own_names_alone() -> None:
    place = DoorPlace(address="https://Airlock.example.org:8443/", hosts=frozenset({"Alias.example"}))
    assert place.names() == {"airlock.example.org:8443", "alias.example"}
    assert place.secure


def test_a_taken_port_is_told() -> None:
    place = DoorPlace(address="http://127.0.0.1", port=free_port())
    with bound(place) as first:
        first.listen()
        with pytest.raises(Conflict, match="taken"):
            bound(place)


def test_migrate_register_and_check_run_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Laptop(tmp_path / "laptop", free_port()).prepared()
    projects = tmp_path / "projects.json"
    projects.write_text(json.dumps([project.model_dump(mode="json") for project in settings.projects]))
    plain = settings.model_copy(update={"migrate": False, "projects": (), "projects_file": projects})
    monkeypatch.setenv(VARIABLE, str(_file(tmp_path, plain)))
    for each in ("migrate", "register", "check"):
        assert command.main([each]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["what"] for line in lines] == ["migrated", "registered", "checked"]
    assert (lines[1]["projects"], lines[2]["database"]) == (2, "ok")
    projects.write_text("[]")
    assert command.main(["register"]) == 0
    database = Database.open(settings.database.address())
    with database.reading() as session:
        assert set(session.scalars(select(ProjectRow.ended))) == {True}
    database.close()
    gone = settings.model_copy(update={"scanner": "tcp:127.0.0.1:1", "migrate": False})
    monkeypatch.setenv(VARIABLE, str(_file(tmp_path, gone)))
    assert command.main(["check"]) == 1


def test_without_settings_nothing_runs(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert command.main(["outside"]) == 1
    assert VARIABLE in capfd.readouterr().err


def test_a_bucket_empties_and_fills() -> None:
    moment = [0.0]
    buckets = Buckets(Rate(burst=2, each_second=0.5), lambda: moment[0])
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 2]
    assert buckets.take("b") == 0
    moment[0] = 2.0
    assert [buckets.take("a") for _ in range(2)] == [0, 2]
    with pytest.raises(TooMany, match="often"):
        refuse(buckets, "a")


def test_many_callers_do_not_fill_the_memory() -> None:
    buckets = Buckets(Rate(burst=1, each_second=0.001), lambda: 0.0)
    for number in range(25_000):
        buckets.take(str(number))
    assert buckets.known == 20_000
    assert buckets.take("24999") > 0


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_network_counts_as_one_caller(address: str, counted: str) -> None:
    assert network(address) == counted


def test_migrate_gives_each_part_of_a_real_database_its_rights(
    tmp_path: Path, laptop: Settings, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    projects = tmp_path / "projects.json"
    projects.write_text(json.dumps([project.model_dump(mode="json") for project in laptop.projects]))
    changed = {"database": {"url": postgres_url}, "projects_file": str(projects)}
    monkeypatch.setenv(VARIABLE, str(_file(tmp_path, laptop, **changed)))
    assert [command.main([each]) for each in ("migrate", "migrate", "register")] == [0, 0, 0]
    database = Database.open(postgres_url)
    with database.reading() as session:
        may = "SELECT has_table_privilege(:role, 'decisions', 'INSERT')"
        found = {role: session.scalar(text(may), {"role": role}) for role in ("inside", "outside", "worker")}
        assert found == {"inside": False, "outside": True, "worker": False}
        assert set(session.scalars(select(ProjectRow.name))) == {"demo", "guarded"}
    database.close()
