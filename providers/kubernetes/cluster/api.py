"""A small client of the Kubernetes API, for the cluster's own start and its volumes.

Importing the official client takes 0.9 s and 60 MB in each process; what is needed here is five verbs over TLS,
which urllib3 gives.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import urllib3

Document = Mapping[str, Any]
_TIMEOUT: Final = urllib3.Timeout(connect=2, read=30)
_APPLY: Final = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server refused, or could not be reached (status 0)."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Api:
    """Talks to one API server with one client certificate."""

    def __init__(self, server: str, pki: Path, leaf: str) -> None:
        self._server = server
        self._pool = urllib3.PoolManager(
            ca_certs=str(pki / "cluster-ca.crt"),
            cert_file=str(pki / f"{leaf}.crt"),
            key_file=str(pki / f"{leaf}.key"),
            retries=False,
            timeout=_TIMEOUT,
        )

    def ready(self) -> bool:
        """Tell whether `/readyz` says ok."""
        try:
            return self._request("GET", "/readyz").data == b"ok"
        except ApiError:
            return False

    def get(self, path: str) -> Document | None:
        """Return an object, or None where there is none."""
        try:
            return self._json(self._request("GET", path))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str) -> Sequence[Document]:
        """Return the objects of a list."""
        return cast("Sequence[Document]", self._json(self._request("GET", path)).get("items") or [])

    def apply(self, path: str, document: Document, manager: str = "tre-cluster") -> Document:
        """Make the object at `path` be as `document` says (server-side apply)."""
        query = f"{path}?fieldManager={manager}&force=true"
        return self._json(self._request("PATCH", query, document, _APPLY))

    def create(self, path: str, document: Document) -> Document:
        """Create an object in the collection at `path`."""
        return self._json(self._request("POST", path, document))

    def delete(self, path: str) -> None:
        """Delete the object at `path`, if it is there."""
        try:
            self._request("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise

    def changes(self, path: str, seconds: int) -> Generator[Document]:
        """Yield the watch events of the collection at `path` for at most that long."""
        url = f"{self._server}{path}?watch=true&timeoutSeconds={seconds}"
        timeout = urllib3.Timeout(connect=2, read=seconds + 5)
        answer = self._send("GET", url, preload_content=False, timeout=timeout)
        try:
            yield from _documents(answer)
        finally:
            answer.close()

    def _request(
        self, verb: str, path: str, body: Document | None = None, kind: str = "application/json"
    ) -> urllib3.BaseHTTPResponse:
        content = None if body is None else json.dumps(body).encode()
        return self._send(verb, self._server + path, body=content, headers={"Content-Type": kind})

    def _send(self, verb: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        try:
            answer = self._pool.request(verb, url, **options)
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"{url}: {error}") from error
        if answer.status >= 400:
            raise ApiError(
                answer.status, f"{verb} {url}: {answer.status} {answer.data.decode(errors='replace')}"
            )
        return answer

    @staticmethod
    def _json(answer: urllib3.BaseHTTPResponse) -> Document:
        return cast("Document", json.loads(answer.data))


def _documents(answer: urllib3.BaseHTTPResponse) -> Generator[Document]:
    pending = b""
    try:
        for chunk in answer.stream(65536):
            *lines, pending = (pending + chunk).split(b"\n")
            yield from (cast("Document", json.loads(line)) for line in lines if line)
    except urllib3.exceptions.HTTPError as error:
        raise ApiError(0, str(error)) from error
