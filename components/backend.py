"""What a backend brings: a class per component, evidence for each promise, and the gaps it declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import pulumi

from components.airlock import PROMISES as AIRLOCK
from components.airlock import Airlock
from components.contract import Evidence, Promise, Verdict
from components.data_store import PROMISES as DATA_STORE
from components.data_store import DataStore
from components.identity import PROMISES as IDENTITY
from components.identity import Identity
from components.model import Target as Target
from components.workspace import PROMISES as WORKSPACE
from components.workspace import Workspace

PROMISES: Mapping[str, Promise] = {
    str(promise): promise
    for table in (IDENTITY, DATA_STORE, WORKSPACE, AIRLOCK)
    for promise in table.values()
}
"""Every promise of every component, by its full name (`workspace/no-privilege`)."""


SCRIPT: Final = "/code/script"
"""Where a job finds the script that it was given, read-only."""


@dataclass(frozen=True)
class Scope:
    """One deployed part of a TRE, as live evidence sees it: a project of a site, its tier and its people.

    `project` is empty for what a site has of its own.
    """

    site: str
    project: str
    tier: int
    others: tuple[str, ...] = ()
    """The other projects of the site on the same target: what a break-out would try to reach."""


@dataclass(frozen=True)
class JobState:
    """What may be told of a job inside a workspace: its name, its state and times, never its output."""

    name: str
    state: str
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class FirstSignIn:
    """What one person signs in with for the first time: a password, and the secret of their one-time codes (base32,
    RFC 6238). Both are replaced then, but in a demonstration."""

    password: str = field(repr=False)
    code_secret: str = field(repr=False)


@dataclass(frozen=True)
class Entrance:
    """Where people come in: the portal's address, the certificates (PEM) that vouch for it and for the sign-in
    service, and what each person signs in with first."""

    portal: str
    authorities: tuple[str, ...]
    people: Mapping[str, FirstSignIn]


class Live(Protocol):
    """A running TRE on one target, read back and tried out independently of Pulumi's state.

    Every method raises `TreError` where the target cannot be reached or will not answer.
    """

    def identity(self) -> str:
        """Return what tells this target from every other, for as long as it exists."""
        ...

    def deployed(self, scope: Scope) -> Mapping[str, Verdict]:
        """Read the live objects back and judge every promise that reading can judge."""
        ...

    def probed(
        self, scopes: Sequence[Scope], say: Callable[[str], None]
    ) -> Mapping[str, Mapping[str, Verdict]]:
        """Try to break out of each scope, and return the verdicts by project."""
        ...

    def run(
        self,
        scope: Scope,
        command: Sequence[str],
        say: Callable[[str], None],
        *,
        script: str = "",
        wait: bool = True,
        name: str = "",
    ) -> JobState:
        """Run a command as a job in the workspace and return how it ended; without `wait`, how it stands.

        A job of this `name` that is there already is not run again, and one that failed is replaced. `script` is
        the text of a file that the job finds, read-only, at `SCRIPT`. `say` is told each change of the job's
        state, and nothing of what it prints.
        """
        ...

    def state(self, scope: Scope, job: str) -> JobState:
        """Return how a job stands."""
        ...

    def output(self, scope: Scope, job: str) -> str:
        """Return what a job printed: data, for a break-glass on record."""
        ...

    def stop(self, scope: Scope, say: Callable[[str], None]) -> None:
        """End everything that computes in a project, and return when it has gone.

        Called before a stack is taken down: nothing may compute without its walls, and what is in use cannot be
        erased.
        """
        ...

    def holdings(self, scope: Scope) -> Mapping[str, Any]:
        """Return what a deletion certificate names.

        `manifest` is the content manifest's SHA-256, `data_sets` its entries (`data_set`, `file`, `sha256`,
        `bytes`, `classification`), `volumes` what holds data (`name`, `area`, `cipher`, and `key`, a fingerprint
        of the key that opens it). Each is empty where the project holds nothing.
        """
        ...

    def erase(self, scope: Scope, say: Callable[[str], None]) -> Sequence[str]:
        """Destroy the project's key, then remove what still holds its data; return what was removed.

        Called after the stack of the project, or of the site's own part, is destroyed: nothing is in use. May be called
        again.
        """
        ...

    def remains(self, scope: Scope) -> Sequence[str]:
        """Return what of a project, or of a site's own part, is still there: nothing, after an erasure that worked."""
        ...

    def entrance(self, site: str, people: Sequence[str]) -> Entrance:
        """Return how these people of a site first come in at its own sign-in service.

        Raises what the target raises where the site has no sign-in service of its own, or is not deployed.
        """
        ...

    def doctor(self, tier: int) -> Sequence[tuple[str, bool, str, str]]:
        """Check the target before deploying: (what, holds, found, remedy) for each thing that matters."""
        ...


@dataclass(frozen=True)
class Backend:
    """One substrate. A component that is absent is one that this backend does not build yet.

    `evidence` and `gaps` are keyed by a promise's full name. A gap's text is the reason why the backend cannot
    keep the promise; `validate` refuses a site that asks for it.
    """

    name: str
    identity: type[Identity[Any]] | None = None
    data_store: type[DataStore[Any]] | None = None
    workspace: type[Workspace[Any]] | None = None
    airlock: type[Airlock[Any]] | None = None
    evidence: Mapping[str, Evidence] = field(default_factory=dict[str, Evidence])
    gaps: Mapping[str, str] = field(default_factory=dict[str, str])
    provider: Callable[[Any], pulumi.ProviderResource | None] | None = None
    """Makes the Pulumi provider that deploys to a target; called inside a program, once for each target."""
    engine_environment: Callable[[Any], AbstractContextManager[Mapping[str, str]]] | None = None
    """Environment that the engine needs for a target, for as long as the context lasts (a plugin of our own)."""
    live: Callable[[Any], Live] | None = None
    goes_with: Callable[[Sequence[Mapping[str, Any]]], Mapping[str, str]] | None = None
    """Set where an erasure lifts nothing but the protection of resources, so that their state alone need change. Given
    a stack's resources as Pulumi's state has them, it returns which one (URN) is gone once which other one is."""
    computes: frozenset[str] = frozenset()
    """Types (Pulumi's tokens) of resources that run programs. Of a site that is taken down they go first: what serves
    its projects would only keep up with their going."""
