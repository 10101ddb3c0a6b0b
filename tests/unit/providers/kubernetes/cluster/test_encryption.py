"""Keys: their fingerprints, their files, their end."""

from __future__ import annotations

import stat
from pathlib import Path

from providers.kubernetes.cluster import encryption
from providers.kubernetes.cluster.encryption import Volume


def test_a_fingerprint_tells_keys_apart_and_needs_the_salt() -> None:
    prints = {encryption.fingerprint(key, salt) for key in (b"a" * 32, b"b" * 32) for salt in (b"1", b"2")}
    assert len(prints) == 4
    assert all(len(text) == 16 for text in prints)


def test_an_own_secret_is_made_once_and_private(tmp_path: Path) -> None:
    first = encryption.own_secret(tmp_path / "key")
    assert first == encryption.own_secret(tmp_path / "key")
    assert first != encryption.own_secret(tmp_path / "other")
    assert len(first) == 32
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_shredding_destroys_the_wrapped_master_key_and_leaves_the_ciphertext(tmp_path: Path) -> None:
    cipher = tmp_path / "volume" / "cipher"
    cipher.mkdir(parents=True)
    (cipher / "gocryptfs.conf").write_text("wrapped")
    (cipher / "ciphertext").write_text("noise")
    volume = Volume(tmp_path / "volume", tmp_path / "mount")
    volume.shred_key()
    assert [file.name for file in cipher.iterdir()] == ["ciphertext"]


def test_erasing_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "volume" / "plain").mkdir(parents=True)
    volume = Volume(tmp_path / "volume", tmp_path / "mount")
    volume.erase()
    volume.erase()
    assert not (tmp_path / "volume").exists()


def test_a_volume_that_is_not_mounted_says_so(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "volume", tmp_path)
    (tmp_path / "data").mkdir()
    assert not volume.mounted()
