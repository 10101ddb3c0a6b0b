"""The tiers are the architecture's table, each at least as strict as the one below, and enforced both ways."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import pytest

from tests.unit.tre.model.samples import PROJECT, SITE, TODAY, changed, lay_out
from tre.errors import InvalidInput
from tre.model.load import load_site
from tre.model.resolve import resolve
from tre.model.tiers import STRENGTH, TIER_OF, TIERS, weaker

ARCHITECTURE = {
    "network_out": ["named-destinations", "named-destinations", "none", "none", "none"],
    "packages": ["mirror", "mirror", "mirror", "allow-list", "baked"],
    "clipboard": ["both", "both", "paste-in", "none", "none"],
    "reviewers": [0, 1, 1, 2, 2],
    "encryption": ["any", "required", "own-key", "own-key", "hardware-key"],
    "sign_in": ["anywhere", "anywhere", "anywhere", "named-networks", "named-networks"],
    "runtime": ["any", "any", "any", "any", "sandboxed"],
    "review": ["download", "download", "portal", "portal", "portal"],
}
ENOUGH = """\
    tier: 4
    targets:
      local:
        backend: kubernetes
        runtime_class: gvisor
        storage: { hardware_key: true }
"""
CHECKERS = "".join(
    f"      - {{ name: {name}, email: {name}@example.org, roles: [output-checker] }}\n"
    for name in ("chen", "dora")
)


def test_the_table_is_the_architectures() -> None:
    assert {key: [getattr(tier, key) for tier in TIERS] for key in ARCHITECTURE} == ARCHITECTURE
    assert {field.name for field in dataclasses.fields(TIERS[0])} == {"level", "name", *ARCHITECTURE}
    assert [tier.level for tier in TIERS] == [0, 1, 2, 3, 4]
    assert {tier.name: tier.level for tier in TIERS} == TIER_OF


@pytest.mark.parametrize("setting", STRENGTH)
def test_no_tier_is_weaker_than_the_one_below(setting: str) -> None:
    values = [getattr(tier, setting) for tier in TIERS]
    assert not any(weaker(setting, after, before) for before, after in pairwise(values))
    assert weaker(setting, STRENGTH[setting][0], STRENGTH[setting][-1])


def _files(tier: int, workspace: str, folder: Path) -> Path:
    """Lay out a project of each tier in a site that can hold the most sensitive data."""
    site = changed(SITE, ("    tier: 3\n    targets:\n      local:\n        backend: kubernetes\n", ENOUGH))
    project = changed(
        PROJECT,
        ("classification: pseudonymised", f"classification: {TIERS[tier].name}"),
        ("    data_sets:\n", CHECKERS + "    data_sets:\n"),
        ("    budget:", f"    workspace: {workspace}\n    budget:"),
    )
    return lay_out(folder, site, project)


@pytest.mark.parametrize("tier", range(5))
@pytest.mark.parametrize(
    ("setting", "value"),
    [(key, value) for key in ("clipboard", "packages", "encryption") for value in STRENGTH[key]],
)
def test_a_setting_is_refused_exactly_where_it_is_weaker(
    tier: int, setting: str, value: str, tmp_path: Path
) -> None:
    folder = _files(tier, f"{{ {setting}: {value} }}", tmp_path)
    if weaker(setting, value, getattr(TIERS[tier], setting)):
        with pytest.raises(InvalidInput) as raised:
            load_site(folder, "demo", today=TODAY)
        (problem,) = raised.value.problems
        assert problem.where.endswith(f"workspace.{setting}")
        assert f"tier {tier}" in problem.what
        assert f"{setting}: {getattr(TIERS[tier], setting)}" in problem.remedy
    else:
        loaded = load_site(folder, "demo", today=TODAY)
        assert getattr(resolve(loaded.site, loaded.projects["heart"]), setting) == value


@pytest.mark.parametrize("tier", range(5))
def test_what_is_unset_takes_the_tiers_value(tier: int, tmp_path: Path) -> None:
    loaded = load_site(_files(tier, "{}", tmp_path), "demo", today=TODAY)
    resolved = resolve(loaded.site, loaded.projects["heart"])
    floor = TIERS[tier]
    assert resolved.tier == tier
    assert (resolved.clipboard, resolved.packages) == (floor.clipboard, floor.packages)
    assert resolved.encryption == floor.encryption
    assert resolved.sandboxed == (floor.runtime == "sandboxed")
    assert resolved.destinations == ()


@pytest.mark.parametrize("tier", range(5))
def test_destinations_are_for_tiers_0_and_1(tier: int, tmp_path: Path) -> None:
    folder = _files(tier, "{ destinations: [tools.example.org] }", tmp_path)
    if TIERS[tier].network_out == "none":
        with pytest.raises(InvalidInput, match="no way out"):
            load_site(folder, "demo", today=TODAY)
    else:
        assert load_site(folder, "demo", today=TODAY).projects["heart"].workspace.destinations == (
            "tools.example.org",
        )


@pytest.mark.parametrize(("count", "tier"), [(count, tier) for count in range(3) for tier in range(5)])
def test_enough_people_must_be_able_to_release(count: int, tier: int, tmp_path: Path) -> None:
    folder = _files(tier, "{}", tmp_path)
    file = folder / "Pulumi.demo-heart.yaml"
    text = changed(file.read_text(), (CHECKERS, ""))
    text = changed(text, ("roles: [output-checker]", "roles: [data-steward]"))
    checkers = "".join(CHECKERS.splitlines(keepends=True)[:count])
    file.write_text(changed(text, ("    data_sets:\n", checkers + "    data_sets:\n")))
    if count < TIERS[tier].reviewers:
        with pytest.raises(InvalidInput, match=f"tier {tier} needs {TIERS[tier].reviewers} output checker"):
            load_site(folder, "demo", today=TODAY)
    else:
        assert load_site(folder, "demo", today=TODAY).projects
