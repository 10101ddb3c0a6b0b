"""System packages: told apart, asked for, and never installed behind someone's back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.tre.toolchain.samples import write_program, write_table
from tre.errors import ExitCode, TreError
from tre.toolchain import obtaining, packages
from tre.toolchain.report import doctor_lines
from tre.toolchain.table import Table

HELLO = '[tools.hello]\nversion = "1"\npath = ">=1,<2"\nask = ["version"]\npackage = "hello-package"\n'


def yes(names: Sequence[str]) -> bool:
    """Agree."""
    return True


@pytest.fixture
def debian(bench: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend to be root on Debian, with an apt-get that notes its arguments and brings what is asked for."""
    monkeypatch.setattr(packages.os, "geteuid", lambda: 0)
    apt = bench / "bin/apt-get"
    apt.write_text(
        f'#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> {bench}/apt\n'
        f"case $* in *install*) printf '#!/bin/sh\\necho 1.5\\n' > {bench}/bin/hello; chmod 755 {bench}/bin/hello;"
        f" cp {bench}/bin/hello {bench}/bin/no-such-command;; esac\n"
    )
    apt.chmod(0o755)
    return bench


@pytest.fixture
def table(bench: Path) -> Table:
    """A table whose tool comes from a package."""
    return write_table(bench, HELLO)


def test_missing_packages_are_those_of_tools_and_groups(table: Table, bench: Path) -> None:
    assert packages.missing(table, ["all"]) == ["hello-package", "made-up"]
    assert packages.missing(table, ["hello"]) == ["hello-package"]
    write_program(bench / "bin/hello")
    write_program(bench / "bin/no-such-command")
    assert packages.missing(table, ["all"]) == []


def test_what_a_build_needs_counts_only_while_the_tool_is_not_there(bench: Path) -> None:
    text = '[tools.hello]\nversion = "1"\npath = ""\n[tools.hello.go]\nfolder = "."\npackages = { hello = "x/hello" }\n'
    table = write_table(bench, text + 'needs = ["compiler"]\n')
    for name in ("go.mod", "go.sum"):
        (bench / name).touch()
    assert packages.missing(table, ["hello"]) == []
    assert packages.missing(table, ["hello"], building=True) == ["compiler"]
    write_program(bench / "bin/hello")
    assert packages.missing(table, ["hello"], building=True) == []


def test_packages_are_installed_after_consent_and_the_tool_is_there(table: Table, debian: Path) -> None:
    asked: list[str] = []

    def consent(names: Sequence[str]) -> bool:
        asked.extend(names)
        return True

    tools = obtaining.install(table, ["all"], consent, downloads=False)
    assert asked == ["hello-package", "made-up"]
    assert tools["hello"].version == "1.5"
    update, install = (debian / "apt").read_text().splitlines()
    assert update.endswith(" update")
    assert install.startswith("noninteractive ")
    assert install.endswith(" install --yes --no-install-recommends hello-package made-up")


def test_a_second_installation_asks_nothing(table: Table, debian: Path) -> None:
    obtaining.install(table, ["all"], yes, downloads=False)
    before = (debian / "apt").read_text()
    obtaining.install(table, ["all"], lambda names: pytest.fail("asked again"), downloads=False)
    assert (debian / "apt").read_text() == before


def test_without_consent_nothing_is_installed(table: Table, debian: Path) -> None:
    with pytest.raises(TreError, match="apt-get install") as refusal:
        obtaining.install(table, ["all"], lambda names: False, downloads=False)
    assert refusal.value.code is ExitCode.REFUSED
    assert not (debian / "apt").exists()


def test_who_is_not_root_gets_the_command_to_run(
    table: Table, debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    with pytest.raises(TreError, match="this is not root") as failure:
        packages.install(["hello-package"], yes)
    assert "run: sudo apt-get install --no-install-recommends hello-package" in str(failure.value)
    assert not (debian / "apt").exists()


def test_another_system_gets_the_names_to_look_for(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bench / "bin"))
    with pytest.raises(TreError, match="what Debian calls: hello-package"):
        packages.install(["hello-package"], yes)


def test_a_failing_apt_get_is_told_with_its_words(table: Table, debian: Path) -> None:
    (debian / "bin/apt-get").write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    with pytest.raises(TreError, match="Unable to locate package"):
        packages.install(["hello-package"], yes)


def test_the_doctor_tells_what_is_there_and_what_to_do(table: Table, debian: Path) -> None:
    missing = {line.name: line for line in doctor_lines(table)}
    assert set(missing) == {"hello", "made-up"}
    assert not missing["hello"].present
    assert missing["hello"].remedy == "run: apt-get install --no-install-recommends hello-package"
    write_program(debian / "bin/hello", "0.9")
    note = {line.name: line for line in doctor_lines(table)}["hello"].note
    assert note.endswith("bin/hello is 0.9, wanted >=1,<2")
    write_program(debian / "bin/hello", "1.9")
    there = {line.name: line for line in doctor_lines(table)}["hello"]
    assert (there.present, there.version, there.remedy) == (True, "1.9", "")
    assert there.document()["groups"] == ["all"]
