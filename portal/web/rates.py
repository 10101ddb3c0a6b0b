"""How often one may ask: token buckets, in the process's own memory and bounded there."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from portal.domain.errors import TooMany
from portal.settings import Rate, Rates
from portal.web.errors import told

_KEPT: Final = 20_000
"""Callers remembered at once; whoever has not asked for longest is forgotten, and their bucket is full again."""
_NETWORK: Final = 64
"""Bits of an IPv6 address that belong to one customer: counting single addresses would count nothing."""
SIGN_IN_PATHS: Final = ("/api/v1/sign-in", "/sign-in")


class Buckets:
    """A bucket for each caller. `clock` tells seconds that never go back."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @property
    def known(self) -> int:
        """Return how many callers are remembered."""
        return len(self._buckets)

    def take(self, caller: str) -> float:
        """Take one token, and return 0, or the seconds after which there is one."""
        now = self._clock()
        tokens, at = self._buckets.pop(caller, (float(self._rate.burst), now))
        tokens = min(self._rate.burst, tokens + (now - at) * self._rate.each_second)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate.each_second
        self._buckets[caller] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        return wait


def refuse(buckets: Buckets, caller: str) -> None:
    """Count one call.

    Raises:
        TooMany: the caller has none left.
    """
    if wait := buckets.take(caller):
        raise TooMany("asked too often", f"Wait {math.ceil(wait)} s.")


def network(address: str) -> str:
    """Return what is counted as one caller: the IPv4 address, or the IPv6 network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, _NETWORK), strict=False))
    return address


class AddressRates:
    """Counts the calls of each address, and more strictly those that try a password, a code or a pass."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self.app = app
        self._every = Buckets(rates.address)
        self._sign_in = Buckets(rates.sign_in)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (wait := self._wait(scope)):
            error = TooMany("asked too often", f"Wait {math.ceil(wait)} s.")
            await told(scope, error, {"Retry-After": str(math.ceil(wait))})(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _wait(self, scope: Scope) -> float:
        if not (client := scope.get("client")):
            return 0.0
        caller = network(client[0])
        if wait := self._every.take(caller):
            return wait
        tries = scope["method"] == "POST" and str(scope["path"]).startswith(SIGN_IN_PATHS)
        return self._sign_in.take(caller) if tries else 0.0
