"""Where the engine's state and secrets are."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from tre.engine.settings import Settings, settings, stack_secrets
from tre.errors import TreError


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty state folder, with nothing of Pulumi's in the environment."""
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRE_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def _made(tmp_path: Path) -> Settings:
    (tmp_path / "stacks").mkdir(exist_ok=True)
    return settings("demo", tmp_path / "stacks")


def test_state_is_a_private_local_folder_unless_somebody_says_otherwise(state: Path, tmp_path: Path) -> None:
    made = _made(tmp_path)
    assert made.local_state == state / "stacks"
    assert made.project == "tre"
    assert (state / "stacks").stat().st_mode & 0o777 == 0o700


def test_the_projects_own_file_may_name_the_backend(state: Path, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: ours\nbackend: { url: s3://bucket }\n")
    made = _made(tmp_path)
    assert (made.backend, made.project, made.local_state) == ("s3://bucket", "ours", None)
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in made.environment


def test_the_environment_goes_before_the_projects_file(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: ours\nbackend: { url: s3://bucket }\n")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "gs://other")
    assert _made(tmp_path).backend == "gs://other"


def test_a_broken_project_file_is_told_with_its_place(state: Path, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: [ours\n")
    with pytest.raises(TreError, match=r"Pulumi\.yaml: cannot be read"):
        _made(tmp_path)


def test_the_passphrase_is_made_once_and_private(state: Path, tmp_path: Path) -> None:
    file = Path(_made(tmp_path).environment["PULUMI_CONFIG_PASSPHRASE_FILE"])
    first = file.read_text()
    assert len(first) > 40
    assert file.stat().st_mode & 0o777 == 0o600
    _made(tmp_path)
    assert file.read_text() == first


def _passphrase(folder: Path) -> str:
    return Path(settings("demo", folder).environment["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text()


def test_commands_that_race_for_the_first_use_agree_on_one_passphrase(state: Path, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    with multiprocessing.get_context("fork").Pool(8) as pool:
        assert len(set(pool.map(_passphrase, [tmp_path / "stacks"] * 32, chunksize=1))) == 1


def test_a_passphrase_given_otherwise_is_left_alone(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in _made(tmp_path).environment
    assert not (state / "passphrase").exists()


def test_a_missing_passphrase_of_existing_stacks_is_an_error(state: Path, tmp_path: Path) -> None:
    _made(tmp_path)
    (state / "passphrase").unlink()
    stack = state / "stacks" / ".pulumi" / "stacks" / "tre" / "demo.json"
    stack.parent.mkdir(parents=True)
    stack.write_text("{}")
    with pytest.raises(TreError, match="the passphrase of the existing stacks is missing"):
        _made(tmp_path)
    assert not (state / "passphrase").exists()


def test_settings_do_not_show_their_environment(state: Path, tmp_path: Path) -> None:
    assert "PASSPHRASE" not in repr(_made(tmp_path))


def test_secrets_settings_that_people_wrote_are_found(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.demo.yaml"
    assert stack_secrets(file) == {}
    file.write_text("config: { a: 1 }\n")
    assert stack_secrets(file) == {}
    file.write_text("secretsprovider: awskms://key\nencryptedkey: abc\nconfig: { a: 1 }\n")
    assert stack_secrets(file) == {"secretsprovider": "awskms://key", "encryptedkey": "abc"}
