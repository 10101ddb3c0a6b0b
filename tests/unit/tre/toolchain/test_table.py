"""The table: the real one is whole, and says what it means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.tre.toolchain.samples import MACHINE, write_table
from tre import paths
from tre.errors import TreError
from tre.toolchain.table import Machine, Table, read


@pytest.fixture(scope="module")
def real() -> Table:
    """The table of this checkout."""
    return read(paths.checkout() / "toolchain", MACHINE)


def test_every_group_names_tools_of_the_table(real: Table) -> None:
    assert set(real.groups) == {"engine", "cluster", "images", "tests"}
    for group in real.groups:
        assert real.expand([group]) == list(real.group(group))


def test_every_tool_of_a_group_can_be_had_somehow(real: Table) -> None:
    for name in real.expand(list(real.groups)):
        entry = real.entry(name)
        assert entry.go or entry.package, f"{name} can neither be built nor installed"


def test_every_build_pins_the_version_that_the_table_states(real: Table) -> None:
    built = [entry for entry in real.tools.values() if entry.go]
    assert built
    for entry in built:
        assert entry.go
        modules = (real.folder / entry.go.folder / "go.mod").read_text()
        pinned = re.findall(r"^require (\S+) v(\S+)$", modules, re.MULTILINE)
        assert [version for _, version in pinned] == [entry.version], entry.name
        assert all(package.startswith(pinned[0][0]) for package in entry.go.packages.values())


def test_every_built_program_is_a_tool_of_its_go_module(real: Table) -> None:
    for entry in real.tools.values():
        if entry.go:
            modules = (real.folder / entry.go.folder / "go.mod").read_text()
            assert sorted(entry.go.packages) == sorted(entry.programs)
            for package in entry.go.packages.values():
                assert re.search(rf"^(tool |\t){re.escape(package)}$", modules, re.MULTILINE), package


def test_every_release_names_a_checksum_and_leaves_nothing_unfilled(real: Table) -> None:
    for entry in real.tools.values():
        if entry.release:
            assert entry.release.checksum.startswith("https://")
            assert entry.release.url.startswith("https://")
            assert "{" not in entry.release.url + entry.release.checksum + "".join(
                entry.release.members.values()
            )
            assert set(entry.programs) <= (set(entry.release.members) or {entry.name})


def test_every_need_of_a_build_is_a_known_package(real: Table) -> None:
    for entry in real.tools.values():
        assert set(entry.go.needs if entry.go else ()) <= set(real.packages)


def test_a_tool_takes_over_what_it_does_not_write_from_the_one_it_is_like(real: Table) -> None:
    kubelet, server = real.entry("kubelet"), real.entry("kube-apiserver")
    assert kubelet.version == server.version
    assert kubelet.go and kubelet.go.packages == {"kubelet": "k8s.io/kubernetes/cmd/kubelet"}
    assert kubelet.release and kubelet.release.url.endswith(f"/v{kubelet.version}/bin/linux/amd64/kubelet")


def test_a_release_may_call_an_architecture_by_another_name() -> None:
    table = read(paths.checkout() / "toolchain", Machine("darwin", "amd64"))
    release = table.entry("pulumi").release
    assert release and release.url.endswith("-darwin-x64.tar.gz")


def test_a_program_leads_to_its_tool(real: Table) -> None:
    assert real.entry("ctr").name == "containerd"
    assert real.expand(["ctr", "engine", "containerd"]) == ["containerd", "pulumi"]


def test_an_unknown_name_is_refused_with_the_known_ones(real: Table) -> None:
    with pytest.raises(TreError, match="groups: engine, cluster, images, tests; tools: pulumi"):
        real.entry("no-such-tool")
    with pytest.raises(TreError, match="groups: engine"):
        real.group("no-such-group")


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "[groups]",
        '[tools.a]\nversion = "1"\nunknown-key = 1\n[packages]\n[groups]',
        "[tools.a]\n[packages]",
    ],
)
def test_a_damaged_table_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "tools.toml").write_text(text)
    with pytest.raises(TreError, match=r"tools\.toml: cannot be read"):
        read(tmp_path, MACHINE)


def test_the_fingerprint_follows_modules_and_flags_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mod").mkdir()
    (tmp_path / "mod/go.mod").write_text("module m\n")
    (tmp_path / "mod/go.sum").write_text("")
    tool = (
        '[tools.hello]\nversion = "1"\n[tools.hello.go]\nfolder = "mod"\npackages = { hello = "m/hello" }\n'
    )

    def fingerprint(text: str) -> str:
        table = write_table(tmp_path, text)
        return table.fingerprint(table.entry("hello"))

    first = fingerprint(tool)
    assert re.fullmatch("[0-9a-f]{8}", first)
    assert fingerprint(tool + "# a remark\n") == first
    assert fingerprint(tool + 'tags = ["other"]\n') != first
    (tmp_path / "mod/go.sum").write_text("example.org/x v1.0.0 h1:x=\n")
    assert fingerprint(tool) != first
