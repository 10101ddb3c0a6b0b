"""Translation between the engine's property bags and the plugin's values."""

from collections.abc import Mapping
from typing import Any, cast

from google.protobuf.struct_pb2 import ListValue, Struct, Value

from providers.kubernetes.plugin.values import Object, Secret

# How a property bag marks a value that is not plain JSON (sdk/go/common/resource/sig).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  a public constant of the protocol
_LARGEST_EXACT = 2**53


def decode(bag: Struct) -> Object:
    """The property bag `bag` as an object; nulls are left out, whole numbers are integers."""
    return {
        key: _decoded(value) for key, value in bag.fields.items() if value.WhichOneof("kind") != "null_value"
    }


def encode(value: Mapping[str, Any]) -> Struct:
    """The property bag of an object; nulls are left out."""
    bag = Struct()
    _fill(bag, value)
    return bag


def _decoded(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "number_value":
            return _number(value.number_value)
        case "list_value":
            return [_decoded(item) for item in value.list_value.values]
        case "struct_value":
            return _decoded_struct(value.struct_value)
        case _:
            return None


def _number(value: float) -> int | float:
    # A property bag carries every number as a float; Kubernetes refuses 3.0 where it wants 3.
    return int(value) if value.is_integer() and abs(value) <= _LARGEST_EXACT else value


def _decoded_struct(bag: Struct) -> Any:
    if _SIGNATURE in bag.fields and bag.fields[_SIGNATURE].string_value == _SECRET:
        return Secret(_decoded(bag.fields["value"]))
    return decode(bag)


def _fill(bag: Struct, value: Mapping[str, Any]) -> None:
    for key, item in value.items():
        if item is not None:
            _set(bag.fields[key], item)


def _set(target: Value, value: Any) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, Secret):
        target.struct_value.fields[_SIGNATURE].string_value = _SECRET
        _set(target.struct_value.fields["value"], value.value)
    elif isinstance(value, dict):
        target.struct_value.SetInParent()
        _fill(target.struct_value, cast(Object, value))
    elif isinstance(value, list):
        _fill_list(target.list_value, cast(list[Any], value))
    else:
        target.null_value = 0  # pyright: ignore[reportAttributeAccessIssue]  the stub names an enum that is an int


def _fill_list(target: ListValue, values: list[Any]) -> None:
    target.SetInParent()
    for item in values:
        _set(target.values.add(), item)
