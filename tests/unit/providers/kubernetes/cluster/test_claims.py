"""What a claim asks of the provisioner."""

from __future__ import annotations

from typing import Any

import pytest

from providers.kubernetes.cluster import claims
from providers.kubernetes.cluster.claims import Claim, Secret, Unacceptable
from providers.kubernetes.cluster.encryption import Root

SECRET = "csi.storage.kubernetes.io/provisioner-secret"


def storage_class(**parameters: str) -> dict[str, Any]:
    metadata = {"name": "keyed"}
    common = {"provisioner": claims.PROVISIONER, "reclaimPolicy": "Retain", "volumeBindingMode": "Immediate"}
    return {"metadata": metadata, "parameters": parameters, **common}


def document(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "data", "namespace": "heart", "uid": "1234", "annotations": annotations}
    asked: dict[str, Any] = {"resources": {"requests": {"storage": "5Gi"}}, "accessModes": ["ReadWriteMany"]}
    whole = {"storageClassName": "keyed", **asked, **spec}
    return {"metadata": metadata, "spec": whole, "status": {"phase": "Pending"}}


def test_a_class_encrypts_unless_it_says_otherwise() -> None:
    assert Claim(document(), storage_class()).encrypted
    assert Claim(document(), storage_class(encrypted="true")).encrypted
    assert not Claim(document(), storage_class(encrypted="false")).encrypted
    with pytest.raises(Unacceptable, match="true or false"):
        _ = Claim(document(), storage_class(encrypted="yes")).encrypted


def test_a_key_is_where_the_class_says() -> None:
    names = {f"{SECRET}-name": "key-of-${pvc.name}", f"{SECRET}-namespace": "${pvc.namespace}"}
    assert Claim(document(), storage_class(**names)).secret == Secret("heart", "key-of-data")
    assert Claim(document(), storage_class()).secret is None
    with pytest.raises(Unacceptable, match="half a Secret"):
        _ = Claim(document(), storage_class(**{f"{SECRET}-name": "key"})).secret


def test_a_secret_survives_being_written_down() -> None:
    secret = Secret("heart", "key")
    assert Secret.parse(str(secret)) == secret
    assert Secret.parse("") is None


@pytest.mark.parametrize(
    ("annotations", "root"),
    [
        (None, Root(0, 0, 0o1777)),
        ({claims.OWNER: "10001:10002", claims.MODE: "0755"}, Root(10001, 10002, 0o755)),
    ],
)
def test_the_root_folder_is_whose_the_annotations_say(annotations: dict[str, str] | None, root: Root) -> None:
    assert Claim(document(annotations), storage_class()).root == root


@pytest.mark.parametrize(
    "annotations", [{claims.OWNER: "root"}, {claims.OWNER: "1:-1"}, {claims.MODE: "0999"}]
)
def test_a_nonsensical_root_folder_is_refused(annotations: dict[str, str]) -> None:
    with pytest.raises(Unacceptable, match="is not of the form"):
        _ = Claim(document(annotations), storage_class()).root


@pytest.mark.parametrize("spec", [{"volumeMode": "Block"}, {"selector": {"a": 1}}, {"dataSource": {"a": 1}}])
def test_what_is_not_given_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(Unacceptable):
        Claim(document(**spec), storage_class()).refuse_what_is_not_given()


def test_a_volume_tells_how_it_is_encrypted_and_never_the_key() -> None:
    names = {f"{SECRET}-name": "key", f"{SECRET}-namespace": "heart"}
    volume = Claim(document(), storage_class(**names)).volume("0123abcd")
    assert claims.annotation(volume, claims.ENCRYPTED) == "true"
    assert claims.annotation(volume, claims.FINGERPRINT) == "0123abcd"
    assert claims.annotation(volume, claims.KEY_SECRET) == "heart/key"
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume["spec"]["capacity"] == {"storage": "5Gi"}
    assert volume["spec"]["claimRef"]["uid"] == "1234"
    assert volume["spec"]["local"]["path"] == "/run/tre/volumes/pvc-1234/data"


def test_a_plain_volume_claims_no_encryption() -> None:
    volume = Claim(document(), storage_class(encrypted="false")).volume("")
    assert claims.annotation(volume, claims.ENCRYPTED) == "false"
    assert not claims.annotation(volume, claims.CIPHER)


def names(found: Any) -> list[str]:
    return [claim.volume_name for claim in found]


def test_only_claims_that_wait_for_us_are_served() -> None:
    bound = {**document(), "status": {"phase": "Bound"}}
    others = document(storageClassName="theirs")
    theirs = {**storage_class(), "metadata": {"name": "theirs"}, "provisioner": "other"}
    classes = [storage_class(), theirs]
    assert names(claims.waiting([document(), bound, others, document(volumeName="x")], classes)) == [
        "pvc-1234"
    ]


def test_a_class_that_waits_for_a_consumer_is_served_once_one_is_there() -> None:
    waits = {**storage_class(), "volumeBindingMode": "WaitForFirstConsumer"}
    chosen = document({"volume.kubernetes.io/selected-node": "tre"})
    elsewhere = document({"volume.kubernetes.io/selected-node": "other"})
    assert names(claims.waiting([document(), elsewhere], [waits])) == []
    assert names(claims.waiting([chosen], [waits])) == ["pvc-1234"]


def test_only_our_released_volumes_that_are_to_be_deleted_are_erased() -> None:
    volume = {**Claim(document(), storage_class()).volume(""), "status": {"phase": "Released"}}
    to_delete = {**volume, "spec": {**volume["spec"], "persistentVolumeReclaimPolicy": "Delete"}}
    foreign = {**to_delete, "metadata": {"name": "x"}}
    bound = {**to_delete, "status": {"phase": "Bound"}}
    assert claims.released([volume, to_delete, foreign, bound]) == [to_delete]
