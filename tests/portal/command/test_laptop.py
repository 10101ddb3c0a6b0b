"""The laptop's journey: one command serves, people ask, decide, fetch and prove, and a kill -9 loses nothing."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.portal.command.walking import KILLED, Serve, Walker
from tests.ports import free_port
from tre import cli
from tre.errors import ExitCode

Walk = Callable[[str], Walker]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Give a running `tre portal serve`."""
    found = Serve(tmp_path_factory.mktemp("serve") / "laptop")
    found.start()
    yield found
    if found.process:
        found.end(signal.SIGKILL)


@pytest.fixture
def walk(serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Walk:
    """Give what makes people."""
    return lambda name: Walker(name, serve, tmp_path / name, capsys)


def test_an_output_and_an_input_go_all_the_way(serve: Serve, walk: Walk, tmp_path: Path) -> None:
    robin, casey, avery, sasha = map(walk, ("robin", "casey", "avery", "sasha"))
    for each in (robin, casey, avery, sasha):
        each.sign_in()
    robin.go_inside("demo")
    results = tmp_path / "Ergebnisse"
    (results / "tief").mkdir(parents=True)
    (results / "tabelle.csv").write_text("group,count\na,12\n")
    (results / "tief" / "表.csv").write_text("group,count\nb,40\n")

    about = ["--project", "demo", "--title", "Table 2"]
    sent = robin.run("airlock", "submit", *about, str(results), "--wait", "--door", robin.inside)
    number = sent["request"]["id"]
    assert sent["request"]["state"] == "in_review"
    assert {each["path"] for each in sent["files"]} == {"Ergebnisse/tabelle.csv", "Ergebnisse/tief/表.csv"}

    assert serve.end(signal.SIGKILL) == KILLED
    serve.start()

    decide = ["airlock", "review", number, "--approve", "--reason", "rounded", "--yes"]
    robin.run(*decide, "--door", robin.outside, ends=ExitCode.REFUSED)
    casey.run(*decide, "--manifest", "0" * 64, "--door", casey.outside, ends=ExitCode.REFUSED)
    waiting = casey.run("airlock", "list", "--waiting", "--door", casey.outside)
    assert [each["id"] for each in waiting["requests"]] == [number]
    done = casey.run("airlock", "release", number, "--reason", "rounded", "--yes", "--door", casey.outside)
    assert done["request"]["state"] == "released"

    got = tmp_path / "got"
    fetched = robin.run("airlock", "fetch", number, "--to", str(got), "--door", robin.outside)
    assert len(fetched["files"]) == 2
    for file in results.rglob("*.csv"):
        assert (got / "Ergebnisse" / file.relative_to(results)).read_bytes() == file.read_bytes()
    again = robin.run(
        "airlock", "fetch", number, "--to", str(got), "--door", robin.outside, ends=ExitCode.FAILED
    )
    assert "is there already" in again["problems"][0]["what"]

    table = tmp_path / "codes.csv"
    table.write_text("code,meaning\n1,yes\n")
    brought = ["--project", "demo", "--title", "Codes", str(table), "--wait", "--door", sasha.outside]
    incoming = sasha.run("airlock", "bring-in", *brought)["request"]["id"]
    casey.run("airlock", "release", incoming, "--reason", "fine", "--yes", "--door", casey.outside)
    robin.run("airlock", "fetch", incoming, "--to", str(got), "--door", robin.inside)
    assert (got / "codes.csv").read_bytes() == table.read_bytes()

    _prove(avery, number, tmp_path)
    assert serve.end(signal.SIGTERM) == ExitCode.DONE
    serve.start()


def _prove(avery: Walker, number: str, folder: Path) -> None:
    """The auditor takes the record away, and finds every byte that somebody changes in it."""
    record = avery.run("airlock", "record", number, "--door", avery.outside)
    assert number in record["body"]
    file = folder / "record.jsonl"
    report = avery.run("audit", "export", "--to", str(file), "--door", avery.outside)
    assert (report["good"], report["records"], report["receipts"]) == (True, 2, 3)
    assert avery.run("audit", "verify", str(file), "--head", report["head"])["good"]
    avery.run("audit", "verify", str(file), "--head", "f" * 64, ends=ExitCode.FAILED)
    changed = file.read_bytes().replace(b"rounded", b"founded", 1)
    file.write_bytes(changed)
    found = avery.run("audit", "verify", str(file), ends=ExitCode.FAILED)
    assert not found["good"] and found["problems"][0]["line"] > 0


def test_a_second_one_says_that_the_port_is_taken(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for port in (serve.port, serve.port - 1):
        code = cli.execute(["portal", "serve", "--folder", str(tmp_path / "other"), "--port", str(port)])
        told = capsys.readouterr().err
        assert code == ExitCode.FAILED
        assert f"port {serve.port} is taken" in told and "--port" in told
    assert not (tmp_path / "other").exists()


def test_what_it_keeps_is_the_owners_alone(serve: Serve) -> None:
    assert serve.folder.stat().st_mode & 0o777 == 0o700
    for name in ("accounts.json", "how-to-sign-in.txt", "signing-key.pem", "airlock.sqlite", "airlock.log"):
        assert (serve.folder / name).stat().st_mode & 0o077 == 0, name
    assert serve.password("casey") not in (serve.folder / "airlock.log").read_text()


def test_both_doors_answer_on_this_machine_alone(serve: Serve) -> None:
    for port in (serve.port, serve.port + 1):
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        with pytest.raises(OSError), socket.create_connection(("::1", port), timeout=5):
            pass


def test_a_reset_asks_and_erases_only_what_is_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("years of work")
    words = ["portal", "serve", "--folder", str(folder), "--port", str(free_port()), "--reset"]
    assert cli.execute(words) == ExitCode.REFUSED
    assert cli.execute([*words, "--yes"]) == ExitCode.FAILED
    assert "nothing in it is erased" in capsys.readouterr().err
    assert (folder / "chapter.txt").read_text() == "years of work"


def test_a_code_is_printed_for_who_has_no_phone(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(["portal", "code", "robin", "--folder", str(serve.folder)]) == ExitCode.DONE
    assert capsys.readouterr().out.strip().isdigit()
    assert cli.execute(["portal", "code", "nobody", "--folder", str(serve.folder)]) == ExitCode.FAILED


def test_a_scanner_that_makes_no_sense_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["portal", "serve", "--folder", str(tmp_path / "x"), "--port", str(free_port())]
    assert cli.execute([*words, "--scanner", "clamd"]) == ExitCode.INVALID
    assert "--scanner" in capsys.readouterr().err
