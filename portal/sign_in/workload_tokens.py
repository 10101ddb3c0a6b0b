"""Which project a workspace speaks for, told by a token of the cluster's issuer.

Apart from the secrets of a laptop, which need none of what verifies tokens: a laptop's airlock starts without it.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from portal.domain.clock import Clock
from portal.domain.errors import Unavailable
from portal.sign_in import tokens
from portal.sign_in.fetching import Web
from portal.sign_in.settings import WorkloadSettings, claim
from portal.sign_in.tokens import Keys, Rules, Token, refused

_KEPT: Final = datetime.timedelta(seconds=60)
_MOST_KEPT: Final = 4096


class TokenWorkloads:
    """Workspaces known by tokens of the cluster's issuer. What a token proved is kept for at most a minute."""

    def __init__(self, settings: WorkloadSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._pattern = re.compile(settings.namespace_pattern)
        self._rules = Rules(
            settings.issuer, settings.audience, frozenset(settings.algorithms), settings.leeway
        )
        self._web = Web(settings.ca_file)
        self._keys = Keys(self._published, clock)
        self._known: OrderedDict[str, tuple[str, datetime.datetime, datetime.datetime]] = OrderedDict()

    async def project(self, token: str) -> str:
        """Return the project of the namespace for which the token was made."""
        key, now = hashlib.sha256(token.encode()).hexdigest(), self._clock()
        project, since, until = self._known.get(key, ("", now, now))
        if since <= now < until:
            return project
        verified = await tokens.verify(token, self._keys, self._rules, now)
        project = self._project(verified)
        self._known[key] = (project, now, min(now + _KEPT, verified.expires))
        self._known.move_to_end(key)
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return project

    def _project(self, token: Token) -> str:
        namespace = claim(token.claims, self._settings.namespace_claim)
        found = self._pattern.fullmatch(namespace) if isinstance(namespace, str) else None
        if found is None or not found["project"]:
            raise refused("namespace")
        return found["project"]

    async def _published(self) -> Mapping[str, Any]:
        settings = self._settings
        if settings.jwks_file is None:
            return await self._web.get(settings.jwks_url, settings.token_file)
        return await asyncio.to_thread(_from_file, settings.jwks_file)


def _from_file(path: Path) -> Mapping[str, Any]:
    try:
        found: object = json.loads(path.read_bytes())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise Unavailable("the keys of the workspaces' issuer cannot be read", "", path.name)
    return cast(Mapping[str, Any], found)
