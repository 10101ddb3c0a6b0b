"""Image layouts: their digests are right, and the same content gives the same image."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from providers.kubernetes.cluster import oci


def layout(folder: Path, content: bytes = b"program") -> tuple[Path, str]:
    folder.mkdir()
    program = folder.parent / "program"
    program.write_bytes(content)
    oci.write_program(folder, oci.Program(program, ["/program"]))
    return folder, oci.name_layout(folder, "thing")


def test_every_blob_has_the_digest_that_it_is_named_after(tmp_path: Path) -> None:
    made, reference = layout(tmp_path / "a")
    blobs = list((made / "blobs/sha256").iterdir())
    assert len(blobs) == 3
    assert all(hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name for blob in blobs)
    assert (made / "blobs/sha256" / reference.rpartition(":")[2]).exists()


def test_the_same_program_is_the_same_image_and_another_is_not(tmp_path: Path) -> None:
    first, again, other = (layout(tmp_path / n, c)[1] for n, c in [("a", b"1"), ("b", b"1"), ("c", b"2")])
    assert first == again != other
    assert first.startswith("registry.tre.local/thing@sha256:")


def test_containerd_is_told_the_reference(tmp_path: Path) -> None:
    made, reference = layout(tmp_path / "a")
    index = json.loads((made / "index.json").read_text())
    assert index["manifests"][0]["annotations"]["io.containerd.image.name"] == reference


def test_an_image_runs_its_program_as_nobody(tmp_path: Path) -> None:
    made, _ = layout(tmp_path / "a")
    blobs = [
        json.loads(b.read_bytes()) for b in (made / "blobs/sha256").iterdir() if b.read_bytes()[:1] == b"{"
    ]
    config = next(blob for blob in blobs if "rootfs" in blob)
    assert config["config"] == {"Entrypoint": ["/program"], "User": "65535:65535"}


def test_a_layout_is_streamed_whole(tmp_path: Path) -> None:
    made, _ = layout(tmp_path / "a")
    out = io.BytesIO()
    oci.stream_layout(made, out)
    out.seek(0)
    with tarfile.open(fileobj=out) as archive:
        names = set(archive.getnames())
    assert {"index.json", "oci-layout"} < names
    assert len(names) == 5


def test_a_layout_of_several_images_has_no_one_name(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text('{"manifests": [{}, {}]}')
    with pytest.raises(ValueError, match="2 images"):
        oci.name_layout(tmp_path, "thing")
