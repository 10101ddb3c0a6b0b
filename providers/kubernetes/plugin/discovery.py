"""Which kinds the API server has, and the path of each; cached for every engine that uses the server."""

import threading
import time
from dataclasses import dataclass
from http import HTTPStatus

from providers.kubernetes.plugin.client import Client
from providers.kubernetes.plugin.errors import ApiError, NoSuchKind
from providers.kubernetes.plugin.naming import Kind
from providers.kubernetes.plugin.values import Object

_FRESH_SECONDS = 1.0
"""How long "no such kind" is believed before the server is asked again: definitions appear during a deployment."""


@dataclass(frozen=True)
class Served:
    """One kind as the server serves it."""

    plural: str
    namespaced: bool


class Discovery:
    """Looks kinds up, one request for each API version."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._versions: dict[str, dict[str, Served]] = {}
        self._asked: dict[str, float] = {}
        self._lock = threading.Lock()

    def served(self, kind: Kind) -> Served:
        """How `kind` is served. Raises NoSuchKind when it is not."""
        found = self._versions.get(kind.api_version, {}).get(kind.kind)
        if found is None:
            found = self._asked_again(kind)
        if found is None:
            raise NoSuchKind(
                f"The API server at {self._client.server} has no {kind}. If a custom resource definition makes it, "
                "let this resource depend on that definition; else check apiVersion and kind."
            )
        return found

    def knows(self, kind: Kind) -> bool:
        """Whether the server serves `kind`."""
        try:
            self.served(kind)
        except NoSuchKind:
            return False
        return True

    def forget(self) -> None:
        """Ask the server again at the next look-up: a definition has come or gone."""
        with self._lock:
            self._versions.clear()
            self._asked.clear()

    def _asked_again(self, kind: Kind) -> Served | None:
        with self._lock:
            version = kind.api_version
            found = self._versions.get(version, {}).get(kind.kind)
            if (
                found is None
                and time.monotonic() - self._asked.get(version, -_FRESH_SECONDS) >= _FRESH_SECONDS
            ):
                self._versions[version] = self._fetched(version)
                self._asked[version] = time.monotonic()
                found = self._versions[version].get(kind.kind)
            return found

    def _fetched(self, api_version: str) -> dict[str, Served]:
        try:
            answer = self._client.request("GET", root(api_version))
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return {}
            raise
        entries: list[Object] = answer.get("resources") or []
        # A name with a slash is a subresource, such as deployments/scale.
        return {e["kind"]: Served(e["name"], bool(e["namespaced"])) for e in entries if "/" not in e["name"]}


def root(api_version: str) -> str:
    """The path under which an API version's objects live."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
