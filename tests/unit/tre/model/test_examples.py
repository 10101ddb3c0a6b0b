"""Every example and every stack of the checkout is valid."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tre.model.load import load_all, load_site
from tre.model.tiers import TIER_OF
from tre.paths import checkout
from tre.registry import BACKENDS

EXAMPLES = checkout() / "examples"
KINDS = ("smallest", "typical", "strict")


@pytest.mark.parametrize(("backend", "kind"), [*itertools.product(BACKENDS, KINDS)])
def test_an_example_is_valid_and_for_its_backend(backend: str, kind: str) -> None:
    (loaded,) = load_all(EXAMPLES / backend / kind).values()
    assert {each.backend for each in loaded.site.targets.values()} == {backend}
    assert loaded.projects
    assert loaded.warnings == ()
    assert loaded.site.tier == {"smallest": 2, "typical": 3, "strict": 4}[kind]


def test_there_is_no_example_beside_these() -> None:
    folders = {file.parent.relative_to(EXAMPLES) for file in EXAMPLES.rglob("*.yaml")}
    assert folders == {Path(backend, kind) for backend, kind in itertools.product(BACKENDS, KINDS)}


def test_the_demonstration_is_valid() -> None:
    loaded = load_site(checkout() / "stacks", "demo")
    assert list(loaded.projects) == ["breast", "diabetes"]
    assert loaded.warnings == ()
    people = [{each.name for each in project.people} for project in loaded.projects.values()]
    assert people[0] & people[1] == {"carol"}
    assert {TIER_OF[each.classification] for p in loaded.projects.values() for each in p.data_sets} == {2}


def test_every_file_points_editors_at_its_schema() -> None:
    for file in (*EXAMPLES.rglob("*.yaml"), *(checkout() / "stacks").glob("Pulumi.*.yaml")):
        lines = [
            line
            for line in file.read_text().splitlines()
            if line.startswith("# yaml-language-server: $schema=")
        ]
        assert len(lines) == 1, file
        schema = file.parent / lines[0].partition("=")[2]
        assert schema.resolve().is_file(), file
        assert schema.stem == ("site" if "tre:site:" in file.read_text() else "project")
