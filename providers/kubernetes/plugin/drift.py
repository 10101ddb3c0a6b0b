"""What someone else changed: the recorded inputs, brought up to date with the live object.

A field has drifted when it differs from what the server reported after this stack last wrote it, so that
defaults and spellings the server adds are never drift. Where a list or a map counts as one value
(`podSelector: {}` narrowed by a label is drift) is read from the server's own record of field managers.
"""

import base64
import json
from typing import Any, cast

from providers.kubernetes.plugin.diff import same_value
from providers.kubernetes.plugin.immutable import Path
from providers.kubernetes.plugin.values import Object, part, parts

_SERVER_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)


def structure(live: Object) -> Object | None:
    """How the object's lists and maps are made up, in Kubernetes's FieldsV1 form; None where there is no record.

    Every manager's record follows the kind's schema, so that all of them together tell most.
    """
    fields: Object | None = None
    for entry in parts(live, "metadata", "managedFields"):
        if not entry.get("subresource"):
            fields = _merged(fields or {}, entry.get("fieldsV1") or {})
    return fields


def _merged(first: Object, second: Object) -> Object:
    return {**first, **{key: _merged(first.get(key) or {}, value) for key, value in second.items()}}


def refreshed(inputs: Object, recorded: Object, live: Object) -> Object:
    """`inputs` as they would have to read for the live object to be theirs.

    `recorded` is the object as the state has it. All three are plain values.
    """
    shape = structure(live)
    result: Object = {key: inputs[key] for key in ("apiVersion", "kind") if key in inputs}
    for key, value in inputs.items():
        if key == "stringData" and "data" in live:
            result[key] = _string_data(value, part(recorded, "data") or {}, live["data"])
        elif key not in result:
            _keep(
                result, key, _refreshed((key,), value, recorded.get(key), live.get(key), _child(shape, key))
            )
    return result


def adopted(live: Object) -> Object:
    """Inputs for an object that no program has described yet, as for an import: all but what the server sets."""
    result = {key: value for key, value in live.items() if key != "status"}
    metadata: Object = live.get("metadata") or {}
    result["metadata"] = {key: value for key, value in metadata.items() if key not in _SERVER_METADATA}
    return result


def _refreshed(path: Path, inputs: Any, recorded: Any, live: Any, shape: Object | None) -> Any:
    if isinstance(inputs, dict) and isinstance(live, dict) and not _is_whole(cast(Object, inputs), shape):
        return _refreshed_map(path, cast(Object, inputs), recorded, cast(Object, live), shape)
    if isinstance(inputs, list) and isinstance(live, list) and _has_keys(shape):
        elements = cast(list[Any], inputs)
        return _refreshed_list(path, elements, recorded, cast(list[Any], live), shape or {})
    return cast(Any, inputs if _is_unchanged(path, inputs, recorded, live) else live)


def _is_unchanged(path: Path, inputs: Any, recorded: Any, live: Any) -> bool:
    return bool(live == recorded) or (live is not None and same_value(path, inputs, live))


def _refreshed_map(path: Path, inputs: Object, recorded: Any, live: Object, shape: Object | None) -> Object:
    before = cast(Object, recorded) if isinstance(recorded, dict) else {}
    result: Object = {}
    for key, value in inputs.items():
        now = _refreshed((*path, key), value, before.get(key), live.get(key), _child(shape, key))
        _keep(result, key, now)
    return result


def _refreshed_list(
    path: Path, inputs: list[Any], recorded: Any, live: list[Any], shape: Object
) -> list[Any]:
    """A list whose elements have keys or are a set: elements of other managers are none of our business."""
    before = cast(list[Any], recorded) if isinstance(recorded, list) else []
    result: list[Any] = []
    for index, value in enumerate(inputs):
        mark = next((mark for mark in shape if _is_marked(value, mark, exactly=False)), None)
        if mark is None:
            result.append(value)
            continue
        now = _element(live, mark)
        if now is not None:
            result.append(_refreshed((*path, index), value, _element(before, mark), now, shape[mark]))
    return result


def _is_whole(inputs: Object, shape: Object | None) -> bool:
    """Whether a map counts as one value: empty, or recorded without any field of its own."""
    return not inputs or (shape is not None and not any(key[:2] in ("f:", "k:", "v:") for key in shape))


def _has_keys(shape: Object | None) -> bool:
    return shape is not None and any(key[:2] in ("k:", "v:") for key in shape)


def _element(values: list[Any], mark: str) -> Any:
    return next((value for value in values if _is_marked(value, mark, exactly=True)), None)


def _is_marked(value: Any, mark: str, *, exactly: bool) -> bool:
    """Whether `value` is the list element with this mark, such as `k:{"name":"web"}`.

    Inputs may leave out a key that the server fills in (`exactly` false), live elements have all of them.
    """
    kind, _, text = mark.partition(":")
    if kind == "v":
        return value == json.loads(text)
    if kind != "k" or not isinstance(value, dict):
        return False
    element = cast(Object, value)
    return all(
        element.get(key, None if exactly else wanted) == wanted for key, wanted in json.loads(text).items()
    )


def _child(shape: Object | None, key: str) -> Object | None:
    return None if shape is None else shape.get(f"f:{key}")


def _keep(result: Object, key: str, value: Any) -> None:
    if value is not None:
        result[key] = value


def _string_data(inputs: Any, recorded: Object, live: Object) -> Any:
    """`stringData` is written only; what became of it is read from `data`."""
    if not isinstance(inputs, dict):
        return inputs
    result: Object = {}
    for key, value in cast(Object, inputs).items():
        now = live.get(key)
        if now == recorded.get(key):
            result[key] = value
        elif now is not None:
            result[key] = base64.b64decode(str(now)).decode(errors="replace")
    return result
