"""OCI image layouts: made from one file, named, and streamed to containerd.

Written here because an image of one static file is three small JSON documents and a tar, and because its digest is
then known without a registry and without root. Follows the OCI image specification 1.1 (image-layout, manifest).
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

REGISTRY: Final = "registry.tre.local"
"""The registry that images are named after. It does not exist: every node finds them locally."""

_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Program:
    """An image of one static file: where the file is, where it goes, and how it is started."""

    file: Path
    entrypoint: Sequence[str]
    user: str = "65535:65535"


def write_program(layout: Path, program: Program) -> None:
    """Write the layout of an image that holds `program` alone. The same file always gives the same digest."""
    layer = _layer(program)
    config = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": list(program.entrypoint), "User": program.user},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _blob(layout, _CONFIG, _encode(config)),
        "layers": [_blob(layout, _LAYER, layer)],
    }
    _write_index(layout, _blob(layout, _MANIFEST, _encode(manifest)))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def name_layout(layout: Path, name: str) -> str:
    """Give the layout's only image the reference that contains its digest, and return that reference.

    Raises:
        ValueError: the layout holds no image, or several.
    """
    index = cast("Mapping[str, Any]", json.loads((layout / "index.json").read_text()))
    manifests = cast("Sequence[Mapping[str, Any]]", index["manifests"])
    if len(manifests) != 1:
        raise ValueError(f"{layout} holds {len(manifests)} images, not one")
    reference = f"{REGISTRY}/{name}@{manifests[0]['digest']}"
    # containerd names an imported image after this annotation, so the kubelet finds it by digest.
    annotations = {"io.containerd.image.name": reference}
    _write_index(layout, {**manifests[0], "annotations": annotations})
    return reference


def stream_layout(layout: Path, out: IO[bytes]) -> None:
    """Write the layout to `out` as one tar archive, the form that `ctr images import` reads."""
    with tarfile.open(fileobj=out, mode="w|") as archive:
        for path in sorted(layout.rglob("*")):
            if path.is_file():
                archive.add(path, arcname=str(path.relative_to(layout)))


def _layer(program: Program) -> bytes:
    member = tarfile.TarInfo(program.entrypoint[0].lstrip("/"))
    member.mode, member.size = 0o755, program.file.stat().st_size
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive, program.file.open("rb") as content:
        archive.addfile(member, content)
    return buffer.getvalue()


def _blob(layout: Path, media_type: str, content: bytes) -> dict[str, Any]:
    digest = _digest(content)
    file = layout / "blobs" / digest.replace(":", "/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _write_index(layout: Path, manifest: Mapping[str, Any]) -> None:
    index = {"schemaVersion": 2, "manifests": [manifest]}
    (layout / "index.json").write_bytes(_encode(index))


def _encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
