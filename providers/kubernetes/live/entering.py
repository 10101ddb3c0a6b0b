"""How people first come in: what the site's own sign-in service was given, derived anew from its root."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from components.backend import Entrance, FirstSignIn
from portal.registrar import first
from providers.kubernetes import names
from providers.kubernetes.doors import sign_in
from providers.kubernetes.doors.certified import AUTHORITY
from providers.kubernetes.doors.seal import derive
from providers.kubernetes.evidence.view import at
from providers.kubernetes.live.connection import Connection
from providers.kubernetes.target import KubernetesTarget
from tre.errors import failure


def entrance(connection: Connection, target: KubernetesTarget, site: str, people: Sequence[str]) -> Entrance:
    """Return how people first come in.

    Raises:
        TreError: the site has no sign-in service of its own here.
    """
    key = _key(connection, site)
    return Entrance(
        portal=sign_in.portal(target),
        authorities=tuple(_authority(connection, site, part) for part in ("airlock", "identity")),
        people={name: _first(key, name) for name in people},
    )


def _first(key: str, name: str) -> FirstSignIn:
    secret = base64.b32encode(first.code_secret(key, name).encode()).decode().rstrip("=")
    return FirstSignIn(first.password(key, name), secret)


def _key(connection: Connection, site: str) -> str:
    keys = names.site_namespace(site, "keys")
    root = connection.get(f"/api/v1/namespaces/{keys}/secrets/root-identity")
    if root is None:
        what = "has no sign-in service of its own on this target"
        raise failure(
            f"site {site}", what, f"Deploy it: tre up {site}. Elsewhere people sign in as they do there."
        )
    return derive(str(at(root, "data", "root")), sign_in.PEOPLE).hex()


def _authority(connection: Connection, site: str, part: str) -> str:
    place = names.site_namespace(site, part)
    found = connection.get(f"/api/v1/namespaces/{place}/configmaps/{AUTHORITY}")
    return str(at(found, "data", "ca.crt")) if found else ""
