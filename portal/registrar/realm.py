"""The sign-in service's realm through its administration interface, with the rights of one client of the realm."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from portal.domain.errors import Unavailable

_PATIENCE: Final = 15.0
_PAGE: Final = 100
_UNAUTHORISED: Final = 401
_EARLY: Final = 30
"""Seconds before its end at which a token is replaced."""


@dataclass
class Realm:
    """One realm. Every method raises `Unavailable` where the service does not answer as it should."""

    base: str
    name: str
    client: str
    secret_file: Path
    ca_file: Path | None = None
    _token: str = field(default="", init=False, repr=False)
    _until: float = field(default=0.0, init=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        import ssl

        trust: Any = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else True
        self._http = httpx.Client(timeout=_PATIENCE, verify=trust, headers=dict(self.headers))

    def groups(self) -> dict[str, str]:
        """Return the identifiers of the realm's groups by name."""
        return {str(each["name"]): str(each["id"]) for each in self._pages("groups", {})}

    def make_group(self, name: str) -> None:
        """Make a group."""
        self._ask("POST", "groups", {"name": name})

    def users(self) -> dict[str, Mapping[str, Any]]:
        """Return everybody by sign-in name, service accounts left out."""
        found = self._pages("users", {"briefRepresentation": "false"})
        return {str(each["username"]): each for each in found if not each.get("serviceAccountClientId")}

    def groups_of(self, user: str) -> dict[str, str]:
        """Return the identifiers of a user's groups by name."""
        return {str(each["name"]): str(each["id"]) for each in self._pages(f"users/{user}/groups", {})}

    def make_user(self, document: Mapping[str, Any]) -> None:
        """Make a user."""
        self._ask("POST", "users", document)

    def change_user(self, user: str, document: Mapping[str, Any]) -> None:
        """Change a user."""
        self._ask("PUT", f"users/{user}", document)

    def join(self, user: str, group: str) -> None:
        """Put a user into a group."""
        self._ask("PUT", f"users/{user}/groups/{group}", {})

    def leave(self, user: str, group: str) -> None:
        """Take a user out of a group."""
        self._ask("DELETE", f"users/{user}/groups/{group}")

    def sign_out(self, user: str) -> None:
        """End every session of a user: what rights they had last until then."""
        self._ask("POST", f"users/{user}/logout", {})

    def _pages(self, path: str, asked: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        first = 0
        while True:
            page = self._ask("GET", path, query={**asked, "first": str(first), "max": str(_PAGE)})
            yield from page
            if len(page) < _PAGE:
                return
            first += _PAGE

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        address = f"{self.base}/admin/realms/{self.name}/{path}"
        headers = {"Authorization": f"Bearer {self._signed_in()}"}
        try:
            answer = self._http.request(method, address, json=body, params=query, headers=headers)
        except httpx.HTTPError as error:
            raise Unavailable(f"the sign-in service does not answer ({type(error).__name__})") from None
        if answer.status_code == _UNAUTHORISED:
            self._until = 0.0
        if answer.is_error:
            raise Unavailable(f"the sign-in service answered {answer.status_code} to {method} {_bare(path)}")
        return answer.json() if answer.content else None

    def _signed_in(self) -> str:
        if time.monotonic() < self._until:
            return self._token
        asked = {
            "grant_type": "client_credentials",
            "client_id": self.client,
            "client_secret": self.secret_file.read_text().strip(),
        }
        try:
            answer = self._http.post(
                f"{self.base}/realms/{self.name}/protocol/openid-connect/token", data=asked
            )
            answer.raise_for_status()
            told = answer.json()
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            raise Unavailable(f"the registrar cannot sign in ({type(error).__name__})") from None
        self._token = str(told["access_token"])
        self._until = time.monotonic() + float(told["expires_in"]) - _EARLY
        return self._token


def _bare(path: str) -> str:
    """Return the kind of a path, without anybody's identifier."""
    return path.split("/", 1)[0]
