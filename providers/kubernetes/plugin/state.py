"""What the engine's state holds of an object, in the official plugin's shape, with secrets marked.

The live object is at the top level, so that programs can read its fields; beside it stand `__inputs`,
`__initialApiVersion` and `__fieldManager`.
"""

from typing import Any, cast

from providers.kubernetes.plugin.naming import Kind
from providers.kubernetes.plugin.values import UNKNOWN, Object, Secret, marked, part, plain

INPUTS = "__inputs"
INITIAL_VERSION = "__initialApiVersion"
MANAGER = "__fieldManager"
DEFAULT_MANAGER = "pulumi"
URN = "pulumi.com/urn"
"""The annotation that says which resource of which stack made an object. It lets a deployment that was killed
between making an object and recording it take that object up again, and nobody else's."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SECRET_FIELDS = ("data", "stringData")
# What a dry run makes up, or what only a controller will fill in.
_UNTOLD = ("uid", "resourceVersion", "creationTimestamp", "generation")
_ALLOCATED = ("clusterIP", "clusterIPs", "healthCheckNodePort")


def secret_inputs(kind: Kind, inputs: Object) -> Object:
    """`inputs` with the contents of a Secret marked secret, whatever the program said."""
    if kind != Kind("v1", "Secret"):
        return inputs
    return {key: Secret(plain(value)) if key in _SECRET_FIELDS else value for key, value in inputs.items()}


def recorded(kind: Kind, inputs: Object, live: Object, manager: str) -> Object:
    """The state of a live object; `inputs` carry the marks of what is secret."""
    state = secret_inputs(kind, cast(Object, marked(live, _with_data(inputs))))
    state = _without_managers(_without_copy_of_secrets(kind, state))
    state[INPUTS] = secret_inputs(kind, inputs)
    state[INITIAL_VERSION] = plain(inputs.get("apiVersion", kind.api_version))
    state[MANAGER] = manager
    return state


def foreseen(kind: Kind, inputs: Object, dry_run: Object, manager: str) -> Object:
    """The state that a preview expects after creating the object: what a dry run cannot tell is unknown."""
    live = {key: value for key, value in dry_run.items() if key != "status"}
    live["metadata"] = {**live["metadata"], **dict.fromkeys(_UNTOLD, UNKNOWN)}
    if kind == Kind("v1", "Service"):
        live["spec"] = _with_unknown_addresses(live.get("spec") or {}, part(plain(inputs), "spec") or {})
    return {**recorded(kind, inputs, live, manager), "status": UNKNOWN}


def _with_unknown_addresses(spec: Object, asked: Object) -> Object:
    return {key: UNKNOWN if key in _ALLOCATED and key not in asked else value for key, value in spec.items()}


def manager_of(state: Object) -> str:
    """The field manager in a state, as this or the official plugin recorded it."""
    return str(plain(state.get(MANAGER)) or DEFAULT_MANAGER)


def inputs_of(state: Object, given: Object) -> Object:
    """The old inputs: as the engine gave them, else as the state keeps them."""
    return given or state.get(INPUTS) or {}


def live_of(state: Object) -> Object:
    """The object as the state has it, without marks."""
    return {key: value for key, value in plain(state).items() if not key.startswith("__")}


def _with_data(inputs: Object) -> Object:
    # The server moves stringData into data, so a mark on the one belongs on the other.
    written = inputs.get("stringData")
    if written is None:
        return inputs
    data: Any = inputs.get("data")
    merged = written if data is None else Secret(None)
    return {**inputs, "data": merged}


def _without_managers(state: Object) -> Object:
    """`state` without the record of field managers: a fifth of it, written anew by the engine at every step."""
    metadata: Object = state.get("metadata") or {}
    return {**state, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


def _without_copy_of_secrets(kind: Kind, state: Object) -> Object:
    """`state` with kubectl's own copy of a Secret's contents marked secret too."""
    copy = part(state, "metadata", "annotations", _LAST_APPLIED)
    if kind.kind != "Secret" or copy is None:
        return state
    metadata: Object = state["metadata"]
    annotations = {**metadata["annotations"], _LAST_APPLIED: Secret(plain(copy))}
    return {**state, "metadata": {**metadata, "annotations": annotations}}
