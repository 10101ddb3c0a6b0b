"""Makes the database and the realm agree with the list. Every step may be done again."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.database.opening import Database
from portal.database.tables import ProjectRow
from portal.domain.clock import Clock
from portal.registrar import first
from portal.registrar.first import Start
from portal.registrar.listing import Account, Listing, accounts
from portal.registrar.realm import Realm
from portal.service.projects import end_project, register_project

_DIGITS: Final = 6
_PERIOD: Final = 30


def keep_projects(database: Database, clock: Clock, listing: Listing) -> None:
    """Write each project's policy, and end those that are no longer listed."""
    listed = listing.projects()

    def written(session: Session) -> None:
        for project in listed.values():
            register_project(session, clock, project)
        for name in session.scalars(select(ProjectRow.name).where(ProjectRow.ended.is_(False))):
            if name not in listed:
                end_project(session, clock, name)

    database.write(written)


@dataclass(frozen=True)
class Keeper:
    """Keeps one site's people in its realm. `key` is what first passwords follow from."""

    realm: Realm
    site: str
    key: str
    start: Start

    def keep(self, listing: Listing, today: datetime.date) -> int:
        """Make the realm's people agree with the list, and return how many accounts were changed."""
        wanted = accounts(listing, today)
        self._keep_groups(wanted)
        groups, users = self.realm.groups(), self.realm.users()
        for name in sorted(wanted.keys() - users.keys()):
            self.realm.make_user(self._new(wanted[name]))
        made = len(wanted.keys() - users.keys())
        users = self.realm.users() if made else users
        return made + sum(
            self._agree(user, wanted.get(name), today, groups) for name, user in sorted(users.items())
        )

    def _keep_groups(self, wanted: Mapping[str, Account]) -> None:
        there = self.realm.groups().keys()
        for name in sorted({group for each in wanted.values() for group in each.groups} - there):
            self.realm.make_group(name)

    def _agree(
        self,
        user: Mapping[str, Any],
        account: Account | None,
        today: datetime.date,
        groups: Mapping[str, str],
    ) -> bool:
        """Bring one account in line, rights first, and return whether anything had to be changed."""
        identifier = str(user["id"])
        mine = {name: at for name, at in self.realm.groups_of(identifier).items() if self._ours(name)}
        wanted = account.groups if account else frozenset[str]()
        for name in sorted(mine.keys() - wanted):
            self.realm.leave(identifier, mine[name])
        for name in sorted(wanted - mine.keys()):
            self.realm.join(identifier, groups[name])
        document = _document(account, today) if account else {"enabled": False}
        differs = any(user.get(key) != value for key, value in document.items())
        if differs:
            self.realm.change_user(identifier, {**user, **document})
        if mine.keys() - wanted or (differs and not document["enabled"]):
            self.realm.sign_out(identifier)
        return differs or mine.keys() != wanted

    def _ours(self, group: str) -> bool:
        return group.startswith(f"tre:{self.site}:")

    def _new(self, account: Account) -> dict[str, Any]:
        """Return a new account, which has no group yet and opens nothing."""
        given = {
            "type": "password",
            "value": first.password(self.key, account.name),
            "temporary": self.start is Start.CHANGED,
        }
        base: dict[str, Any] = {
            "username": account.name,
            "enabled": False,
            "email": account.email,
            **_names(account),
            "credentials": [given],
        }
        if self.start is Start.CHANGED:
            return {**base, "requiredActions": ["UPDATE_PASSWORD", "CONFIGURE_TOTP"]}
        return {**base, "credentials": [given, _code(first.code_secret(self.key, account.name))]}


def _document(account: Account, today: datetime.date) -> dict[str, Any]:
    return {
        "enabled": bool(account.groups) and account.last_day >= today,
        "email": account.email,
        **_names(account),
        "attributes": {"expires": [account.last_day.isoformat()]},
    }


def _names(account: Account) -> dict[str, str]:
    given, _, family = account.full_name.rpartition(" ")
    names = {"firstName": given, "lastName": family}
    return {key: value for key, value in names.items() if value}


def _code(secret: str) -> dict[str, Any]:
    how = {"subType": "totp", "digits": _DIGITS, "counter": 0, "period": _PERIOD, "algorithm": "HmacSHA1"}
    return {
        "type": "otp",
        "userLabel": "first",
        "secretData": json.dumps({"value": secret}),
        "credentialData": json.dumps(how),
    }
