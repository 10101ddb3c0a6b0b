"""A running TRE on one cluster: read back, tried out, computed in, checked beforehand, and closed.

Nothing here trusts Pulumi's state: everything is asked of the API server, or attempted from inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.backend import Entrance, JobState, Scope
from components.contract import Verdict
from providers.kubernetes import names
from providers.kubernetes.evidence.view import at
from providers.kubernetes.live import closing, doctor, entering, jobs, probes, reading
from providers.kubernetes.live.connection import Connection, connect, spoken
from providers.kubernetes.target import KubernetesTarget


class KubernetesLive:
    """What the Kubernetes backend can say about running TREs (implements `components.backend.Live`)."""

    def __init__(self, target: KubernetesTarget) -> None:
        self._target = target
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The cluster's connection, opened when it is first needed."""
        if self._connection is None:
            self._connection = connect(self._target)
        return self._connection

    @spoken
    def identity(self) -> str:
        """Return the uid of the cluster's own namespace, which is made with the cluster and lasts as long."""
        found = self.connection.get("/api/v1/namespaces/kube-system")
        return str(at(found, "metadata", "uid"))

    @spoken
    def deployed(self, scope: Scope) -> Mapping[str, Verdict]:
        """Read the live objects back and judge every promise that reading can judge."""
        return reading.verdicts(self.connection, scope)

    @spoken
    def probed(
        self, scopes: Sequence[Scope], say: Callable[[str], None]
    ) -> Mapping[str, Mapping[str, Verdict]]:
        """Try to break out of each scope, side by side, and return the verdicts by project."""
        return probes.run(self.connection, self._target, scopes, say)

    @spoken
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
        """Run a command as a job in the workspace and return how it stands or ended."""
        return jobs.run(self.connection, scope, command, say, script=script, wait=wait, name=name)

    @spoken
    def state(self, scope: Scope, job: str) -> JobState:
        """Return how a job stands."""
        return jobs.state(self.connection, names.namespace(scope.site, scope.project), job)

    @spoken
    def output(self, scope: Scope, job: str) -> str:
        """Return what a job printed: data, for a break-glass on record."""
        return jobs.output(self.connection, scope, job)

    @spoken
    def entrance(self, site: str, people: Sequence[str]) -> Entrance:
        """Return how people first come in at the site's own sign-in service."""
        return entering.entrance(self.connection, self._target, site, people)

    def doctor(self, tier: int) -> Sequence[tuple[str, bool, str, str]]:
        """Check the cluster before deploying to it."""
        return doctor.check(self._target, tier)

    @spoken
    def stop(self, scope: Scope, say: Callable[[str], None]) -> None:
        """End everything that computes in a project, and return when it has gone."""
        jobs.stop(self.connection, scope, say)

    @spoken
    def holdings(self, scope: Scope) -> Mapping[str, Any]:
        """Return what a deletion certificate names: manifest, volumes and key fingerprints."""
        return closing.holdings(self.connection, scope)

    @spoken
    def erase(self, scope: Scope, say: Callable[[str], None]) -> Sequence[str]:
        """Destroy the project's key and what still holds its data."""
        return closing.erase(self.connection, scope, say)

    @spoken
    def remains(self, scope: Scope) -> Sequence[str]:
        """Return what of a project is still there: nothing, after an erasure that worked."""
        return closing.remains(self.connection, scope)
