"""People and projects as listed: who is not in the list has nothing."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from portal.database.migrating import upgrade
from portal.database.opening import Database
from portal.database.tables import ProjectRow
from portal.domain.clock import now
from portal.domain.errors import Invalid
from portal.domain.policy import Project
from portal.registrar import first, listing
from portal.registrar.first import Start
from portal.registrar.keeping import Keeper, keep_projects
from portal.registrar.listing import Listing, Named, Scope
from portal.registrar.realm import Realm

TODAY = datetime.date(2026, 11, 22)
LATER = datetime.date(2027, 11, 22)
ANALYST, CHECKER = "tre:demo:heart:data-analyst", "tre:demo:lung:output-checker"


class FakeRealm:
    """A realm in memory, with the methods that the keeper uses."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.named: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}
        self.ended: list[str] = []

    def groups(self) -> dict[str, str]:
        return dict(self.named)

    def make_group(self, name: str) -> None:
        assert name not in self.named
        self.named[name] = f"id of {name}"

    def users(self) -> dict[str, Mapping[str, Any]]:
        return {name: dict(each) for name, each in self.held.items()}

    def groups_of(self, user: str) -> dict[str, str]:
        return {name: self.named[name] for name in self.members.get(user, set())}

    def make_user(self, document: Mapping[str, Any]) -> None:
        name = str(document["username"])
        self.held[name] = {**document, "id": name}

    def change_user(self, user: str, document: Mapping[str, Any]) -> None:
        self.held[user] = dict(document)

    def join(self, user: str, group: str) -> None:
        self.members.setdefault(user, set()).add(group.removeprefix("id of "))

    def leave(self, user: str, group: str) -> None:
        self.members[user].remove(group.removeprefix("id of "))

    def sign_out(self, user: str) -> None:
        self.ended.append(user)


def _listing(*people: Named, project: Project | None = None) -> Listing:
    return Listing(scopes=(Scope(project=project, people=people),))


def _ada(*groups: str, until: datetime.date = LATER) -> Named:
    return Named(name="ada", email="ada@example.org", full_name="Ada Analyst", groups=groups, expires=until)


@pytest.fixture
def realm() -> FakeRealm:
    return FakeRealm()


def _keeper(realm: FakeRealm, start: Start = Start.READY) -> Keeper:
    return Keeper(cast("Realm", realm), "demo", "k" * 64, start)


def test_a_listed_person_gets_an_account_with_their_groups_once(realm: FakeRealm) -> None:
    keeper, told = _keeper(realm), _listing(_ada(ANALYST))
    assert keeper.keep(told, TODAY)
    assert realm.members["ada"] == {ANALYST}
    assert realm.held["ada"]["enabled"]
    assert realm.held["ada"]["attributes"] == {"expires": ["2027-11-22"]}
    assert keeper.keep(told, TODAY) == 0


def test_who_is_no_longer_listed_loses_every_group_and_session(realm: FakeRealm) -> None:
    keeper = _keeper(realm)
    keeper.keep(_listing(_ada(ANALYST)), TODAY)
    keeper.keep(_listing(), TODAY)
    assert realm.members["ada"] == set()
    assert not realm.held["ada"]["enabled"]
    assert "ada" in realm.ended


def test_a_day_that_is_past_takes_what_it_gave(realm: FakeRealm) -> None:
    keeper = _keeper(realm)
    told = Listing(
        scopes=(Scope(people=(_ada(ANALYST, until=TODAY),)), Scope(people=(_ada(CHECKER, until=LATER),)))
    )
    keeper.keep(told, TODAY)
    assert realm.members["ada"] == {ANALYST, CHECKER}
    keeper.keep(told, TODAY + datetime.timedelta(days=1))
    assert realm.members["ada"] == {CHECKER} and realm.held["ada"]["enabled"]
    keeper.keep(told, LATER + datetime.timedelta(days=1))
    assert realm.members["ada"] == set() and not realm.held["ada"]["enabled"]


def test_a_group_given_by_hand_is_taken_away_and_foreign_ones_are_left(realm: FakeRealm) -> None:
    keeper, told = _keeper(realm), _listing(_ada(ANALYST))
    keeper.keep(told, TODAY)
    for group in (CHECKER, "others"):
        realm.make_group(group)
        realm.join("ada", group)
    keeper.keep(told, TODAY)
    assert realm.members["ada"] == {ANALYST, "others"}


def test_a_new_person_chooses_password_and_second_factor_unless_it_is_a_demonstration(
    realm: FakeRealm,
) -> None:
    _keeper(realm, Start.CHANGED).keep(_listing(_ada(ANALYST)), TODAY)
    made = realm.held["ada"]
    assert made["requiredActions"] == ["UPDATE_PASSWORD", "CONFIGURE_TOTP"]
    assert [each["temporary"] for each in made["credentials"]] == [True]
    ready = FakeRealm()
    _keeper(ready).keep(_listing(_ada(ANALYST)), TODAY)
    assert [each["type"] for each in ready.held["ada"]["credentials"]] == ["password", "otp"]


def test_first_secrets_are_each_person_s_own() -> None:
    given = {first.password("k", "ada"), first.password("k", "grace"), first.password("l", "ada")}
    given |= {first.code_secret("k", "ada"), first.code_secret("k", "grace")}
    assert len(given) == 5


def test_projects_are_written_and_end_with_their_listing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'airlock.db'}"
    upgrade(url)
    database = Database.open(url)
    heart = Project(name="heart", tier=2, reviewers=1, expires=LATER)
    keep_projects(database, now, _listing(project=heart))
    with database.reading() as session:
        assert session.get_one(ProjectRow, "heart").document["tier"] == 2
    keep_projects(database, now, _listing())
    with database.reading() as session:
        assert session.get_one(ProjectRow, "heart").ended
    database.close()


def test_no_list_is_no_reason_to_end_anything_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "scopes.json"
    assert listing.read(file) is None
    file.write_text('{"scopes": [{"people": [{"name": "ada"}]}]}')
    with pytest.raises(Invalid):
        listing.read(file)
