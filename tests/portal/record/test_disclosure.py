"""A disclosure record says all that SATRE 3.3.09 asks for, is signed, and cannot say what is not so."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import func, select

from portal.database.opening import Database
from portal.database.tables import EventRow, FileRow, RecordRow, RequestRow
from portal.domain.errors import Conflict
from portal.record import releases
from portal.record.disclosure import Needed, write
from portal.record.releases import Wrong
from portal.record.signing import Signer
from tests.portal.conftest import MovableClock
from tests.portal.record import story


@pytest.fixture
def signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate())


def _written(database: Database, clock: MovableClock, signer: Signer) -> dict[str, Any]:
    with database.writing() as session:
        story.add_project(session, clock, "heart")
        request = story.add_request(session, clock, 10, "heart")
        row = write(session, clock, signer, request, Needed(2))
        releases.signed(signer.public, row.body, row.signature)
        return json.loads(row.body)


def test_a_record_says_what_who_and_by_which_rules(
    database: Database, clock: MovableClock, signer: Signer
) -> None:
    body = _written(database, clock, signer)
    assert body["requester"] == {"subject": "ada", "name": "Ada"}
    assert body["project"] == {"name": "heart", "title": "Heart", "tier": 3}
    assert [file["path"] for file in body["manifest"]["files"]] == sorted(story.HASHES)
    assert [(each["person"], each["outcome"]) for each in body["decisions"]] == [
        ("bea", "approve"),
        ("cem", "approve"),
    ]
    assert {each["manifest_sha256"] for each in body["decisions"]} == {body["manifest"]["sha256"]}
    assert body["decisions"][0]["files"] == {"tables/mean.csv": {"outcome": "approve", "reason": ""}}
    assert [(each["check"], each["version"], each["path"]) for each in body["checks"]] == [
        ("small-counts", "1", "tables/mean.csv")
    ]
    assert body["risk_appetite"]["smallest_count"] == 10
    assert body["rules"]["blocking"] == sorted(body["rules"]["blocking"])
    assert body["needed"] == {"people": 2, "role": ""}
    assert releases.judged(story.identifier(10), body)


def test_a_record_is_written_once(database: Database, clock: MovableClock, signer: Signer) -> None:
    _written(database, clock, signer)
    clock.move(days=1)
    with database.writing() as session:
        request = session.get_one(RequestRow, story.identifier(10))
        first = session.get_one(RecordRow, request.id).body
        assert write(session, clock, signer, request, Needed(2)).body == first
        assert session.scalar(select(func.count()).where(EventRow.action == "record")) == 1
        assert session.scalar(select(func.count()).where(EventRow.action == "signing_key")) == 1


def test_other_files_than_decided_on_get_no_record(
    database: Database, clock: MovableClock, signer: Signer
) -> None:
    with pytest.raises(Conflict, match="not those that were decided on"), database.writing() as session:
        story.add_project(session, clock, "heart")
        request = story.add_request(session, clock, 10, "heart")
        session.get_one(FileRow, story.identifier(11)).sha256 = "c" * 64
        write(session, clock, signer, request, Needed(2))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RecordRow)) == 0


def _self_approved(body: dict[str, Any]) -> None:
    body["decisions"][0]["person"] = "ada"


def _rejected(body: dict[str, Any]) -> None:
    body["decisions"][0]["outcome"] = "reject"


def _file_rejected(body: dict[str, Any]) -> None:
    body["decisions"][0]["files"]["tables/mean.csv"]["outcome"] = "reject"


def _other_files(body: dict[str, Any]) -> None:
    body["decisions"][0]["manifest_sha256"] = "0" * 64


def _one_only(body: dict[str, Any]) -> None:
    del body["decisions"][0]


def _twice_the_same(body: dict[str, Any]) -> None:
    body["decisions"][0]["person"] = "cem"


def _earlier_round(body: dict[str, Any]) -> None:
    body["decisions"][0]["round"] = 0


def _no_owner(body: dict[str, Any]) -> None:
    body["needed"]["role"] = "information-asset-owner"


def _other_bytes(body: dict[str, Any]) -> None:
    body["manifest"]["files"][0]["sha256"] = "0" * 64


def _other_request(body: dict[str, Any]) -> None:
    body["request"]["id"] = story.identifier(20)


def _other_form(body: dict[str, Any]) -> None:
    body["form"] = "tre-disclosure-2"


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (_self_approved, "own request"),
        (_rejected, "did not approve"),
        (_file_rejected, "did not approve"),
        (_other_files, "other files"),
        (_one_only, "fewer people"),
        (_twice_the_same, "fewer people"),
        (_earlier_round, "fewer people"),
        (_no_owner, "information-asset-owner"),
        (_other_bytes, "manifest"),
        (_other_request, "another request"),
        (_other_form, "another form"),
    ],
)
def test_a_record_that_tells_of_a_wrong_release_is_found(
    database: Database,
    clock: MovableClock,
    signer: Signer,
    harm: Callable[[dict[str, Any]], None],
    what: str,
) -> None:
    body = _written(database, clock, signer)
    harm(body)
    with pytest.raises(Wrong, match=what):
        releases.judged(story.identifier(10), body)


def test_another_body_or_key_does_not_fit_the_signature(signer: Signer) -> None:
    signature = signer.sign("body")
    releases.signed(signer.public, "body", signature)
    with pytest.raises(Wrong):
        releases.signed(signer.public, "Body", signature)
    with pytest.raises(Wrong):
        releases.signed(Signer(Ed25519PrivateKey.generate()).public, "body", signature)


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with ThreadPoolExecutor(8) as pool:
        signers = list(pool.map(Signer.open, [path] * 8))
    assert len({signer.key_id for signer in signers}) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert signers[0].key_id == hashlib.sha256(bytes.fromhex(signers[0].public)).hexdigest()


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Signer.open(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o604)
    with pytest.raises(PermissionError, match="0600"):
        Signer.open(tmp_path / "key.pem")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "key.pem"
    path.touch(0o600)
    path.write_bytes(other)
    with pytest.raises(ValueError, match="no Ed25519 key"):
        Signer.open(path)
