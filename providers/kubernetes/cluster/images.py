"""Container images without a registry: built once, kept in the cache, named by digest, imported by the cluster.

Most are built from their Containerfile by buildah on a base that mmdebstrap makes; `pause` and `coredns` are images
of one static file. `tre cluster images` builds what is missing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from providers.kubernetes.cluster import ingredients, oci, tools
from providers.kubernetes.cluster.mounts import mount_points
from tre import paths
from tre.errors import failure
from tre.locks import alone

Report = Callable[[str], None]

NAMES: Final = ("pause", "coredns", "workspace", "postgres", "scanner", "keycloak", "portal")
BASE: Final = "docker.io/library/debian:bookworm-slim"
_SUITE: Final = "bookworm"
_SEARCHED: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RECIPE: Final = "1"
"""Part of every key: raise it when the way of building changes what is built."""

_BASE_OPTIONS: Final = (
    "--variant=minbase",
    "--include=ca-certificates",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    '--aptopt=Acquire::Languages "none"',
)


@dataclass(frozen=True)
class Image:
    """A built image: its name, the reference pods use (`registry.tre.local/name@sha256:...`), its OCI layout."""

    name: str
    reference: str
    layout: Path


def build(names: Iterable[str] = NAMES, report: Report = print) -> Mapping[str, Image]:
    """Return the named images, building those whose sources have changed since they were last built.

    Raises:
        TreError: a tool is missing, or a build failed; the build's own log is named.
    """
    return {name: _find(name) or _build(name, report) for name in names}


def image_reference(name: str) -> str:
    """Return the reference under which the cluster holds the image `name`.

    Raises:
        TreError: the image is not built.
    """
    image = _find(name)
    if image is None:
        raise failure(f"image {name}", "it is not built", "tre cluster images")
    return image.reference


def _find(name: str) -> Image | None:
    layout = _folder() / name / _key(name)
    reference = layout / "reference"
    return Image(name, reference.read_text(), layout / "layout") if reference.exists() else None


def _folder() -> Path:
    return paths.cache_folder() / "images"


def _sources(name: str) -> Sequence[Path]:
    if name == "coredns":
        return [tools.find("coredns")]
    own = sorted(path for path in (paths.checkout() / "images" / name).rglob("*") if path.is_file())
    return [*own, *ingredients.sources(name)]


def _key(name: str) -> str:
    digest = hashlib.sha256(f"{_RECIPE}\n{_SUITE}\n{_BASE_OPTIONS}\n{ingredients.words(name)}".encode())
    for path in _sources(name):
        digest.update(_told(path) + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _told(path: Path) -> bytes:
    """Return a source's place in the checkout, the same on every machine; a tool's, outside it, is its name."""
    checkout = paths.checkout()
    inside = path.is_relative_to(checkout)
    return str(path.relative_to(checkout) if inside else path.name).encode()


def _build(name: str, report: Report) -> Image:
    place = _folder() / name / _key(name)
    with alone(place.parent / ".lock", f"image {name}: another run is making it"):
        found = _find(name)
        if found is not None:
            return found
        report(f"building the image {name}")
        _discard_killed_builds(place.parent)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".building-") as work:
            layout = Path(work) / "result" / "layout"
            layout.mkdir(parents=True)
            _make(name, layout, Path(work))
            reference = oci.name_layout(layout, name)
            (layout.parent / "reference").write_text(reference)
            shutil.rmtree(place, ignore_errors=True)
            layout.parent.replace(place)
    return Image(name, reference, place / "layout")


def _discard_killed_builds(folder: Path) -> None:
    """Remove what builds that were killed have left. Called with the image's lock held, so none is at work."""
    for left in folder.glob(".building-*"):
        for point in [point for point in mount_points() if Path(point).is_relative_to(left)]:
            subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)
        shutil.rmtree(left, ignore_errors=True)


def _make(name: str, layout: Path, work: Path) -> None:
    if name == "pause":
        program = oci.Program(_compile_pause(work), ["/pause"])
        oci.write_program(layout, program)
    elif name == "coredns":
        oci.write_program(layout, oci.Program(tools.find("coredns"), ["/coredns"]))
    else:
        _build_containerfile(name, layout, work)


def _compile_pause(work: Path) -> Path:
    source, out = paths.checkout() / "images/pause/pause.c", work / "pause"
    options = [
        "-O2",
        "-static",
        "-nostdlib",
        "-ffreestanding",
        "-fno-stack-protector",
        "-Wl,--build-id=none",
        "-s",
    ]
    _run([str(tools.find("clang")), *options, "-o", str(out), str(source)], _log("pause"))
    return out


def _build_containerfile(name: str, layout: Path, work: Path) -> None:
    log = _log(name)
    # A storage of its own, thrown away afterwards: nothing stays in the machine's own container storage.
    storage = ["--root", str(work / "storage"), "--runroot", str(work / "run"), "--storage-driver", "overlay"]
    buildah = [str(tools.find("buildah")), *storage]
    try:
        _import_base(buildah, log)
        # A machine's own authority, if it has one. A copy, because packages write certificates of their own there.
        trusted = work / "certificates"
        shutil.copytree("/etc/ssl/certs", trusted, ignore_dangling_symlinks=True)
        certificates = ["--volume", f"{trusted}:/etc/ssl/certs"]
        options = ["--isolation", "chroot", "--network", "host", "--pull=false", "--squash", *certificates]
        folder = work / "context"
        shutil.copytree(paths.checkout() / "images" / name, folder)
        ingredients.gather(name, folder, lambda command: _run(command, log))
        _run([*buildah, "bud", *options, "--tag", name, str(folder)], log)
        _run([*buildah, "push", "--disable-compression", name, f"oci:{layout}:{name}"], log)
    finally:
        subprocess.run([*buildah, "rm", "--all"], check=False, capture_output=True)


def _import_base(buildah: Sequence[str], log: Path) -> None:
    archive = _base(log)
    made = subprocess.run([*buildah, "from", "scratch"], check=True, capture_output=True, text=True)
    container = made.stdout.strip()
    _run([*buildah, "add", container, str(archive), "/"], log)
    _run(
        [
            *buildah,
            "config",
            "--env",
            _SEARCHED,
            container,
        ],
        log,
    )
    _run([*buildah, "commit", "--disable-compression", "--rm", container, BASE], log)


def _base(log: Path) -> Path:
    """Return the archive of the Debian base. It carries the name that the Containerfiles ask for.

    Made from packages rather than pulled: a machine with a package mirror and no registry builds the same image.
    """
    key = hashlib.sha256(f"{_RECIPE}\n{_SUITE}\n{_BASE_OPTIONS}".encode()).hexdigest()[:16]
    archive = _folder() / "base" / f"{_SUITE}-{key}.tar"
    with alone(archive.parent / ".lock", "base image: another run is making it"):
        if not archive.exists():
            partial = archive.with_name(f"partial-{os.getpid()}.tar")
            mirror = [os.environ["TRE_DEBIAN_MIRROR"]] if "TRE_DEBIAN_MIRROR" in os.environ else []
            _run([str(tools.find("mmdebstrap")), *_BASE_OPTIONS, _SUITE, str(partial), *mirror], log)
            partial.replace(archive)
    return archive


def _log(name: str) -> Path:
    return _folder() / name / "build.log"


def _run(command: Sequence[str], log: Path) -> None:
    with log.open("ab") as out:
        ended = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    if ended.returncode != 0:
        step = Path(command[0]).name
        raise failure(
            f"image {log.parent.name}", f"{step} ended with {ended.returncode}", f"its log is {log}"
        )
