"""Builds the sign-in of each door from its settings.

What verifies tokens is loaded only where tokens are used: a laptop's airlock starts a quarter of a second sooner.
"""

from __future__ import annotations

from portal.domain.clock import Clock
from portal.sign_in.browser import Browser
from portal.sign_in.inside import WorkspaceSignIn
from portal.sign_in.interface import InsideSignIn, Outside, Transactions
from portal.sign_in.local import LocalSignIn
from portal.sign_in.settings import (
    InsideSettings,
    OidcSettings,
    OutsideSettings,
    SessionSettings,
    WorkloadSettings,
)
from portal.sign_in.workload import SecretWorkloads


def outside(
    settings: OutsideSettings,
    sessions: SessionSettings,
    database: Transactions,
    clock: Clock,
    *,
    site: str,
    public: str,
) -> Outside:
    """Return the outside door's sign-in; `public` is the door's own address as browsers know it.

    Raises:
        Unavailable: a secret file cannot be read, or others could read it.
        ValueError: the key for cookies is too short, or `public` is no safe address.
    """
    parts = Browser.Parts(database, clock, site)
    if isinstance(settings, OidcSettings):
        from portal.sign_in.oidc import OidcSignIn

        return OidcSignIn(settings, sessions, parts, public)
    return LocalSignIn(settings, sessions, parts)


def inside(
    settings: InsideSettings, sessions: SessionSettings, database: Transactions, clock: Clock
) -> InsideSignIn:
    """Return the inside door's sign-in.

    Raises:
        Unavailable: a secret file cannot be read, or others could read it.
    """
    if isinstance(settings, WorkloadSettings):
        from portal.sign_in.workload_tokens import TokenWorkloads

        return WorkspaceSignIn(TokenWorkloads(settings, clock), sessions, database, clock)
    return WorkspaceSignIn(SecretWorkloads(settings), sessions, database, clock)
