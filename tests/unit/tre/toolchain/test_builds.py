"""Builds: a small Go module for real, and a stand-in for `go` where the going wrong is what matters."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.tre.toolchain.samples import write_table
from tre import toolchain
from tre.errors import TreError
from tre.toolchain import golang, obtaining, store
from tre.toolchain.table import Table, load

TOOL = """
[tools.hello]
version = "1.2.3"
programs = ["hello", "goodbye"]
[tools.hello.go]
folder = "hello"
packages = { hello = "example.org/hello/cmd/greet", goodbye = "example.org/hello/cmd/goodbye/v2" }
tags = ["loud"]
ldflags = ["-X 'main.version={version} and more'"]
copies = { data = ["example.org/hello", "data"] }
"""
MAIN = """package main

import "fmt"

var version = "unset"

func main() { fmt.Println(word, version) }
"""
# A stand-in for `go`: builds `hello` by running the line that a test gives it, and counts its builds.
STAND_IN = """#!/bin/sh
if [ "$1" = version ]; then echo go version go1.26.8 linux/amd64; exit; fi
echo build >> {runs}
for word; do if [ "$last" = -o ]; then out=$word; fi; last=$word; done
{line}
echo '#!/bin/sh' > $out/hello && chmod 755 $out/hello
"""
ONE = '[tools.hello]\nversion = "1"\n[tools.hello.go]\nfolder = "hello"\npackages = { hello = "example.org/hello" }\n'
# A shell starts what it puts in the background with SIGINT ignored, and so on down to here: hence the handler.
RUNNER = """
import pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {checkout!r})
from tests.unit.tre.toolchain.samples import MACHINE
from tre.toolchain import obtaining, table
obtaining.ensure(table.read(pathlib.Path({folder!r}), MACHINE), ["hello"])
"""


def write_module(folder: Path) -> None:
    """Write a Go module of two programs that needs no other module."""
    files = {
        "go.mod": "module example.org/hello\n\ngo 1.26.0\n",
        "go.sum": "",
        "cmd/greet/main.go": MAIN,
        "cmd/greet/loud.go": '//go:build loud\n\npackage main\n\nconst word = "HELLO"\n',
        "cmd/goodbye/v2/main.go": MAIN,
        "cmd/goodbye/v2/word.go": 'package main\n\nconst word = "goodbye"\n',
        "data/deep/table.txt": "beside the program",
    }
    for name, text in files.items():
        file = folder / "hello" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def stand_in(bench: Path, line: str = ":") -> Table:
    """Put a stand-in for `go` on PATH, and return a table whose tool it builds."""
    text = STAND_IN.format(runs=bench / "runs", line=line)
    (bench / "bin/go").write_text(text)
    (bench / "bin/go").chmod(0o755)
    (bench / "hello").mkdir(exist_ok=True)
    for name in ("go.mod", "go.sum"):
        (bench / "hello" / name).write_text("module example.org/x\n")
    return write_table(bench, ONE)


def runner(bench: Path) -> subprocess.Popen[bytes]:
    """Start another run of the deployer that ensures the tool."""
    checkout = str(Path(__file__).parents[4])
    program = RUNNER.format(checkout=checkout, folder=str(bench))
    return subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)


def wait_for(there: Path) -> None:
    """Wait until a file is there, at most 20 seconds."""
    for _ in range(400):
        if there.exists():
            return
        time.sleep(0.05)
    pytest.fail(f"{there} never came")


def alive(pid: int) -> bool:
    """Tell whether a process runs (a dead one that nobody has waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def builds(bench: Path) -> int:
    """Return how often the stand-in has built."""
    return len((bench / "runs").read_text().splitlines()) if (bench / "runs").exists() else 0


@pytest.fixture(scope="session")
def machines_go() -> Path:
    """The Go toolchain of this machine, looked for before a test changes the environment."""
    go = golang.find_go(load())
    if go is None:
        pytest.skip("not proved here: that Go modules build (no Go toolchain on PATH or in the cache)")
    return go.path


@pytest.fixture
def real_go(machines_go: Path, bench: Path) -> None:
    """Put the machine's Go on the test's PATH."""
    (bench / "bin/go").symlink_to(machines_go)


@pytest.mark.usefixtures("real_go")
def test_a_go_module_is_built_with_its_flags_and_what_belongs_beside_it(bench: Path) -> None:
    write_module(bench)
    tools = obtaining.ensure(write_table(bench, TOOL), ["hello"])
    said = {name: subprocess.check_output([tool.path], text=True) for name, tool in tools.items()}
    assert said == {"hello": "HELLO 1.2.3 and more\n", "goodbye": "goodbye 1.2.3 and more\n"}
    assert tools["hello"].origin == "build"
    assert (tools["hello"].folder / "data/deep/table.txt").read_text() == "beside the program"
    assert str(bench) not in tools["hello"].path.read_bytes().decode("latin-1")


@pytest.mark.usefixtures("real_go")
def test_the_users_go_settings_change_nothing(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_module(bench)
    for name, value in {"GOFLAGS": "-mod=vendor", "GOOS": "plan9", "GOARCH": "mips", "GOWORK": "/x"}.items():
        monkeypatch.setenv(name, value)
    tools = obtaining.ensure(write_table(bench, TOOL), ["hello"])
    assert subprocess.check_output([tools["hello"].path], text=True) == "HELLO 1.2.3 and more\n"


@pytest.mark.usefixtures("real_go")
def test_a_module_that_is_not_in_go_sum_is_refused_and_nothing_written(bench: Path) -> None:
    write_module(bench)
    (bench / "hello/go.mod").write_text("module example.org/hello\n\nrequire example.invalid/other v1.0.0\n")
    before = sorted(bench.glob("hello/**/*"))
    with pytest.raises(TreError, match="building hello"):
        obtaining.ensure(write_table(bench, TOOL), ["hello"])
    assert sorted(bench.glob("hello/**/*")) == before
    assert (bench / "hello/go.sum").read_text() == ""


def test_a_second_time_nothing_is_built(bench: Path) -> None:
    table = stand_in(bench)
    assert obtaining.ensure(table, ["hello"]) == obtaining.ensure(table, ["hello"])
    assert builds(bench) == 1


def test_a_changed_recipe_is_built_anew_beside_the_old(bench: Path) -> None:
    first = obtaining.ensure(stand_in(bench), ["hello"])["hello"]
    (bench / "hello/go.sum").write_text("another\n")
    second = obtaining.ensure(write_table(bench, ONE), ["hello"])["hello"]
    assert first.path != second.path
    assert first.path.exists()


def test_a_failing_build_tells_its_last_lines_and_the_log(bench: Path) -> None:
    table = stand_in(bench, "echo first; echo 'greet.go:3: undefined: word' >&2; exit 1")
    with pytest.raises(TreError, match="undefined: word") as failure:
        obtaining.ensure(table, ["hello"])
    log = store.log_file("hello")
    assert str(log) in str(failure.value)
    assert "first" in log.read_text()
    assert [place.name for place in (bench / "cache/tools/hello").iterdir()] == [".lock"]


def test_a_build_without_its_program_is_not_installed(bench: Path) -> None:
    table = stand_in(bench, "exit 0")
    with pytest.raises(TreError, match="did not bring the program hello"):
        obtaining.ensure(table, ["hello"])
    assert [place.name for place in (bench / "cache/tools/hello").iterdir()] == [".lock"]


def test_a_tool_whose_program_was_lost_is_made_again(bench: Path) -> None:
    table = stand_in(bench)
    obtaining.ensure(table, ["hello"])["hello"].path.unlink()
    assert obtaining.ensure(table, ["hello"])["hello"].path.exists()
    assert builds(bench) == 2


def test_a_tool_whose_record_is_torn_is_made_again(bench: Path) -> None:
    table = stand_in(bench)
    (obtaining.ensure(table, ["hello"])["hello"].folder / store.RECORD).write_text('{"origin": ')
    assert obtaining.ensure(table, ["hello"])["hello"].path.exists()
    assert builds(bench) == 2


def test_two_runs_at_once_build_once(bench: Path) -> None:
    table = stand_in(bench, f"touch {bench}/begun; while [ ! -e {bench}/go-on ]; do sleep 0.05; done")
    first = runner(bench)
    wait_for(bench / "begun")
    second = runner(bench)
    (bench / "go-on").touch()
    for run in (first, second):
        _, said = run.communicate(timeout=60)
        assert run.returncode == 0, said
    assert builds(bench) == 1
    assert obtaining.ensure(table, ["hello"])


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_leaves_nothing_that_hinders_the_next(bench: Path, blow: signal.Signals) -> None:
    stand_in(bench, f"echo $$ > {bench}/part; mv {bench}/part {bench}/pid; exec sleep 60")
    run = runner(bench)
    wait_for(bench / "pid")
    run.send_signal(blow)
    run.communicate(timeout=120)
    assert run.returncode != 0
    pid = int((bench / "pid").read_text())
    for _ in range(100):
        if not alive(pid):
            break
        time.sleep(0.05)
    assert not alive(pid)
    assert obtaining.ensure(stand_in(bench), ["hello"])["hello"].path.exists()
    assert not list((bench / "cache/tools/hello").glob(".new-*"))


def test_what_a_build_needs_and_lacks_is_said_before_it_starts(bench: Path) -> None:
    stand_in(bench)
    table = write_table(bench, ONE + 'needs = ["compiler"]\n')
    with pytest.raises(TreError, match="building it needs compiler"):
        obtaining.ensure(table, ["hello"])
    assert builds(bench) == 0


def test_building_can_be_forbidden(bench: Path) -> None:
    with pytest.raises(TreError, match="run: tre toolchain install hello"):
        obtaining.ensure(stand_in(bench), ["hello"], build=False)
    assert builds(bench) == 0


def test_without_go_and_without_pip_it_says_so(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = stand_in(bench)
    (bench / "bin/go").unlink()

    def no_module(name: str) -> None:
        """Find nothing."""

    monkeypatch.setattr("tre.toolchain.golang.importlib.util.find_spec", no_module)
    with pytest.raises(TreError, match=r"building needs Go 1\.26\.6 or newer; PATH has none"):
        obtaining.ensure(table, ["hello"])


def test_a_cache_that_cannot_be_written_is_named(bench: Path) -> None:
    table = stand_in(bench)
    (bench / "cache").write_text("a file, not a folder")
    with pytest.raises(TreError, match="TRE_CACHE"):
        obtaining.ensure(table, ["hello"])


def test_what_is_there_is_found_without_a_process(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = stand_in(bench)
    obtaining.ensure(table, ["hello"])

    def refuse(*arguments: object, **named: object) -> None:
        pytest.fail("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert obtaining.ensure(table, ["hello"])


def test_the_front_door_finds_and_needs(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = stand_in(bench)
    monkeypatch.setattr("tre.toolchain.table.load", lambda: table)
    assert toolchain.find("hello") is None
    with pytest.raises(TreError, match="hello: is not there"):
        toolchain.need("hello")
    made = toolchain.ensure("all")["hello"]
    assert toolchain.find("hello") == made == toolchain.need("hello")
