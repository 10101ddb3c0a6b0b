"""The life of one object: create, read, update, delete, and their previews."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from providers.kubernetes.plugin import drift, state
from providers.kubernetes.plugin.cluster import Cluster, propagation
from providers.kubernetes.plugin.errors import (
    FORCE,
    ApiError,
    Incomplete,
    NoSuchKind,
    NotReady,
    PluginError,
    explained,
    taken,
)
from providers.kubernetes.plugin.naming import Kind, Reference, is_patch, kind_of, split_id
from providers.kubernetes.plugin.values import (
    Object,
    annotation,
    has_unknown,
    marked,
    part,
    parts,
    plain,
    redacted,
)
from providers.kubernetes.plugin.waiting import Wait, failed, seconds_allowed, unready

MANAGER_ANNOTATION = "pulumi.com/patchFieldManager"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
_PASSING_SECONDS = 30.0
_PASSING_DELAY = 0.5


def _say_nothing(_: str) -> None:
    return


@dataclass(frozen=True)
class Resource:
    """One resource of one stack, and the cluster it lives in."""

    cluster: Cluster
    urn: str
    cancelled: threading.Event = field(default_factory=threading.Event)
    tell: Callable[[str], None] = _say_nothing
    """Shows what is being waited for, until the next such text."""
    warn: Callable[[str], None] = _say_nothing

    # Create

    def preview_create(self, inputs: Object) -> Object:
        """The state to expect after `create`. Raises PluginError for what the server would refuse."""
        kind = kind_of(inputs, self.urn)
        if has_unknown(inputs) or is_patch(self.urn) or not self.cluster.discovery.knows(kind):
            return inputs
        reference = self._reference(kind, inputs)
        if reference.namespace and not self.cluster.has_namespace(reference.namespace):
            return inputs
        existing = self.cluster.get(reference)
        if existing is not None:
            self._check_takeover(reference, inputs, existing)
            return inputs
        try:
            dry_run = self._apply(reference, inputs, self._manager(inputs, {}), dry_run=True)
        except ApiError as error:
            if _is_untellable(error):
                return inputs
            raise self._refusal(error, reference, inputs) from error
        return state.foreseen(kind, inputs, dry_run, self._manager(inputs, {}))

    def create(self, inputs: Object, custom_seconds: float) -> tuple[str, Object]:
        """Make the object and wait until it is ready: its id and state.

        An object that is there already is taken over only when this very resource made it, or when forced.
        Raises Incomplete when it is there but not ready, PluginError when it could not be made.
        """
        kind = kind_of(inputs, self.urn)
        reference = self._once_served(kind, inputs)
        if not is_patch(self.urn):
            existing = self.cluster.get(reference)
            if existing is not None and not self._is_ours(existing) and not _is_forced(inputs):
                raise taken(str(reference), existing, annotation(existing, state.URN))
        manager = self._manager(inputs, {})
        live = self._applied(reference, inputs, manager)
        return reference.id, self._settled(reference, inputs, live, manager, custom_seconds)

    def _check_takeover(self, reference: Reference, inputs: Object, existing: Object) -> None:
        """Refuse in a preview what `create` will refuse, unless this may be the object that is being replaced."""
        if self._is_ours(existing) or _is_forced(inputs):
            return
        refusal = taken(str(reference), existing, annotation(existing, state.URN))
        if not _made_by_pulumi(existing):
            raise refusal
        self.warn(str(refusal))

    # Read

    def read(self, identifier: str, inputs: Object, old_state: Object) -> tuple[str, Object, Object] | None:
        """The object's id, state and inputs as they are now; None when it is gone.

        Raises Incomplete when it is there but not ready.
        """
        try:
            kind, reference = self._recorded(identifier, old_state, inputs)
        except NoSuchKind:
            return None
        live = self.cluster.get(reference)
        if live is None:
            return None
        manager = self._manager(inputs, old_state)
        now = self._inputs_now(kind, inputs, old_state, live)
        new_state = state.recorded(kind, now, live, manager)
        missing = "" if not inputs or is_patch(self.urn) else unready(kind, live)
        if missing:
            raise Incomplete(identifier, new_state, now, f"{reference}: {missing}")
        return identifier, new_state, now

    def _inputs_now(self, kind: Kind, inputs: Object, old_state: Object, live: Object) -> Object:
        if not inputs:
            return state.secret_inputs(kind, drift.adopted(live))
        before = state.live_of(old_state)
        now = drift.refreshed(plain(inputs), before if before.get("metadata") else live, live)
        return state.secret_inputs(kind, marked(now, inputs))

    # Update

    def preview_update(self, identifier: str, inputs: Object, old_state: Object) -> Object:
        """The state to expect after `update`. Raises PluginError for what the server would refuse."""
        kind = kind_of(inputs, self.urn)
        if has_unknown(inputs) or not self.cluster.discovery.knows(kind):
            return inputs
        _, reference = self._recorded(identifier, old_state, inputs)
        manager = self._manager(inputs, old_state)
        try:
            dry_run = self._apply(reference, inputs, manager, dry_run=True)
        except ApiError as error:
            if _is_untellable(error):
                return inputs
            raise self._refusal(error, reference, inputs) from error
        return state.recorded(kind, inputs, dry_run, manager)

    def update(self, identifier: str, inputs: Object, old_state: Object, custom_seconds: float) -> Object:
        """Change the object and wait until it is ready: its new state.

        Raises Incomplete when it was changed but is not ready, PluginError when it could not be changed.
        """
        _, reference = self._recorded(identifier, old_state, inputs)
        manager = self._manager(inputs, old_state)
        live = self._applied(reference, inputs, manager)
        return self._settled(reference, inputs, live, manager, custom_seconds)

    # Delete

    def delete(self, identifier: str, inputs: Object, old_state: Object, custom_seconds: float) -> None:
        """Delete the object and wait until it is gone; gone already is fine.

        Raises NotReady when it does not go in time, PluginError when the server refuses.
        """
        try:
            kind, reference = self._recorded(identifier, old_state, inputs)
        except NoSuchKind:
            return
        if is_patch(self.urn):
            self._relinquish(reference, self._manager(inputs, old_state))
            return
        uid = str(part(state.live_of(old_state), "metadata", "uid") or "")
        try:
            live = self.cluster.delete(reference, uid, propagation(inputs, kind))
        except ApiError as error:
            raise PluginError(explained(error, str(reference))) from error
        if live is not None and annotation(inputs, "pulumi.com/skipAwait") != "true":
            self._wait(reference, seconds_allowed(custom_seconds, inputs)).until_gone(live)
        if kind.kind == "CustomResourceDefinition":
            self.cluster.discovery.forget()

    def _relinquish(self, reference: Reference, manager: str) -> None:
        """Give up the fields of a patch: those that no other manager holds go."""
        body: Object = {"apiVersion": reference.kind.api_version, "kind": reference.kind.kind, "metadata": {}}
        if self.cluster.get(reference) is not None:
            self.cluster.apply(reference, self._addressed(body, reference), manager, force=True)

    # Difference

    def must_be_remade(self, inputs: Object, identifier: str) -> bool:
        """Whether a failed job is to be replaced because its annotation asks for it."""
        kind = kind_of(inputs, self.urn)
        if kind.kind != "Job" or annotation(inputs, REPLACE_UNREADY) != "true":
            return False
        live = self.cluster.get(self.cluster.reference(kind, *split_id(identifier)))
        return live is not None and failed(live)

    # Shared

    def _settled(
        self, reference: Reference, inputs: Object, live: Object, manager: str, custom: float
    ) -> Object:
        kind = reference.kind
        if kind.kind == "CustomResourceDefinition":
            self.cluster.discovery.forget()
        try:
            live = (
                live
                if is_patch(self.urn)
                else self._wait(reference, seconds_allowed(custom, inputs)).until_ready(live)
            )
        except PluginError as error:
            if isinstance(error, NotReady):
                live = error.live
            recorded = state.recorded(kind, inputs, live, manager)
            raise Incomplete(reference.id, recorded, inputs, redacted(str(error), inputs)) from error
        return state.recorded(kind, inputs, live, manager)

    def _wait(self, reference: Reference, seconds: float) -> Wait:
        return Wait(self.cluster, reference, seconds, self.cancelled, self.tell)

    def _applied(self, reference: Reference, inputs: Object, manager: str) -> Object:
        """The object after applying `inputs`; refusals that pass by themselves are waited out."""
        deadline = time.monotonic() + _PASSING_SECONDS
        while True:
            try:
                return self._apply(reference, inputs, manager)
            except ApiError as error:
                if not error.is_passing or time.monotonic() > deadline or self.cancelled.is_set():
                    raise self._refusal(error, reference, inputs) from error
                self.tell(error.message)
            self.cancelled.wait(_PASSING_DELAY)

    def _apply(self, reference: Reference, inputs: Object, manager: str, *, dry_run: bool = False) -> Object:
        body = self._addressed(plain(inputs), reference)
        if not is_patch(self.urn):
            metadata: Object = body["metadata"]
            body["metadata"] = {
                **metadata,
                "annotations": {**(metadata.get("annotations") or {}), state.URN: self.urn},
            }
        return self.cluster.apply(reference, body, manager, force=_is_forced(inputs), dry_run=dry_run)

    def _addressed(self, body: Object, reference: Reference) -> Object:
        """`body` as this object of the API: its kind as the server spells it, its namespace where it has one."""
        metadata: Object = {**(body.get("metadata") or {}), "name": reference.name}
        metadata.pop("namespace", None)
        if reference.namespace:
            metadata["namespace"] = reference.namespace
        kind = reference.kind
        return {**body, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}

    def _once_served(self, kind: Kind, inputs: Object) -> Reference:
        """Where the object goes; a kind that is just being defined is waited for."""
        deadline = time.monotonic() + _PASSING_SECONDS / 3
        while True:
            try:
                return self._reference(kind, inputs)
            except NoSuchKind:
                if time.monotonic() > deadline or self.cancelled.wait(_PASSING_DELAY):
                    raise

    def _reference(self, kind: Kind, inputs: Object) -> Reference:
        metadata: Object = plain(inputs).get("metadata") or {}
        return self.cluster.reference(
            kind, str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
        )

    def _recorded(self, identifier: str, old_state: Object, inputs: Object) -> tuple[Kind, Reference]:
        kind = kind_of(inputs or old_state, self.urn)
        return kind, self.cluster.reference(kind, *split_id(identifier))

    def _manager(self, inputs: Object, old_state: Object) -> str:
        asked = annotation(inputs, MANAGER_ANNOTATION)
        if asked:
            return asked
        if is_patch(self.urn) and state.MANAGER not in old_state:
            # Several patches may share one object; each needs a name of its own to give up its fields alone.
            return f"{state.DEFAULT_MANAGER}-{_short_hash(self.urn)}"
        return state.manager_of(old_state)

    def _is_ours(self, live: Object) -> bool:
        return annotation(live, state.URN) == self.urn

    def _refusal(self, error: ApiError, reference: Reference, inputs: Object) -> ApiError:
        """The server's refusal in plain words and without the secrets that it may quote."""
        text = redacted(explained(error, str(reference)), state.secret_inputs(reference.kind, inputs))
        return ApiError(error.status, {**error.answer, "message": text})


def _is_forced(inputs: Object) -> bool:
    return annotation(inputs, FORCE) == "true"


def _made_by_pulumi(live: Object) -> bool:
    return any(
        str(entry.get("manager")).startswith("pulumi") for entry in parts(live, "metadata", "managedFields")
    )


def _is_untellable(error: ApiError) -> bool:
    """Whether a dry run was refused for a reason that says nothing about the deployment itself."""
    if error.status == HTTPStatus.FORBIDDEN:
        return error.is_passing or " cannot " in error.message
    return error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) or "dry run" in error.message


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
