"""Property values as the plugin holds them: plain JSON in which a secret is wrapped.

The engine's own marks (secret objects, unknown sentinels) are translated in `wire`; everything else in the
plugin works on what is here.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

Object = dict[str, Any]
"""A JSON object: what Kubernetes calls an object, or a part of one."""

# The engine's sentinels for values that a preview cannot know, one for each kind of value
# (sdk/go/common/resource/plugin/rpc.go).
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SENTINELS = frozenset(
    {
        UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_SHORTEST_REDACTED = 4
"""Characters. Shorter secrets would blank out ordinary words of an error message."""


@dataclass(frozen=True)
class Secret:
    """A value that the engine must encrypt in its state."""

    value: Any


def is_unknown(value: Any) -> bool:
    """Whether `value` is one that only the deployment itself will know."""
    return isinstance(value, str) and value in _SENTINELS


def has_unknown(value: Any) -> bool:
    """Whether any part of `value` is unknown."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, dict):
        return any(has_unknown(item) for item in cast(Object, value).values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in cast(list[Any], value))
    return is_unknown(value)


def has_secret(value: Any) -> bool:
    """Whether any part of `value` is secret."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(has_secret(item) for item in cast(Object, value).values())
    if isinstance(value, list):
        return any(has_secret(item) for item in cast(list[Any], value))
    return False


def plain(value: Any) -> Any:
    """A copy of `value` without any secret mark: what the API server is sent."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in cast(Object, value).items()}
    if isinstance(value, list):
        return [plain(item) for item in cast(list[Any], value)]
    return value


def marked(value: Any, like: Any) -> Any:
    """`value`, with every part marked secret that is secret in `like`.

    A list that holds a secret anywhere is secret as a whole, as the official plugin does it: the server may
    have put its elements into another order.
    """
    if isinstance(like, Secret):
        return Secret(plain(value))
    if isinstance(value, dict) and isinstance(like, dict):
        pattern = cast(Object, like)
        return {key: marked(item, pattern.get(key)) for key, item in cast(Object, value).items()}
    return Secret(plain(value)) if has_secret(like) else cast(Any, value)


def part(value: Mapping[str, Any], *path: str) -> Any:
    """The part of `value` at `path`, or None where there is none."""
    found: Any = value
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = cast(Mapping[str, Any], found).get(key)
    return found


def parts(value: Mapping[str, Any], *path: str) -> list[Object]:
    """The list of objects at `path`, empty where there is none."""
    return list(cast(Iterable[Object], part(value, *path) or ()))


def annotation(value: Mapping[str, Any], key: str) -> str:
    """The annotation `key` of a Kubernetes object, or an empty string."""
    return str(plain(part(value, "metadata", "annotations", key)) or "")


def redacted(text: str, value: Any) -> str:
    """`text` without any of the secret strings in `value`, for messages that quote what the server was sent."""
    for secret in sorted(set(_secret_strings(value, False)), key=len, reverse=True):
        if len(secret) >= _SHORTEST_REDACTED:
            text = text.replace(secret, "[secret]")
    return text


def _secret_strings(value: Any, inside: bool) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from _secret_strings(value.value, True)
    elif isinstance(value, dict):
        for item in cast(Object, value).values():
            yield from _secret_strings(item, inside)
    elif isinstance(value, list):
        for item in cast(list[Any], value):
            yield from _secret_strings(item, inside)
    elif inside and isinstance(value, str):
        yield value
        yield base64.b64encode(value.encode()).decode()
        yield from _decoded(value)


def _decoded(value: str) -> Iterator[str]:
    try:
        yield base64.b64decode(value, validate=True).decode()
    except ValueError:
        return
