"""Asks an issuer over HTTP, within limits, and keeps what it said for a while."""

from __future__ import annotations

import asyncio
import datetime
import functools
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

import httpx

from portal.domain.clock import Clock
from portal.domain.errors import Unavailable

Value = TypeVar("Value")

_OK: Final = 200
_SERVER_FAULT: Final = 500
_LARGEST: Final = 1 << 20
_PATIENCE: Final = httpx.Timeout(5.0)
_PAUSE: Final = datetime.timedelta(seconds=30)
"""Least time between two renewals that callers force, so that nobody can make us flood the issuer."""
_AFTER_FAILURE: Final = datetime.timedelta(seconds=2)


def silent(what: str = "whoever signs people in does not answer") -> Unavailable:
    """Return the refusal for an issuer that does not answer, or not as it should."""
    return Unavailable(what, "Try again in a moment.")


@dataclass(frozen=True)
class Web:
    """Asks addresses of one issuer: it trusts `ca_file` alone where one is given, and follows no redirect."""

    ca_file: Path | None = None

    async def get(self, address: str, token_file: Path | None = None) -> Mapping[str, Any]:
        """Return the JSON object at an address.

        Raises:
            Unavailable: no answer within 5 seconds, or not a JSON object of at most 1 MiB.
        """
        headers = {"Authorization": f"Bearer {_text(token_file)}"} if token_file else {}
        status, found = await self._ask("GET", address, headers=headers)
        if status != _OK:
            raise silent()
        return found

    async def post(
        self, address: str, form: Mapping[str, str], login: tuple[str, str] | None
    ) -> tuple[int, Mapping[str, Any]]:
        """Send a form; return the status and the JSON object of the answer.

        Raises:
            Unavailable: as `get`, and any answer that says that the fault is the server's.
        """
        status, found = await self._ask("POST", address, data=dict(form), auth=login)
        if status >= _SERVER_FAULT:
            raise silent()
        return status, found

    async def _ask(self, method: str, address: str, **options: Any) -> tuple[int, Mapping[str, Any]]:
        try:
            async with (
                httpx.AsyncClient(verify=_trust(self.ca_file), timeout=_PATIENCE, trust_env=False) as client,
                client.stream(method, address, **options) as answer,
            ):
                return answer.status_code, _object(await _body(answer))
        except (httpx.HTTPError, OSError, ValueError):
            raise silent() from None


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    return _trust_of(ca_file, ca_file.stat().st_mtime_ns if ca_file else 0)


@functools.lru_cache(maxsize=8)
def _trust_of(ca_file: Path | None, _changed: int) -> ssl.SSLContext:
    """Return whom to trust; read again once the file has changed."""
    return ssl.create_default_context(cafile=ca_file)


async def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > _LARGEST:
            raise ValueError("too large")
    return bytes(body)


def _object(body: bytes) -> Mapping[str, Any]:
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return cast(Mapping[str, Any], found)


def _text(path: Path) -> str:
    return path.read_text().strip()


class Kept(Generic[Value]):
    """What an issuer said: asked again once it is no longer `fresh`, and used on while it is not `stale`.

    Callers at the same time share one question.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[Value]],
        clock: Clock,
        fresh: datetime.timedelta,
        stale: datetime.timedelta,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._fresh = fresh
        self._stale = stale
        self._value: Value | None = None
        self._got: datetime.datetime | None = None
        self._tried: datetime.datetime | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> Value:
        """Return what is known, asking where it is no longer fresh.

        Raises:
            Unavailable: nothing is known, and the issuer does not answer.
        """
        if self._value is not None and self._younger(self._fresh):
            return self._value
        async with self._lock:
            if self._value is not None and self._younger(self._fresh):
                return self._value
            return await self._asked_or_stale()

    async def renewed(self) -> Value:
        """Return what the issuer says now, or what is known where it was asked less than 30 seconds ago."""
        async with self._lock:
            if self._value is not None and self._recent(_PAUSE):
                return self._value
            return await self._asked()

    async def _asked_or_stale(self) -> Value:
        try:
            return await self._asked()
        except Unavailable:
            if self._value is None or not self._younger(self._stale):
                raise
            return self._value

    async def _asked(self) -> Value:
        if self._recent(_AFTER_FAILURE) and self._tried != self._got:
            raise silent()
        self._tried = self._clock()
        value = await self._ask()
        self._value, self._got = value, self._tried
        return value

    def _younger(self, age: datetime.timedelta) -> bool:
        return self._got is not None and datetime.timedelta() <= self._clock() - self._got < age

    def _recent(self, age: datetime.timedelta) -> bool:
        return self._tried is not None and datetime.timedelta() <= self._clock() - self._tried < age
