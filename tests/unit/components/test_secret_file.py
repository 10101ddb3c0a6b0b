"""Secrets in files of the operator's: read as they are meant, or refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.errors import Unbuildable
from components.secret_file import SecretFile

KEY = "airlock.notices.mail.password_file"


def told(file: Path, content: bytes, mode: int = 0o600) -> SecretFile:
    file.write_bytes(content)
    file.chmod(mode)
    return SecretFile.at(KEY, file)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_secret_is_read_without_the_lines_end(tmp_path: Path, end: bytes) -> None:
    assert told(tmp_path / "secret", "pass w\u00f6rd".encode() + end).read() == "pass w\u00f6rd"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(Unbuildable, match="others may read it") as refused:
        told(tmp_path / "secret", b"hidden", mode).read()
    assert refused.value.where == KEY
    assert "chmod 600" in refused.value.remedy
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe", b"a\0b"])
def test_what_is_no_one_line_of_text_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Unbuildable, match="text"):
        told(tmp_path / "secret", content).read()


def test_a_file_that_is_not_there_is_named_when_it_is_needed(tmp_path: Path) -> None:
    for file in (tmp_path / "none", tmp_path):
        with pytest.raises(Unbuildable, match=str(file)):
            SecretFile.at(KEY, file).read()
