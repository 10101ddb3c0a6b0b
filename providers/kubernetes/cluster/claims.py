"""What a claim asks of the volume provisioner, read from Kubernetes objects without talking to anyone."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from providers.kubernetes.cluster import encryption, network
from providers.kubernetes.cluster.encryption import Root

PROVISIONER: Final = "tre.local/volumes"

ENCRYPTED: Final = "tre.local/encrypted"
CIPHER: Final = "tre.local/cipher"
FINGERPRINT: Final = "tre.local/key-fingerprint"
KEY_SECRET: Final = "tre.local/key-secret"  # noqa: S105 - a name, not a secret
OWNER: Final = "tre.local/owner"
MODE: Final = "tre.local/mode"

_PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
_SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
_SECRET: Final = "csi.storage.kubernetes.io/provisioner-secret-"  # noqa: S105 - the prefix of a parameter's name

Document = Mapping[str, Any]


class Unacceptable(Exception):
    """A claim asks for something that is not given; the message becomes an event on the claim."""


@dataclass(frozen=True)
class Secret:
    """Where a key is kept."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Secret | None:
        """Return what `str` wrote; None for an empty text, which means the cluster's own key."""
        namespace, _, name = text.partition("/")
        return cls(namespace, name) if name else None


@dataclass(frozen=True)
class Claim:
    """A claim that waits for this provisioner."""

    document: Document
    storage_class: Document

    @property
    def volume_name(self) -> str:
        """The name that the volume will have."""
        return f"pvc-{self.document['metadata']['uid']}"

    @property
    def encrypted(self) -> bool:
        """Whether the class encrypts. Anything but a plain `true` or `false` is unacceptable."""
        said = _parameters(self.storage_class).get("encrypted", "true")
        if said not in ("true", "false"):
            raise Unacceptable(f"the class says encrypted={said}; it must say true or false")
        return said == "true"

    @property
    def secret(self) -> Secret | None:
        """The Secret that holds the key, after the CSI convention; None means the cluster's own key."""
        parameters = _parameters(self.storage_class)
        names = [parameters.get(f"{_SECRET}{part}", "") for part in ("namespace", "name")]
        if not any(names):
            return None
        if not all(names):
            raise Unacceptable("the class names half a Secret: it needs both a name and a namespace")
        return Secret(*(self._filled(name) for name in names))

    @property
    def root(self) -> Root:
        """Owner and mode that the claim's annotations ask for the volume's root folder."""
        owner = annotation(self.document, OWNER) or "0:0"
        mode = annotation(self.document, MODE) or "1777"
        if not re.fullmatch(r"\d{1,9}:\d{1,9}", owner):
            raise Unacceptable(f"{OWNER}: {owner!r} is not of the form 10001:10001")
        if not re.fullmatch(r"[0-7]{3,4}", mode):
            raise Unacceptable(f"{MODE}: {mode!r} is not of the form 0755")
        user, group = owner.split(":")
        return Root(int(user), int(group), int(mode, 8))

    def refuse_what_is_not_given(self) -> None:
        """Raise `Unacceptable` for what this provisioner does not do."""
        spec = self.document["spec"]
        if spec.get("volumeMode", "Filesystem") != "Filesystem":
            raise Unacceptable("only file system volumes are given, no block devices")
        for field in ("selector", "dataSource", "dataSourceRef"):
            if spec.get(field):
                raise Unacceptable(f"{field} is not supported")

    def volume(self, key_fingerprint: str) -> dict[str, Any]:
        """Return the PersistentVolume to create."""
        metadata, spec = self.document["metadata"], self.document["spec"]
        term = {"key": "kubernetes.io/hostname", "operator": "In", "values": [network.NODE_NAME]}
        claim = {field: metadata[field] for field in ("namespace", "name", "uid")}
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": self.volume_name, "annotations": self._annotations(key_fingerprint)},
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec["accessModes"],
                "volumeMode": "Filesystem",
                "persistentVolumeReclaimPolicy": self.storage_class.get("reclaimPolicy", "Delete"),
                "storageClassName": self.storage_class["metadata"]["name"],
                "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim},
                "local": {"path": f"/run/tre/volumes/{self.volume_name}/data"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}},
            },
        }

    def _annotations(self, key_fingerprint: str) -> dict[str, str]:
        common = {_PROVISIONED_BY: PROVISIONER, ENCRYPTED: str(self.encrypted).lower()}
        if not self.encrypted:
            return common
        secret = str(self.secret or "")
        return {**common, CIPHER: encryption.CIPHER, FINGERPRINT: key_fingerprint, KEY_SECRET: secret}

    def _filled(self, text: str) -> str:
        metadata = self.document["metadata"]
        values = {
            "pvc.namespace": metadata["namespace"],
            "pvc.name": metadata["name"],
            "pv.name": self.volume_name,
        }
        return _Placeholders(text).safe_substitute(values)


class _Placeholders(string.Template):
    """`${pvc.namespace}` and the like, as CSI's external provisioner fills them."""

    braceidpattern = r"(?a:[a-z.]+)"


def waiting(claims: Sequence[Document], classes: Sequence[Document]) -> Sequence[Claim]:
    """Return the claims that this provisioner should serve now."""
    ours = {c["metadata"]["name"]: c for c in classes if c["provisioner"] == PROVISIONER}
    found = [Claim(claim, ours[_class(claim)]) for claim in claims if _class(claim) in ours]
    return [claim for claim in found if _due(claim)]


def released(volumes: Sequence[Document]) -> Sequence[Document]:
    """Return our volumes whose claim is gone and whose policy is to delete them."""
    return [
        volume
        for volume in ours(volumes)
        if volume.get("status", {}).get("phase") == "Released"
        and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    ]


def ours(volumes: Sequence[Document]) -> Sequence[Document]:
    """Return the volumes that this provisioner made."""
    return [volume for volume in volumes if annotation(volume, _PROVISIONED_BY) == PROVISIONER]


def annotation(document: Document, name: str) -> str:
    """Return an annotation, or an empty text."""
    annotations = cast("Mapping[str, str]", document["metadata"].get("annotations") or {})
    return annotations.get(name, "")


def _class(claim: Document) -> str:
    return str(claim["spec"].get("storageClassName") or "")


def _due(claim: Claim) -> bool:
    document = claim.document
    if document.get("status", {}).get("phase") != "Pending" or document["spec"].get("volumeName"):
        return False
    at_once = claim.storage_class.get("volumeBindingMode") != "WaitForFirstConsumer"
    return at_once or annotation(document, _SELECTED_NODE) == network.NODE_NAME


def _parameters(storage_class: Document) -> Mapping[str, str]:
    return storage_class.get("parameters") or {}
