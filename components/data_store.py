"""Where a project's data rests: inputs to read, a working area to write, an outbox to the airlock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal

import pulumi

from components.contract import Component, Model, Promise, Spec, TargetT, promises
from components.model import Classification as Classification

PROMISES = promises(
    "data_store",
    {
        "inputs-read-only": ("Researchers read input data and cannot change it.", "3.1.11 3.1.14"),
        "encrypted-at-rest": ("Everything stored is encrypted.", "2.8.01"),
        "encrypted-in-transit": ("Data is encrypted on every wire it crosses.", "2.8.02 2.8.03"),
        "key-per-project": ("Each project's data has a key that opens no other project's.", "2.8.05"),
        "reachable-only-from-project": (
            "Only the project's own workspace, and the site's named services, reach its data.",
            "2.2.10 3.2.03",
        ),
        "recoverable": ("Data lost or damaged by accident can be brought back.", "2.6.01 2.6.02"),
        "kept-on-destroy": ("Destroying a deployment keeps the data.", "3.1.09"),
        "access-recorded": ("Who reached which data, and when, is recorded.", "2.2.14 2.5.03"),
        "retention-enforced": ("Data carries a retention time that the platform acts on.", "3.1.09"),
        "deletion-certified": ("Erasure destroys the key and leaves a certificate.", "3.1.10 1.4.04"),
    },
)


class Source(Model):
    """Where the loader, inside the TRE, takes a data set from.

    `kind` is `image` (a file that the loader's image carries, at `path`) or `airlock` (it comes in by the
    airlock's outside door). The deployer itself never touches the data.
    """

    kind: Literal["image", "airlock"]
    path: str = ""


class DataSet(Model):
    """One input data set; `sha256` (hex) pins its content where it is known beforehand."""

    name: str
    classification: Classification
    source: Source
    sha256: str = ""


class DataStoreSpec(Spec):
    """Sizes are in GiB, `retention_days` counts from the project's end.

    `own_key` asks for a key of the project's own, `hardware_key` for one that never leaves hardware.
    """

    data_sets: tuple[DataSet, ...]
    inputs_gib: int = 1
    working_gib: int = 5
    outbox_gib: int = 1
    retention_days: int = 365
    encrypted: bool = True
    own_key: bool = True
    hardware_key: bool = False
    loader_image: str = ""


@dataclass(frozen=True)
class DataStoreOutputs:
    """References in the backend's own form (a claim's name, a bucket's address), and the key's id."""

    inputs: pulumi.Input[str]
    working: pulumi.Input[str]
    outbox: pulumi.Input[str]
    key: pulumi.Input[str]


class DataStore(Component[DataStoreSpec, TargetT, DataStoreOutputs], Generic[TargetT]):
    """A project's inputs, working area and outbox, encrypted under the project's key."""

    KIND: ClassVar = "DataStore"
    PROMISES: ClassVar[Mapping[str, Promise]] = PROMISES
