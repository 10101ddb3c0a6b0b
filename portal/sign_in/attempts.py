"""Counts tries, and makes who fails wait: longer after each failure. Kept in this process alone."""

from __future__ import annotations

import datetime
import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

from portal.domain.clock import Clock
from portal.domain.errors import TooMany

_FIRST_WAIT: Final = 30.0
_LONGEST_WAIT: Final = 900.0
_FORGOTTEN: Final = 3600.0
_MOST_KEYS: Final = 20_000


@dataclass
class _Tries:
    count: int
    until: datetime.datetime
    last: datetime.datetime


class Attempts:
    """Lets `free` tries pass, then makes each further one wait: 30 s, 60 s, ... at most 15 minutes.

    A try counts when it begins, so that many at once are not let in before the first of them has failed.
    """

    def __init__(self, clock: Clock, free: int, forgotten: float = _FORGOTTEN) -> None:
        self._clock = clock
        self._free = free
        self._forgotten = datetime.timedelta(seconds=forgotten)
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count a try.

        Raises:
            TooMany: it must wait; waiting tries do not count.
        """
        now = self._clock()
        with self._lock:
            tries = self._known(key, now)
            if now < tries.until:
                raise _wait(tries.until - now)
            tries.count += 1
            tries.last = now
            if tries.count >= self._free:
                tries.until = now + self._pause(tries.count - self._free)
            self._forget_oldest()

    def forgive(self, key: str) -> None:
        """Forget the tries of a key: the last one was good."""
        with self._lock:
            self._tries.pop(key, None)

    def give_back(self, key: str) -> None:
        """Uncount a good try; what others failed under the same key stays counted."""
        with self._lock:
            tries = self._tries.get(key)
            if tries is not None and tries.count:
                tries.count -= 1
                tries.until = min(tries.until, tries.last) if tries.count < self._free else tries.until

    def _known(self, key: str, now: datetime.datetime) -> _Tries:
        tries = self._tries.get(key)
        if tries is None or now - max(tries.last, tries.until) > self._forgotten:
            tries = self._tries[key] = _Tries(0, now, now)
        self._tries.move_to_end(key)
        return tries

    def _pause(self, beyond: int) -> datetime.timedelta:
        return datetime.timedelta(seconds=min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(beyond, 16)))

    def _forget_oldest(self) -> None:
        while len(self._tries) > _MOST_KEYS:
            self._tries.popitem(last=False)


def _wait(left: datetime.timedelta) -> TooMany:
    seconds = max(1, round(left.total_seconds()))
    return TooMany("too many tries", f"Wait {seconds} seconds, then try again.")


def origin(request: HTTPConnection) -> str:
    """Return the address that asks, as one key: of IPv6 the network of 64 bits, which one person can have whole."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((int(address), 64), strict=False))
