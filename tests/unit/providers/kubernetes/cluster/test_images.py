"""Which image belongs to which sources, and what a killed build leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.kubernetes.cluster import images
from tre import paths
from tre.errors import TreError


@pytest.fixture
def containerfile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only source of the image `workspace`, in a checkout and with a cache of the test's own."""
    file = tmp_path / "checkout" / "images" / "workspace" / "Containerfile"
    file.parent.mkdir(parents=True)
    file.write_text("FROM nothing\n")
    monkeypatch.setattr(paths, "checkout", lambda: tmp_path / "checkout")
    monkeypatch.setenv("TRE_CACHE", str(tmp_path / "cache"))
    return file


def pretend_to_build(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(name: str, layout: Path, work: Path) -> None:
        assert work.exists()
        (layout / "index.json").write_text('{"manifests": [{"digest": "sha256:1"}]}')

    monkeypatch.setattr(images, "_make", make)


def test_an_image_that_is_not_built_is_refused_with_the_command_that_builds_it(containerfile: Path) -> None:
    with pytest.raises(TreError, match=r"not built(.|\n)*tre cluster images"):
        images.image_reference("workspace")


def test_an_image_is_built_once_for_the_same_sources(
    containerfile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_to_build(monkeypatch)
    said: list[str] = []
    built = images.build(["workspace"], said.append)["workspace"]
    assert built.reference == images.image_reference("workspace") == "registry.tre.local/workspace@sha256:1"
    assert (built.layout / "index.json").exists()
    images.build(["workspace"], said.append)
    assert said == ["building the image workspace"]


def test_other_sources_are_another_image(containerfile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_to_build(monkeypatch)
    images.build(["workspace"], print)
    containerfile.write_text("FROM something\n")
    with pytest.raises(TreError, match="not built"):
        images.image_reference("workspace")


def test_what_a_killed_build_left_is_removed_by_the_next(
    containerfile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = paths.cache_folder() / "images" / "workspace" / ".building-killed"
    (left / "storage").mkdir(parents=True)
    pretend_to_build(monkeypatch)
    images.build(["workspace"], print)
    assert not left.exists()


def test_a_build_that_fails_names_its_log_and_leaves_no_image(
    containerfile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(name: str, layout: Path, work: Path) -> None:
        log = work / "build.log"
        images._run(["false"], log)  # pyright: ignore[reportPrivateUsage]

    monkeypatch.setattr(images, "_make", make)
    with pytest.raises(TreError, match=r"false ended with 1(.|\n)*build\.log"):
        images.build(["workspace"], print)
    with pytest.raises(TreError, match="not built"):
        images.image_reference("workspace")
