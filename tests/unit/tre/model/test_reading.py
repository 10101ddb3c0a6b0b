"""Files that cannot be read say why, and nothing in them can exhaust or mislead the reader."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest

from tre.model import reading
from tre.model.reading import MOST_BYTES, Unreadable, parse, read


def _what(path: Path) -> tuple[str, int]:
    with pytest.raises(Unreadable) as raised:
        read(path, "f.yaml")
    (finding,) = raised.value.findings
    assert finding.remedy
    return finding.what, finding.line


def _refused(text: str) -> list[str]:
    with pytest.raises(Unreadable) as raised:
        parse(text, "f.yaml")
    return [each.what for each in raised.value.findings]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert _what(tmp_path) == ("is a folder, not a file", 0)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert _what(tmp_path / "none") == ("there is no such file", 0)


def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert _what(tmp_path / "pipe") == ("is not an ordinary file", 0)


def test_a_link_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert _what(tmp_path / "loop")[0].startswith("cannot be read: ")


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading.os, "open", refuse)
    assert _what(tmp_path / "secret") == ("cannot be read: Permission denied", 0)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(b"#" * (MOST_BYTES + 1))
    assert _what(tmp_path / "huge") == ("is larger than 512 KiB", 0)


def test_what_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("a: 1\nb: caf\xe9\n".encode("latin-1"))
    assert _what(tmp_path / "latin") == ("is not UTF-8 text (byte 0xe9 at position 11)", 2)


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"a: \x1b[31m", "a: \ufffe".encode()])
def test_control_characters_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(content)
    assert _what(tmp_path / "binary")[0] == "holds characters that text may not hold"


def test_a_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(tmp_path / "bom", "f.yaml").data == {"a": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-12", -12),
        ("0x10", "0x10"),
        ("012", "012"),
        ("9" * 17, "9" * 17),
        ("1.5", 1.5),
        ("-.5e3", -500.0),
        ("e5", "e5"),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("true", True),
        ("yes", "yes"),
        ("no", "no"),
        ("~", None),
        ("null", None),
        ("''", ""),
        ("'1'", "1"),
        ("2027-03-31", datetime.date(2027, 3, 31)),
        ("12:30:45", "12:30:45"),
        ("[a, [b], {c: d}]", ("a", ("b",), {"c": "d"})),
        ("{1: x, true: y}", {"1": "x", "true": "y"}),
    ],
)
def test_scalars_are_read_as_yaml_1_2_and_dates(text: str, value: object) -> None:
    found = parse(f"key: {text}\n", "f.yaml").data["key"]
    assert found == value
    assert type(found) is type(value)


def test_each_path_has_its_line() -> None:
    document = parse("a: 1\nb:\n  - x: 1\n    y: [2,\n      3]\n", "f.yaml")
    lines = {("a",): 1, ("b",): 2, ("b", 0, "x"): 3, ("b", 0, "y"): 4, ("b", 0, "y", 1): 5}
    assert {steps: document.line(steps) for steps in lines} == lines
    assert document.line(("b", 0, "missing", 4)) == 3


def test_an_alias_bomb_never_unfolds() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    assert {"uses an alias"} <= set(_refused("a0: &a0 [x]\n" + levels))


def test_depth_is_bounded() -> None:
    assert _refused("[" * 100_000) == ["nests more than 24 levels deep"]
    assert _refused("\n".join("  " * n + "a:" for n in range(100))) == ["nests more than 24 levels deep"]


def test_everything_wrong_is_told_at_once() -> None:
    told = _refused("a: &x 1\na: !!str 2\nb: *x\nc: 2027-02-30\n")
    assert len(told) == 5
    assert any("a day that exists" in each for each in told)
