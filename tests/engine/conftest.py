"""A site on toy resources, with a state of its own, driven by the real engine."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.backend import Backend
from components.model import Target
from tests.engine.toy_backend import World
from tre import cli, paths, registry, toolchain
from tre.program import Settled

STACKS = paths.checkout() / "stacks"


@dataclass
class Site:
    """The demonstration's files in a folder of their own, and `tre` on them."""

    folder: Path
    state: Path
    world: World
    capture: pytest.CaptureFixture[str]

    def tre(self, *arguments: str) -> tuple[int, str]:
        """Run a command on the site and return its exit code and what a person reads."""
        code = cli.execute([*arguments, "--folder", str(self.folder)])
        told = self.capture.readouterr()
        return code, told.err

    def document(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run a command on the site and return its exit code and its JSON document."""
        return self.document_of(*arguments, "--folder", str(self.folder))

    def document_of(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run a command that needs no files and return its exit code and its JSON document."""
        code = cli.execute([*arguments, "--json"])
        told = self.capture.readouterr()
        assert told.out, told.err
        return code, json.loads(told.out)

    def edit(self, stack: str, before: str, after: str) -> None:
        """Change one place in a stack's file."""
        file = self.folder / f"Pulumi.{stack}.yaml"
        text = file.read_text()
        assert text.count(before) >= 1
        file.write_text(text.replace(before, after, 1))

    def ended(self, *arguments: str, fails: bool = False) -> dict[str, str]:
        """Bring the site up and return how each stack ended; none may fail unless the test wants it."""
        _, document = self.document("up", "demo", "--yes", *arguments)
        failed = [each["failed"] for each in document["stacks"] if each["failed"]]
        assert fails or not failed, json.dumps(failed, indent=1)
        return {each["stack"]: each["ended"] for each in document["stacks"]}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Site:
    """Return the demonstration site on toy resources."""
    folder, state, things = tmp_path / "stacks", tmp_path / "state", tmp_path / "things"
    for each in (folder, things):
        each.mkdir()
    for file in STACKS.glob("Pulumi.demo*.yaml"):
        shutil.copy(file, folder)
    toolchain.ensure("pulumi")
    monkeypatch.setenv("TRE_STATE", str(state))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    for owner, name in ((registry, "backend"), (Settled, "image")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # Put back by the fixture's end.
    return Site(folder, state, on_toys(things), capsys)


def on_toys(things: Path) -> World:
    """Let every target of this process be one of toy resources, kept in a folder."""
    world = World(things)

    def toys(name: str) -> Backend:
        return world.backend()

    registry.backend = toys
    Settled.image = _image
    return world


def _image(self: Settled, name: str, target: Target) -> str:
    return f"example.org/{name}@sha256:{'0' * 64}"
