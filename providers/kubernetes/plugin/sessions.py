"""Which engine a call comes from, and what that engine configured.

One plugin process serves many engines. The protocol does not say which of them calls, but each engine opens a
connection of its own for each provider it configures, and the connection's address is unique while it lasts.
A call on a connection that was never configured (an engine that lost and reopened it) is served only if every
live configuration means the same cluster: a guess could deploy one site into another.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.kubernetes.plugin.cluster import Cluster
from providers.kubernetes.plugin.errors import Refused
from providers.kubernetes.plugin.kubeconfig import Source, endpoint, located

_REMEMBERED = 4096
"""Connections; the longest unused are forgotten first."""


@dataclass(frozen=True)
class Configuration:
    """What a provider resource sets: where to deploy to."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    namespace: str = ""


@dataclass
class Session:
    """One connection from one engine."""

    engine: str = ""
    configuration: Configuration | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)


class Sessions:
    """All connections, and the clusters they share."""

    def __init__(self, environment: Mapping[str, str] | None = None, engine: str = "") -> None:
        self._environment = os.environ if environment is None else environment
        self._engine = engine
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._clusters: dict[Source, Cluster] = {}
        self._lock = threading.Lock()

    def attach(self, peer: str, engine: str) -> None:
        """Start afresh with a connection: its address may have belonged to another engine before."""
        with self._lock:
            self._sessions[peer] = Session(engine)

    def configure(self, peer: str, configuration: Configuration) -> None:
        """Record what the engine at `peer` configured. Raises Settings when that cannot be used."""
        source = self._source(configuration)
        with self._lock:
            session = self._sessions.setdefault(peer, Session(self._engine))
            session.configuration = configuration
            session.cancelled = threading.Event()
            self._sessions.move_to_end(peer)
            while len(self._sessions) > _REMEMBERED:
                self._sessions.popitem(last=False)
            if source not in self._clusters:
                self._clusters[source] = Cluster(endpoint(source))

    def cancel(self, peer: str) -> None:
        """Stop what waits for the engine at `peer`, and nothing of any other engine."""
        with self._lock:
            session = self._sessions.get(peer)
        if session:
            session.cancelled.set()

    def session(self, peer: str) -> Session:
        """The configured session of the engine at `peer`. Raises Refused when it cannot be told."""
        with self._lock:
            session = self._sessions.get(peer)
            if session and session.configuration:
                self._sessions.move_to_end(peer)
                return session
            others = {s.configuration for s in self._sessions.values() if s.configuration}
        if len(others) == 1:
            return Session(session.engine if session else self._engine, others.pop())
        raise Refused(
            "This connection to the Kubernetes plugin was never configured, and the plugin serves several clusters "
            "now, so that it cannot tell which one is meant. Run the command again."
        )

    def cluster(self, session: Session) -> Cluster:
        """The cluster that `session` deploys to. Raises Settings when its kubeconfig is gone."""
        assert session.configuration is not None
        source = self._source(session.configuration)
        with self._lock:
            if source not in self._clusters:
                self._clusters[source] = Cluster(endpoint(source))
            return self._clusters[source]

    def _source(self, configuration: Configuration) -> Source:
        chosen = configuration
        return located(chosen.kubeconfig, self._environment, chosen.context, chosen.cluster)
