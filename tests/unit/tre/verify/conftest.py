"""A state folder of its own for each test, and the demonstration's site with a target in memory."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from components.backend import Backend, Target
from tests.unit.tre.verify.fake import FakeLive
from tre import paths, registry
from tre.engine import ledger
from tre.engine.settings import site_folder
from tre.model.load import LoadedSite, load_site

Reload = Callable[[], LoadedSite]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder, and a cache without a local cluster's images."""
    monkeypatch.setenv("TRE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("TRE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "state"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demonstration's files, free to change."""
    copied = tmp_path / "stacks"
    copied.mkdir()
    for file in (paths.checkout() / "stacks").glob("Pulumi.demo*.yaml"):
        shutil.copy(file, copied)
    monkeypatch.setenv("TRE_FOLDER", str(copied))
    return copied


@pytest.fixture
def reload(folder: Path) -> Reload:
    """Load the site as its files are now."""
    return lambda: load_site(folder, "demo", today=datetime.date(2026, 11, 21))


@pytest.fixture
def loaded(reload: Reload) -> LoadedSite:
    """The demonstration's site."""
    return reload()


def deployed(*stacks: str) -> None:
    """Note, as `tre up` does, that some stacks of the site were deployed just now."""
    when = datetime.datetime.now(datetime.UTC).isoformat()
    for stack in stacks:
        ledger.remember(site_folder("demo"), ledger.Deployed(stack, "", "local", "", "", when, 1))


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> FakeLive:
    """A target in memory in place of every backend's own."""
    made, real = FakeLive(), registry.backend

    def open_live(target: Target) -> FakeLive:
        return made

    def backend(name: str) -> Backend:
        return dataclasses.replace(real(name), live=open_live)

    monkeypatch.setattr(registry, "backend", backend)
    return made
