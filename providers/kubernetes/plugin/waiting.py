"""Waits until an object is ready, or gone, by watching it; says what was missing when the time is up."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from providers.kubernetes.plugin.cluster import Cluster
from providers.kubernetes.plugin.errors import ApiError, Cancelled, NotReady
from providers.kubernetes.plugin.naming import Kind, Reference
from providers.kubernetes.plugin.readiness import (
    WAIT_FOR_CONSUMER,
    Phase,
    Verdict,
    condition,
    has_rule,
    pod_state,
    verdict,
)
from providers.kubernetes.plugin.values import Object, annotation, part, parts

SKIP = "pulumi.com/skipAwait"
TIMEOUT = "pulumi.com/timeoutSeconds"
DEFAULT_SECONDS = 600.0
"""As in the official plugin."""
_WATCH_SECONDS = 5
"""One watch lasts no longer, so that a cancelled engine is noticed soon."""
_POLL_SECONDS = 2.0
_LISTED = 5
"""How many conditions, events and pods a time-out lists."""
_STORAGE_CLASS = Kind("storage.k8s.io/v1", "StorageClass")
# Event messages of these reasons quote what a container answered, which is data.
_QUOTING = frozenset({"Unhealthy", "ProbeWarning", "FailedPostStartHook", "FailedPreStopHook"})


@dataclass(frozen=True)
class Wait:
    """One wait: for what, for how long (seconds), who may end it and who is told meanwhile."""

    cluster: Cluster
    reference: Reference
    seconds: float
    cancelled: threading.Event
    tell: Callable[[str], None]

    def until_ready(self, live: Object) -> Object:
        """The object once it is ready. Raises NotReady when it failed or the time is up, Cancelled."""
        if not has_rule(self.reference.kind) or annotation(live, SKIP) == "true":
            return live
        state = self._verdict(live)
        for seen in self._seen(live):
            if seen is None:
                raise NotReady(f"{self.reference} was deleted while it was waited for.", live)
            live, state = seen, self._verdict(seen)
            if state.phase is not Phase.WAITING:
                break
            self.tell(state.missing)
        if state.phase is Phase.READY:
            return live
        raise NotReady(self._explained(live, state), live)

    def until_gone(self, live: Object) -> None:
        """Return once the object (or its successor under the same name) is no longer this one.

        Raises NotReady when the time is up, with the finalizers that hold it; Cancelled.
        """
        uid = part(live, "metadata", "uid")
        for seen in self._seen(live):
            if seen is None or part(seen, "metadata", "uid") != uid:
                return
            live = seen
            self.tell("waiting for it to go")
        held = [*(part(live, "metadata", "finalizers") or ()), *(part(live, "spec", "finalizers") or ())]
        why = f"finalizers hold it: {', '.join(held)}" if held else "the API server still has it"
        raise NotReady(
            self._listed(f"{self.reference} was not gone after {self.seconds:.0f} s: {why}", live), live
        )

    def _verdict(self, live: Object) -> Verdict:
        state = verdict(self.reference.kind, live)
        if state.phase is Phase.WAITING and self._waits_for_consumer(live):
            return Verdict(Phase.READY)
        return state

    def _waits_for_consumer(self, live: Object) -> bool:
        """Whether a claim is bound only when a pod uses it, so that waiting here would never end."""
        name = part(live, "spec", "storageClassName")
        if self.reference.kind.kind != "PersistentVolumeClaim" or not name:
            return False
        storage_class = self.cluster.get(Reference(_STORAGE_CLASS, "", str(name)))
        return storage_class is not None and storage_class.get("volumeBindingMode") == WAIT_FOR_CONSUMER

    def _seen(self, live: Object) -> Iterator[Object | None]:
        """The object each time it changes, None when it is gone; ends when the time is up."""
        deadline = time.monotonic() + self.seconds
        seen: Object | None = live
        while seen is not None:
            yield seen
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            for changed in self._changes(seen, min(_WATCH_SECONDS, max(1, int(remaining)))):
                self._check_cancelled()
                yield changed
                if changed is None:
                    return
            self._check_cancelled()
            seen = self.cluster.get(self.reference)
        yield None

    def _changes(self, live: Object, seconds: int) -> Iterator[Object | None]:
        version = str(part(live, "metadata", "resourceVersion"))
        started = time.monotonic()
        try:
            for event in self.cluster.watch(self.reference, version, seconds):
                if event["type"] == "ERROR":
                    break
                yield None if event["type"] == "DELETED" else event["object"]
        except ApiError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
        # A watch that ends at once (not allowed, too old, connection lost) must not become a busy loop.
        self.cancelled.wait(max(0.0, min(_POLL_SECONDS, seconds) - (time.monotonic() - started)))

    def _check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled(f"Stopped waiting for {self.reference}: the engine was cancelled.")

    def _explained(self, live: Object, state: Verdict) -> str:
        if state.phase is Phase.FAILED:
            return self._listed(f"{self.reference}: {state.missing}", live)
        return self._listed(
            f"{self.reference} was not ready after {self.seconds:.0f} s: {state.missing}", live
        )

    def _listed(self, headline: str, live: Object) -> str:
        lines = [*_conditions(live), *self._pods(live), *self._events(live)]
        return "\n".join([headline, *(f"  {line}" for line in lines)])

    def _pods(self, live: Object) -> list[str]:
        labels = part(live, "spec", "selector", "matchLabels")
        if not labels:
            return []
        try:
            pods = self.cluster.selected(Kind("v1", "Pod"), self.reference.namespace, labels)
        except ApiError:
            return []
        states = [(part(pod, "metadata", "name"), pod_state(pod)) for pod in pods]
        return [f"pod {name}: {state}" for name, state in states if state][:_LISTED]

    def _events(self, live: Object) -> list[str]:
        try:
            events = self.cluster.warnings(live)
        except ApiError:
            return []
        return [_event(event) for event in events[-_LISTED:]]


def _conditions(live: Object) -> list[str]:
    texts = [
        f"condition {c.get('type')}={c.get('status')}: {c.get('reason', '')}: {c.get('message', '')}"
        for c in parts(live, "status", "conditions")
    ]
    return texts[-_LISTED:]


def _event(event: Object) -> str:
    reason = str(event.get("reason") or "")
    return f"event {reason}" if reason in _QUOTING else f"event {reason}: {event.get('message', '')}"


def seconds_allowed(custom: float, inputs: Object) -> float:
    """How long to wait: the resource's customTimeouts, else its annotation, else ten minutes."""
    if custom > 0:
        return custom
    stated = annotation(inputs, TIMEOUT)
    return float(stated) if stated.isdigit() else DEFAULT_SECONDS


def unready(kind: Kind, live: Object) -> str:
    """What a live object lacks at this moment, or an empty string; claims that wait for a pod lack nothing."""
    state = verdict(kind, live)
    if state.phase is Phase.READY or annotation(live, SKIP) == "true" or kind.kind == "PersistentVolumeClaim":
        return ""
    return state.missing


def failed(live: Object) -> bool:
    """Whether a job has failed for good."""
    return condition(live, "Failed").get("status") == "True"
