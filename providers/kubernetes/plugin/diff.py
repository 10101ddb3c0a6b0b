"""What a program changed: the difference between the inputs recorded and the inputs wanted now.

Both sides are inputs. What the server adds by itself never shows up here; what someone else changed does, once
a refresh has written it into the recorded inputs (see `drift`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, cast

from providers.kubernetes.plugin.immutable import Path, needs_replacement
from providers.kubernetes.plugin.naming import Kind, canonical, is_autonamed
from providers.kubernetes.plugin.values import Object, part, plain

_DEFAULT_NAMESPACE = "default"


class How(Enum):
    """What happened to a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class Change:
    """One value that differs, and whether the object must be replaced for it."""

    path: Path
    how: How
    replaces: bool


def changes(kind: Kind, old: Object, new: Object, *, patch: bool = False) -> list[Change]:
    """Every value that differs between `old` and `new` inputs, in the order of their keys."""
    old, new = comparable(old), comparable(new)
    return [
        Change(path, how, needs_replacement(kind, old, path, patch=patch))
        for path, how in _differences((), old, new)
    ]


def must_delete_first(old: Object, new: Object) -> bool:
    """Whether a replacement would collide with the object it replaces: same name, same namespace."""
    old, new = comparable(old), comparable(new)
    same = all(part(old, "metadata", key) == part(new, "metadata", key) for key in ("name", "namespace"))
    return same and not is_autonamed(new)


def comparable(inputs: Object) -> Object:
    """`inputs` without secret marks and without spellings that mean the same."""
    result = {key: value for key, value in plain(inputs).items() if not key.startswith("__")}
    if "apiVersion" in result:
        result["apiVersion"] = canonical(str(result["apiVersion"]))
    metadata = result.get("metadata")
    if isinstance(metadata, dict) and cast(Object, metadata).get("namespace") == _DEFAULT_NAMESPACE:
        result["metadata"] = {
            key: value for key, value in cast(Object, metadata).items() if key != "namespace"
        }
    return result


def _differences(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, How]]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _in_objects(path, cast(Object, old), cast(Object, new))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _in_lists(path, cast(list[Any], old), cast(list[Any], new))
    elif not same_value(path, old, new):
        yield path, How.CHANGED


def _in_objects(path: Path, old: Object, new: Object) -> Iterator[tuple[Path, How]]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before is None and after is None:
            continue
        if before is None or after is None:
            yield (*path, key), How.ADDED if before is None else How.REMOVED
        else:
            yield from _differences((*path, key), before, after)


def _in_lists(path: Path, old: list[Any], new: list[Any]) -> Iterator[tuple[Path, How]]:
    for index in range(max(len(old), len(new))):
        if index >= len(old):
            yield (*path, index), How.ADDED
        elif index >= len(new):
            yield (*path, index), How.REMOVED
        else:
            yield from _differences((*path, index), old[index], new[index])


# Maps whose values are quantities, where "1000m" and 1 are the same amount.
_QUANTITIES = frozenset(
    {
        "capacity",
        "default",
        "defaultRequest",
        "hard",
        "limits",
        "max",
        "min",
        "overhead",
        "podFixed",
        "requests",
    }
)
_UNITS = {
    **{
        unit: Decimal(10) ** power
        for unit, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


def same_value(path: Path, old: Any, new: Any) -> bool:
    """Whether two values mean the same to Kubernetes at `path`."""
    if old == new and isinstance(old, bool) == isinstance(new, bool):
        return True
    if not _QUANTITIES.intersection(path):
        return False
    first, second = quantity(old), quantity(new)
    return first is not None and first == second


def quantity(value: Any) -> Decimal | None:
    """The amount a Kubernetes quantity states, or None where it is none: "500m" is 0.5, "1Ki" is 1024."""
    text = str(value)
    unit = next((text[-size:] for size in (2, 1) if text[-size:] in _UNITS), "")
    try:
        return Decimal(text.removesuffix(unit)) * _UNITS.get(unit, Decimal(1))
    except InvalidOperation:
        return None


def spelt(path: Path) -> str:
    """A path as the engine writes property paths: `spec.ports[0]`, `metadata.labels["a.b/c"]`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif key.replace("_", "").replace("-", "").isalnum():
            text += f".{key}" if text else key
        else:
            text += f"[{json.dumps(key)}]"
    return text
