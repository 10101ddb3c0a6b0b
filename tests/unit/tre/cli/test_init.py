"""`tre init` and `tre project add`: what they write is valid, and nothing is ever overwritten."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest

from tre.cli import execute as run
from tre.model.load import load_site

SITE = [
    *("--operator", "olive", "--operator-email", "olive@example.org"),
    *("--expires", "2030-12-31", "--network", "192.0.2.0/24"),
]
IMAGE = "registry.example.org/tre/workspace@sha256:" + "a" * 64
IMAGES = ["--image", IMAGE, "--portal-image", IMAGE]
PROJECT = [
    *("--title", "Hearts: a study", "--approval", "REC-1", "--expires", "2029-12-31", "--budget", "2500"),
    *("--analyst", "ada=ada@example.org", "--checker", "carol=carol@example.org"),
]
ID = "00000000-0000-4000-8000-000000000000"
SHARED = f"/subscriptions/{ID}/resourceGroups/tre-shared/providers"
TARGETS = {
    "kubernetes": [],
    "aws": [
        *("--target", "account=123456789012", "--target", "region=eu-west-2"),
        *("--target", "deployer=arn:aws:iam::123456789012:role/tre-deployer"),
        *("--target", "machine_image=ami-0123456789abcdef0", "--target", "contacts=[spending@example.org]"),
        *("--target", "spend_from=2026-01-01"),
    ],
    "azure": [
        *("--target", f"subscription={ID}", "--target", f"tenant={ID}", "--target", "region=uksouth"),
        *(
            "--target",
            f"machine_image={SHARED}/Microsoft.Compute/galleries/tre/images/machine/versions/1.0.0",
        ),
        *("--target", f"registry={SHARED}/Microsoft.ContainerRegistry/registries/treimages"),
        *(
            "--target",
            "break_glass_key=ssh-ed25519 AAAAC3Nza operators",
            "--target",
            "contacts=[a@example.org]",
        ),
        *("--target", "spend_from=2026-01-01"),
    ],
}


def _site(folder: Path, *options: str, name: str = "demo") -> int:
    return run(["init", name, "--folder", str(folder), *SITE, *options])


def _project(folder: Path, *options: str, name: str = "heart") -> int:
    return run(["project", "add", "demo", name, "--folder", str(folder), *PROJECT, *options])


@pytest.mark.parametrize(("backend", "tier"), [*itertools.product(TARGETS, range(5))])
def test_a_new_site_is_valid_at_every_tier(backend: str, tier: int, tmp_path: Path) -> None:
    images = [] if backend == "kubernetes" else IMAGES
    assert _site(tmp_path / "new", "--backend", backend, "--tier", str(tier), *TARGETS[backend], *images) == 0
    site = load_site(tmp_path / "new", "demo").site
    assert (site.tier, site.targets["main"].backend) == (tier, backend)


def test_a_new_project_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _site(tmp_path) == 0
    data = ["--data", "patients=pseudonymised:airlock", "--data", "codes=open:/usr/share/codes.csv"]
    assert (
        _project(tmp_path, *data, "--owner", "otto=otto@example.org", "--manager", "mary=mary@example.org")
        == 0
    )
    project = load_site(tmp_path, "demo").projects["heart"]
    assert project.title == "Hearts: a study"
    assert [each.roles for each in project.people] == [
        ("data-analyst",),
        ("output-checker",),
        ("information-asset-owner",),
        ("project-manager",),
    ]
    assert [(each.source.image, each.source.airlock) for each in project.data_sets] == [
        (None, True),
        ("/usr/share/codes.csv", None),
    ]
    assert "Next: tre plan demo" in capsys.readouterr().err


def test_a_new_project_needs_no_data_yet(tmp_path: Path) -> None:
    assert (_site(tmp_path), _project(tmp_path)) == (0, 0)
    assert load_site(tmp_path, "demo").projects["heart"].data_sets == ()


@pytest.mark.parametrize("title", ['"', "'", "a: b # c", "- x", "\\", "{}", "é 👩‍⚕️", "null", "&a *a !x", "%"])
def test_any_title_is_written_so_that_it_is_read_back(title: str, tmp_path: Path) -> None:
    assert _site(tmp_path, "--title", title) == 0
    assert load_site(tmp_path, "demo").site.title == title


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pulumi.demo.yaml").write_text("mine")
    assert _site(tmp_path) == 2
    assert (tmp_path / "Pulumi.demo.yaml").read_text() == "mine"
    assert "exists already" in capsys.readouterr().err


def test_printing_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _site(tmp_path, "--print") == 0
    assert list(tmp_path.iterdir()) == []
    printed = capsys.readouterr().out
    assert _site(tmp_path) == 0
    assert (tmp_path / "Pulumi.demo.yaml").read_text() == printed


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--tier", "3", "--network", "campus"], "is not a network"),
        (["--title", "CHANGEME"], "CHANGEME was left here"),
        (["--expires", "2020-01-01"], "ended on 2020-01-01"),
        (["--operator", "Olive O"], "does not have the right form"),
        (["--image", "registry.example.org/workspace:latest"], "does not have the right form"),
        (["--target", "colour=red"], "unknown key"),
        (["--target", "nonsense"], "is no KEY=VALUE"),
        (["--target", "storage={"], "is not valid YAML"),
        (["--target", "kubeconfig=/etc/kubeconfig"], "embedded image"),
        (["--backend", "aws"], "is missing"),
    ],
)
def test_what_would_not_be_valid_is_not_written(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _site(tmp_path / "new", *options) == 2
    assert not (tmp_path / "new").exists()
    err = capsys.readouterr().err
    assert told in err
    assert "Nothing was written." in err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--checker", "ada=ada@example.org"], "is listed already"),
        (["--data", "patients=sensitive:airlock"], "needs 2 output checkers"),
        (["--data", "patients=secret:airlock"], "is not one of the choices"),
        (["--data", "patients"], "is no NAME=CLASSIFICATION:SOURCE"),
        (["--analyst", "ada"], "is no NAME=EMAIL"),
        (["--budget", "lots"], "is no amount"),
        (["--budget", "inf"], "is no amount"),
        (["--budget", "-1"], "out of range"),
        (["--currency", "£"], "does not have the right form"),
        (["--target", "elsewhere"], "no target"),
    ],
)
def test_a_project_that_would_not_be_valid_is_not_written(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _site(tmp_path, "--tier", "3") == 0
    two = ["--checker", "chen=chen@example.org", "--data", "answers=pseudonymised:airlock"]
    capsys.readouterr()
    enough = two if "sensitive" not in str(options) else []
    assert _project(tmp_path, *enough, *options) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["Pulumi.demo.yaml"]
    err = capsys.readouterr().err
    assert "Nothing was written." in err
    assert told in err or "--checker: is missing" in err


@pytest.mark.parametrize("name", ["../heart", "Heart", "h", "a" * 21, "heart\n  tier: 0"])
def test_a_name_never_becomes_a_path(name: str, tmp_path: Path) -> None:
    assert _site(tmp_path) == 0
    assert _site(tmp_path, name=name) == 2
    assert _project(tmp_path, name=name) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["Pulumi.demo.yaml"]


def test_what_only_a_person_knows_is_asked_for_and_never_made_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "demo", "--folder", str(tmp_path)]) == 2
    assert "--operator-email: is missing" in capsys.readouterr().err
    assert _site(tmp_path) == 0
    assert run(["project", "add", "demo", "heart", "--folder", str(tmp_path), "--title", "Hearts"]) == 2
    assert "--approval: is missing" in capsys.readouterr().err
    assert "CHANGEME" not in (tmp_path / "Pulumi.demo.yaml").read_text()


class Terminal(io.StringIO):
    """A person who answers."""

    def isatty(self) -> bool:
        return True


def test_a_person_at_a_terminal_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ["--folder", str(tmp_path)]
    monkeypatch.setattr("sys.stdin", Terminal("olive@example.org\n\nolive\n2030-12-31\n"))
    assert run(["init", "demo", *folder]) == 0
    answers = "Hearts\nREC-1\n2029-12-31\nada=ada@example.org\ncarol=carol@example.org\n2500\n"
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    assert run(["project", "add", "demo", "heart", *folder]) == 0
    loaded = load_site(tmp_path, "demo")
    assert loaded.site.title == "demo TRE"
    assert [each.name for each in loaded.projects["heart"].people] == ["ada", "carol"]
    monkeypatch.setattr("sys.stdin", Terminal("olive@example.org\n\nolive\nsoon\n"))
    assert run(["init", "other", *folder]) == 2
