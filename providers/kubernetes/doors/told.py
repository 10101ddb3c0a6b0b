"""What each process of the airlock is told: its settings file, and which of them may see what. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from components.airlock import Notices, Telemetry
from components.identity import SignIn
from providers.kubernetes.doors import notices, realm, telemetry

AREAS: Final = ("output_uploads", "input_uploads", "held", "released_outputs", "released_inputs")
MOUNTED: Final[Mapping[str, Mapping[str, bool]]] = {
    "inside": {"output_uploads": False, "released_inputs": True},
    "outside": {"input_uploads": False, "held": True, "released_outputs": True},
    "worker": dict.fromkeys(AREAS, False),
}
"""The areas that each process sees, and whether read-only. What is not named here is not mounted at all."""

WORKLOAD_AUDIENCE: Final = "tre-airlock-inside"
"""What a workspace's token is made for: the inside door, and no other service."""
PORT: Final = 8443
SECRETS: Final = "/secrets"
CLIENT: Final = f"{SECRETS}/client"
AUTHORITY_OF_ISSUER: Final = f"{SECRETS}/sign-in-ca"
API: Final = "/var/run/api"
AUTHORITY: Final = "/authority/ca.crt"


@dataclass(frozen=True)
class Site:
    """What all processes of one site's airlock share. `access` is empty where the issuer is the institution's own."""

    name: str
    title: str
    database: str
    outside: str
    inside: str
    issuer: str
    token_issuer: str
    scanner: str
    access: Mapping[str, str]
    sign_in: SignIn
    notices: Notices
    telemetry: Telemetry | None


def settings(site: Site, role: str) -> str:
    """Return the settings of `inside`, `outside`, `worker` or `migrate`."""
    told: dict[str, Any] = {
        "site": site.name,
        "title": site.title,
        "database": database(site, "owner" if role == "migrate" else role),
        "areas": {area: {"address": f"file:///areas/{area}"} for area in MOUNTED.get(role, ())},
    }
    if role in ("inside", "outside"):
        told[role] = _door(site.inside if role == "inside" else site.outside)
        told["sign_in"] = _at_inside(site) if role == "inside" else _at_outside(site)
    if role == "outside":
        told |= telemetry.settings(site.telemetry, SECRETS)
    if role == "worker":
        told |= {"scanner": site.scanner, "signing_key_file": f"{SECRETS}/signing-key"}
        told |= notices.settings(site.notices, SECRETS, site.outside)
    return json.dumps(told, sort_keys=True)


def registrar(site: Site, *, ready: bool) -> str:
    """Return the registrar's settings. With `ready`, new people need not choose a password and second factor."""
    told: dict[str, Any] = {
        "site": site.name,
        "listing": "/listing/scopes.json",
        "database": database(site, "registrar"),
    }
    if site.access:
        told["realm"] = {
            "base": site.access["base"],
            "name": site.access["realm"],
            "client": realm.REGISTRAR,
            "secret_file": CLIENT,
            "ca_file": AUTHORITY_OF_ISSUER,
            "people_key_file": f"{SECRETS}/people",
            "start": "ready" if ready else "changed",
        }
    return json.dumps(told, sort_keys=True)


def database(site: Site, role: str) -> dict[str, str]:
    """Return where the database is for a role, whose password is in a file of its own."""
    return {
        "url": f"postgresql+psycopg://{role}@{site.database}:5432/airlock",
        "password_file": f"{SECRETS}/database",
        "ca_file": AUTHORITY,
    }


def _door(address: str) -> dict[str, Any]:
    return {
        "address": address,
        "host": "0.0.0.0",  # noqa: S104 # a pod's own network; policies say who reaches it
        "port": PORT,
        "certificate": "/tls/tls.crt",
        "key": "/tls/tls.key",
    }


def _at_outside(site: Site) -> dict[str, Any]:
    found, command_line = _at_own(site) if site.access else _at_institution(site.sign_in)
    always = {
        "kind": "issuer",
        "issuer": site.issuer,
        "cookie_key_file": f"{SECRETS}/cookie-key",
        "audience": realm.AUDIENCE,
        "accepted_clients": [found["client_id"], command_line],
    }
    return {"outside": always | found, "device_client_id": command_line}


def _at_own(site: Site) -> tuple[dict[str, Any], str]:
    """Return what is so at the site's own sign-in service, and its client of the command line."""
    base, name = site.access["base"], site.access["realm"]
    found = {
        "client_id": realm.PORTAL,
        "client_secret_file": CLIENT,
        "ca_file": AUTHORITY_OF_ISSUER,
        "discovery": f"{base}/realms/{name}/.well-known/openid-configuration",
        "expires_claim": ["expires"],
        # Who has just set up a second factor has not shown it yet, and would else stay signed in without it.
        "prompt": "login",
    }
    return found, realm.COMMAND_LINE


def _at_institution(sign_in: SignIn) -> tuple[dict[str, Any], str]:
    """Return what is so at an institution's own issuer, and its client of the command line."""
    shown = list(sign_in.second_factor)
    found: dict[str, Any] = {
        "client_id": sign_in.client,
        "groups_claim": list(sign_in.groups_claim),
        "second_factor": {"required": sign_in.multi_factor, "amr": shown, "acr": shown},
    }
    found |= {"client_secret_file": CLIENT} if sign_in.client_secret else {}
    found |= {"ca_file": AUTHORITY_OF_ISSUER} if sign_in.authority else {}
    return found, sign_in.command_line_client


def _at_inside(site: Site) -> dict[str, Any]:
    return {
        "inside": {
            "kind": "issuer",
            "issuer": site.token_issuer,
            "audience": WORKLOAD_AUDIENCE,
            "jwks_url": "https://kubernetes.default.svc/openid/v1/jwks",
            "ca_file": f"{API}/ca.crt",
            "token_file": f"{API}/token",
            "namespace_claim": ["kubernetes.io", "namespace"],
            "namespace_pattern": f"tre-p-{site.name}--(?P<project>[a-z][a-z0-9-]*)",
        }
    }
