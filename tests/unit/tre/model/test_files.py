"""Every file under `files/` says in its name what it is and in its `#>` lines what must be told of it.

`<what>.<site|project>.<happy|warning|error>.yaml`; a `#>` line holds the place and the problem, the next its
remedy, up to `...` where the rest does not matter here. The other file of the pair comes from the same case
where there is one, else from the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.unit.tre.model.samples import FILES, PROJECT, SITE, TODAY, lay_out
from tre.errors import ExitCode, InvalidInput, Problem
from tre.model.load import load_site

STACKS = {"site": "Pulumi.demo.yaml", "project": "Pulumi.demo-heart.yaml"}
CASES = sorted({tuple(file.name.split(".")[0::2][:2]) for file in FILES.glob("*.*.*.yaml")})


def _text(what: str, kind: str, verdict: str) -> str | None:
    file = FILES / f"{what}.{kind}.{verdict}.yaml"
    return file.read_text() if file.exists() else None


def _expected(text: str | None, file: str) -> list[Problem]:
    lines = [line.removeprefix("#>") for line in (text or "").splitlines() if line.startswith("#>")]
    problems: list[Problem] = []
    for place, remedy in zip(lines[::2], lines[1::2], strict=True):
        where, _, what = place.strip().partition(" | ")
        problems.append(Problem(file if where == "file" else f"{file}:{where}", what, remedy.strip()))
    return problems


def _found(problems: Sequence[Problem], folder: Path) -> list[Problem]:
    def bare(text: str) -> str:
        return text.replace(f"{folder}/", "")

    return [Problem(bare(each.where), bare(each.what), bare(each.remedy)) for each in problems]


def _shortened(problem: Problem | None, like: Problem | None) -> Problem | None:
    """Return a problem whose remedy is cut where the expected one ends in `...`."""
    if problem and like and like.remedy.endswith("...") and problem.remedy.startswith(like.remedy[:-3]):
        return replace(problem, remedy=like.remedy)
    return problem


@pytest.mark.parametrize(("what", "verdict"), CASES)
def test_a_file_is_judged_as_its_name_and_comments_say(what: str, verdict: str, tmp_path: Path) -> None:
    site, project = (_text(what, kind, verdict) for kind in STACKS)
    lay_out(tmp_path, SITE if site is None else site, PROJECT if project is None else project)
    expected = [*_expected(project, STACKS["project"]), *_expected(site, STACKS["site"])]
    if verdict == "error":
        with pytest.raises(InvalidInput) as raised:
            load_site(tmp_path, "demo", today=TODAY)
        assert raised.value.code is ExitCode.INVALID
        assert raised.value.summary.endswith("Nothing was deployed.")
        told = raised.value.problems
    else:
        told = load_site(tmp_path, "demo", today=TODAY).warnings
    assert [
        _shortened(each, like) for each, like in zip_longest(_found(told, tmp_path), expected)
    ] == expected
    assert bool(expected) == (verdict != "happy")
    assert all(each.remedy for each in told)


def test_the_cases_are_found() -> None:
    assert len(CASES) > 60
    assert {verdict for _, verdict in CASES} == {"happy", "warning", "error"}
