"""Which object a resource is: its kind, its name, its id."""

import hashlib
import secrets
from typing import Any, NamedTuple, cast

from providers.kubernetes.plugin.values import Object, annotation, part, plain

AUTONAMED = "pulumi.com/autonamed"
"""The annotation by which the official plugin tells a name it made from one that was given."""
_SUFFIX = 8
"""Hexadecimal digits after an automatic name, as in the official plugin."""
_LONGEST_NAME = 253
"""Characters; a DNS subdomain, the longest that any Kubernetes name may be."""


class Kind(NamedTuple):
    """One kind of object in one API version, such as `apps/v1` `Deployment`."""

    api_version: str
    kind: str

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


class Reference(NamedTuple):
    """One object in a cluster. `namespace` is empty for objects that have none."""

    kind: Kind
    namespace: str
    name: str

    @property
    def id(self) -> str:
        """The id that the engine keeps: `namespace/name`, or `name`."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.id}"


def type_token(urn: str) -> str:
    """The type in a URN: `urn:pulumi:demo::tre::parent$kubernetes:core/v1:Pod::name` gives `kubernetes:core/v1:Pod`."""
    return urn.split("::")[2].rpartition("$")[2]


def resource_name(urn: str) -> str:
    """The name that the program gave the resource; it may itself hold `::`."""
    return urn.split("::", 3)[3]


def is_patch(urn: str) -> bool:
    """Whether the resource changes some fields of an object that it does not own, as `NamespacePatch` does."""
    _, module, name = type_token(urn).split(":")
    return "/" in module and name.endswith("Patch") and name != "Patch"


def is_supported(urn: str) -> bool:
    """Whether the type is one object of the API: not a list of them, a chart or a YAML file."""
    _, module, name = type_token(urn).split(":")
    if module.startswith(("helm.sh", "kustomize", "yaml")):
        return False
    return not (name.endswith("List") and "/" in module)


def canonical(api_version: str) -> str:
    """The API version as the server spells it: the SDK's tokens say `core/v1` for `v1`."""
    return api_version.removeprefix("core/")


def kind_of(inputs: Object, urn: str) -> Kind:
    """The kind that `inputs` state, else the one in the URN's type token.

    Raises ValueError for a custom resource without `apiVersion` and `kind`, whose token tells neither.
    """
    api_version, kind = plain(inputs.get("apiVersion")), plain(inputs.get("kind"))
    if api_version and kind:
        return Kind(canonical(str(api_version)), str(kind))
    _, module, name = type_token(urn).split(":")
    if "/" not in module:
        raise ValueError(f"{urn}: a custom resource needs apiVersion and kind")
    return Kind(canonical(module), name.removesuffix("Patch") if is_patch(urn) else name)


def split_id(identifier: str) -> tuple[str, str]:
    """The namespace (or an empty string) and the name in a resource's id."""
    namespace, _, name = identifier.rpartition("/")
    return namespace, name


def is_autonamed(inputs: Object) -> bool:
    """Whether the name in `inputs` was made by a plugin."""
    return annotation(inputs, AUTONAMED) == "true"


def with_name(inputs: Object, old_inputs: Object, urn: str, seed: bytes) -> Object:
    """`inputs` with a name: the given one, else the automatic one it had, else a new automatic one.

    `seed` (bytes, may be empty) makes a preview and the deployment after it choose the same name.
    """
    given: Any = inputs.get("metadata") or {}
    if not isinstance(given, dict) or cast(Object, given).get("name"):
        return inputs
    old_name = part(old_inputs, "metadata", "name") if is_autonamed(old_inputs) else None
    metadata: Object = {**given, "name": plain(old_name) or automatic_name(resource_name(urn), seed)}
    annotations: Any = metadata.get("annotations") or {}
    if isinstance(annotations, dict):
        metadata["annotations"] = {**cast(Object, annotations), AUTONAMED: "true"}
    return {**inputs, "metadata": metadata}


def automatic_name(base: str, seed: bytes) -> str:
    """A unique, legal name: `base`, a hyphen and eight hexadecimal digits."""
    suffix = (
        hashlib.sha256(seed + base.encode()).hexdigest()[:_SUFFIX]
        if seed
        else secrets.token_hex(_SUFFIX // 2)
    )
    return f"{base[: _LONGEST_NAME - _SUFFIX - 1]}-{suffix}"
