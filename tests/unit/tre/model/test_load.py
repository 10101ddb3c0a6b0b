"""What belongs to a site, and what is told when files do not fit each other."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from components.backend import Backend
from tests.unit.tre.model.samples import PROJECT, SITE, TODAY, changed, lay_out
from tre import registry
from tre.errors import InvalidInput, Problem
from tre.model.load import load_all, load_site, site_names


def _problems(load: Callable[[], object]) -> list[Problem]:
    with pytest.raises(InvalidInput) as raised:
        load()
    return list(raised.value.problems)


def _named(name: str, text: str = SITE) -> str:
    return changed(text, ("name: demo", f"name: {name}"))


def test_a_site_is_loaded_with_its_projects_by_name(tmp_path: Path) -> None:
    lay_out(tmp_path)
    lay_out(tmp_path, None, changed(PROJECT, ("name: heart", "name: asthma")), "asthma")
    loaded = load_site(tmp_path, "demo", today=TODAY)
    assert loaded.site.name == "demo"
    assert list(loaded.projects) == ["asthma", "heart"]
    assert {stack: file.name for stack, file in loaded.files.items()} == {
        "demo": "Pulumi.demo.yaml",
        "demo-asthma": "Pulumi.demo-asthma.yaml",
        "demo-heart": "Pulumi.demo-heart.yaml",
    }
    assert loaded.warnings == ()


def test_a_site_needs_no_project(tmp_path: Path) -> None:
    assert load_site(lay_out(tmp_path, project=None), "demo", today=TODAY).projects == {}


def test_models_cannot_be_changed(tmp_path: Path) -> None:
    loaded = load_site(lay_out(tmp_path), "demo", today=TODAY)
    with pytest.raises(ValueError, match="frozen"):
        loaded.site.tier = 0  # pyright: ignore[reportAttributeAccessIssue] # what the test tries


def test_an_unknown_site_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (problem,) = _problems(lambda: load_site(tmp_path, "dmeo"))
    assert 'Did you mean "demo"?' in problem.what
    assert problem.remedy == "Sites here: demo."


@pytest.mark.parametrize("name", ["", "..", "../demo", "a" * 17, "De", "a", "a b", "demo\n"])
def test_what_is_no_name_never_becomes_a_path(name: str, tmp_path: Path) -> None:
    (problem,) = _problems(lambda: load_site(lay_out(tmp_path), name))
    assert problem.what == "is no site's name"


def test_the_folder_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert _problems(lambda: load_all(tmp_path / "none"))[0].what == "there is no such folder"
    assert _problems(lambda: load_site(tmp_path / "file", "demo"))[0].what == "is not a folder"
    (tmp_path / "empty").mkdir()
    assert _problems(lambda: load_all(tmp_path / "empty"))[0].what == "holds no site"


def test_a_site_file_that_is_a_folder_is_told(tmp_path: Path) -> None:
    (lay_out(tmp_path, site=None) / "Pulumi.demo.yaml").mkdir()
    assert [each.what for each in _problems(lambda: load_site(tmp_path, "demo", today=TODAY))] == [
        "is a folder, not a file"
    ]


def test_sites_whose_names_begin_alike_are_kept_apart(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "Pulumi.demo-two.yaml").write_text(_named("demo-two"))
    (tmp_path / "Pulumi.demo-two-heart.yaml").write_text(changed(PROJECT, ("site: demo", "site: demo-two")))
    assert list(load_site(tmp_path, "demo", today=TODAY).files) == ["demo", "demo-heart"]
    assert list(load_site(tmp_path, "demo-two", today=TODAY).files) == ["demo-two", "demo-two-heart"]
    assert list(load_all(tmp_path, today=TODAY)) == ["demo", "demo-two"]
    assert site_names(tmp_path) == ["demo", "demo-two"]


def test_a_broken_neighbour_does_not_stop_another_site(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "Pulumi.other.yaml").write_text(": : :")
    assert load_site(tmp_path, "demo", today=TODAY).projects
    assert _problems(lambda: load_all(tmp_path, today=TODAY))[0].where.endswith("Pulumi.other.yaml:1")


def test_a_broken_site_is_not_also_called_missing(tmp_path: Path) -> None:
    lay_out(tmp_path, changed(SITE, ("tier: 3", "tier: 9")))
    assert [each.where.rpartition(".")[2] for each in _problems(lambda: load_all(tmp_path, today=TODAY))] == [
        "tier"
    ]


def test_a_project_of_a_site_that_is_not_there(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "Pulumi.dmeo-heart.yaml").write_text(changed(PROJECT, ("site: demo", "site: dmeo")))
    (problem,) = _problems(lambda: load_all(tmp_path, today=TODAY))
    assert problem.where.endswith("Pulumi.dmeo-heart.yaml:4: config.tre:project.site")
    assert problem.what == 'there is no site "dmeo" here. Did you mean "demo"?'


def test_a_second_file_of_one_project_is_told(tmp_path: Path) -> None:
    lay_out(lay_out(tmp_path), None, PROJECT, "copy")
    (problem,) = _problems(lambda: load_site(tmp_path, "demo", today=TODAY))
    assert problem.where.endswith("Pulumi.demo-copy.yaml:5: config.tre:project.name")
    assert problem.what == '"demo-heart" has a file of its own already'


def test_no_project_may_be_called_as_the_sites_own_parts(tmp_path: Path) -> None:
    lay_out(tmp_path, SITE, changed(PROJECT, ("name: heart", "name: site")), "site")
    (problem,) = _problems(lambda: load_site(tmp_path, "demo", today=TODAY))
    assert "what the site's own parts are called" in problem.what


def test_a_file_that_pulumi_would_pass_over_is_told(tmp_path: Path) -> None:
    lay_out(tmp_path).joinpath("Pulumi.demo-lung.yml").write_text(PROJECT)
    (problem,) = _problems(lambda: load_site(tmp_path, "demo", today=TODAY))
    assert problem.remedy == "Rename it to Pulumi.demo-lung.yaml."


def test_what_pulumi_keeps_for_a_further_target_is_left_alone(tmp_path: Path) -> None:
    file = lay_out(tmp_path) / "Pulumi.demo.cloud.yaml"
    file.write_text("encryptionsalt: v1:abc\n")
    assert list(load_all(tmp_path, today=TODAY)["demo"].files) == ["demo", "demo-heart"]
    file.write_text("encryptionsalt: v1:abc\nconfg: {}\n")
    assert "holds neither" in _problems(lambda: load_all(tmp_path, today=TODAY))[0].what


def test_a_promise_that_a_backend_declares_as_a_gap_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "workspace/no-copy-out"
    lay_out(tmp_path, changed(SITE, ("    contacts:", f"    require: [{asked}]\n    contacts:")))
    monkeypatch.setattr(registry, "backend", Backend)
    assert load_site(tmp_path, "demo", today=TODAY).site.require == (asked,)
    monkeypatch.setattr(registry, "backend", partial(Backend, gaps={asked: "logs can be read"}))
    (problem,) = _problems(lambda: load_site(tmp_path, "demo", today=TODAY))
    assert problem.what == "the backend kubernetes does not keep this promise: logs can be read"
    assert problem.where.endswith(":12: config.tre:site.require[0]")


def test_one_person_keeps_one_address_across_projects(tmp_path: Path) -> None:
    lay_out(tmp_path)
    other = changed(PROJECT, ("name: heart", "name: lung"), ("ada@example.org", "ada@elsewhere.org"))
    lay_out(tmp_path, None, other, "lung")
    (problem,) = _problems(lambda: load_site(tmp_path, "demo", today=TODAY))
    assert problem.where.endswith("Pulumi.demo-lung.yaml:12: config.tre:project.people[0].email")


def test_every_problem_of_every_file_is_told_by_file_and_line(tmp_path: Path) -> None:
    lay_out(tmp_path, changed(SITE, ("tier: 3", "tier: 9"), ("[operator]", "[]"), ("title: D", "titel: D")))
    for name in ("a1", "b2"):
        lay_out(tmp_path, None, changed(PROJECT, ("amount: 100", "amount: -1"), ("heart", name)), name)
    problems = _problems(lambda: load_site(tmp_path, "demo", today=TODAY))
    places = [each.where.rpartition("/")[2].split(":")[:2] for each in problems]
    assert places == [
        ["Pulumi.demo-a1.yaml", "21"],
        ["Pulumi.demo-b2.yaml", "21"],
        ["Pulumi.demo.yaml", "2"],
        ["Pulumi.demo.yaml", "5"],
        ["Pulumi.demo.yaml", "6"],
    ]


def test_lines_sort_as_numbers(tmp_path: Path) -> None:
    lay_out(
        tmp_path, SITE + "    zz: 1\n", changed(PROJECT, ("version: 1", "version: 2"), ("budget:", "bugdet:"))
    )
    lines = [
        int(each.where.split("yaml:")[1].split(":")[0]) for each in _problems(lambda: load_all(tmp_path))
    ]
    assert lines == [2, 3, 21, 21]


def test_what_has_ended_is_advice_for_whoever_takes_things_down(tmp_path: Path) -> None:
    late = datetime.date(2029, 1, 1)
    lay_out(tmp_path)
    assert len(_problems(lambda: load_site(tmp_path, "demo", today=late))) == 2
    loaded = load_site(tmp_path, "demo", today=late, allow_expired=True)
    assert [each.what for each in loaded.warnings] == ["ended on 2028-06-30", "ended on 2028-12-31"]


def test_the_last_day_of_an_approval_still_counts(tmp_path: Path) -> None:
    last = datetime.date(2028, 6, 30)
    assert load_site(lay_out(tmp_path), "demo", today=last).projects
    with pytest.raises(InvalidInput, match="ended on 2028-06-30"):
        load_site(tmp_path, "demo", today=last + datetime.timedelta(days=1))


def test_a_draft_is_judged_with_the_files_that_are_there(tmp_path: Path) -> None:
    lay_out(tmp_path)
    file = tmp_path / "Pulumi.demo-lung.yaml"
    draft = changed(PROJECT, ("name: heart", "name: lung"))
    assert list(load_site(tmp_path, "demo", today=TODAY, drafts={file: draft}).projects) == ["heart", "lung"]
    assert not file.exists()
