"""PATH is taken where its version will do, and is not asked twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.tre.toolchain.samples import write_program, write_table
from tre.toolchain import finding
from tre.toolchain.table import Entry, Table

HELLO = '[tools.hello]\nversion = "1.2.3"\nask = ["version"]\npath = ">=1.2,<2"\n'


def hello(folder: Path, text: str = HELLO) -> tuple[Table, Entry]:
    """The table and the tool that most tests here look for."""
    table = write_table(folder, text)
    return table, table.entry("hello")


@pytest.mark.parametrize(
    ("wanted", "version", "taken"),
    [
        (">=1.2,<2", "1.2", True),
        (">=1.2,<2", "1.2.0", True),
        (">=1.2,<2", "1.10.1", True),
        (">=1.2,<2", "1.1.9", False),
        (">=1.2,<2", "2.0.0", False),
        (">=1.2,<2", "", False),
        ("==1.2.3", "1.2.3", True),
        ("==1.2.0", "1.2", True),
        ("==1.2.3", "1.2.30", False),
        ("==1.2.3", "", False),
        ("", "", True),
        ("", "9", True),
    ],
)
def test_versions_are_compared_by_number(wanted: str, version: str, taken: bool) -> None:
    assert finding.accepts(wanted, version) is taken


def test_a_program_on_path_is_taken(bench: Path) -> None:
    place = write_program(bench / "bin/hello")
    found = finding.find(*hello(bench))
    assert found
    assert found["hello"].path == place
    assert (found["hello"].version, found["hello"].origin) == ("1.2.3", "path")


def test_its_version_is_asked_once_until_the_file_changes(bench: Path) -> None:
    place = write_program(bench / "bin/hello")
    for _ in range(3):
        assert finding.find(*hello(bench))
    runs = bench / "bin/hello.runs"
    assert runs.read_text() == "run\n"
    write_program(place, "1.30.0")
    found = finding.find(*hello(bench))
    assert found and found["hello"].version == "1.30.0"


def test_another_version_on_path_is_not_taken_and_named(bench: Path) -> None:
    write_program(bench / "bin/hello", "1.1.0")
    table, entry = hello(bench)
    assert finding.find(table, entry) is None
    assert finding.refused(entry) == f"{bench}/bin/hello is 1.1.0, wanted >=1.2,<2"


def test_a_program_that_cannot_tell_its_version_is_not_taken(bench: Path) -> None:
    write_program(bench / "bin/hello", code=1)
    table, entry = hello(bench)
    assert finding.find(table, entry) is None
    assert "of unknown version" in finding.refused(entry)


def test_a_program_that_is_not_for_this_machine_is_not_taken(bench: Path) -> None:
    (bench / "bin/hello").write_bytes(b"\x7fELF nonsense")
    (bench / "bin/hello").chmod(0o755)
    assert finding.find(*hello(bench)) is None


def test_path_is_not_asked_where_the_table_does_not_allow_it(bench: Path) -> None:
    write_program(bench / "bin/hello")
    assert finding.find(*hello(bench, '[tools.hello]\nversion = "1.2.3"\n')) is None
    assert not (bench / "bin/hello.runs").exists()


def test_all_programs_of_a_tool_must_be_on_path(bench: Path) -> None:
    text = HELLO + 'programs = ["hello", "goodbye"]\n'
    write_program(bench / "bin/hello")
    assert finding.find(*hello(bench, text)) is None
    write_program(bench / "bin/goodbye")
    found = finding.find(*hello(bench, text))
    assert found and set(found) == {"hello", "goodbye"}


def test_other_names_and_other_places_are_looked_in(bench: Path) -> None:
    (bench / "plugins").mkdir()
    place = write_program(bench / "plugins/hello-19")
    text = HELLO + f'names = {{ hello = ["hello-19", "hello"] }}\nplaces = ["{bench}/plugins"]\n'
    found = finding.find(*hello(bench, text))
    assert found and found["hello"].path == place


def test_a_damaged_memory_of_versions_is_made_anew(bench: Path) -> None:
    write_program(bench / "bin/hello")
    (bench / "cache/tools").mkdir(parents=True)
    (bench / "cache/tools/versions.json").write_text("{ torn")
    assert finding.find(*hello(bench))
    assert "1.2.3" in (bench / "cache/tools/versions.json").read_text()
