"""The data store's evidence: each proof with the faults that must break it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.contract import Evidence, changed
from components.proof import edited, of, unheld, without
from providers.aws.evidence import data, lasting
from providers.aws.evidence import reading as r


def _default(algorithm: str, key: str | None) -> list[Mapping[str, Any]]:
    return [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm, "kmsMasterKeyId": key}}]


def _only_writes_seen(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    data_events, *others = inputs["advancedEventSelectors"]
    narrowed = [*data_events["fieldSelectors"], {"field": "readOnly", "equals": ["false"]}]
    return {**inputs, "advancedEventSelectors": [{**data_events, "fieldSelectors": narrowed}, *others]}


def _without_management(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**inputs, "advancedEventSelectors": inputs["advancedEventSelectors"][:1]}


def _rules_off(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**inputs, "rules": [{**each, "status": "Disabled"} for each in inputs["rules"]]}


def _governance(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**inputs, "rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 365}}}


def _short(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**inputs, "rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 1}}}


def _drop_one_save(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**inputs, "resources": inputs["resources"][:1]}


def _plain_disk(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    disks = [{**each, "ebs": {**each["ebs"], "encrypted": "false"}} for each in inputs["blockDeviceMappings"]]
    return {**inputs, "blockDeviceMappings": disks}


EVIDENCE: Final = {
    "data_store/inputs-read-only": Evidence(
        r.at_place(data.read_only),
        {
            "the bucket lets analysts write": r.without_statement(
                r.BUCKET_POLICY, "inputs", "OnlyTheLoaderWrites"
            ),
            "the role lets analysts write": r.with_statement(
                r.ROLE_POLICY, "analyst", Action=["s3:*"], Resource=["*"]
            ),
            "versions can be deleted": without(of(r.LOCK, "inputs")),
            "versions are not kept": changed(
                of(r.VERSIONING, "inputs"), versioningConfiguration={"status": "Suspended"}
            ),
        },
    ),
    "data_store/encrypted-at-rest": Evidence(
        data.AT_REST,
        {
            "a bucket without encryption": without(of(r.ENCRYPTION, "outbox")),
            "a bucket under S3's own key": changed(
                of(r.ENCRYPTION, "working"), rules=_default("AES256", None)
            ),
            "copies without a key": changed(of(r.VAULT), kmsKeyArn=None),
            "other encryption is taken": r.without_statement(
                r.BUCKET_POLICY, "outbox", "NoOtherEncryption", "NoOtherKey"
            ),
            "a plain disk": edited(of(r.TEMPLATE), _plain_disk),
            "a plain log": r.planted(r.LOG_GROUP),
        },
    ),
    "data_store/encrypted-in-transit": Evidence(
        r.at_place(data.in_transit),
        {
            "plain HTTP": r.without_statement(r.BUCKET_POLICY, "working", "NoPlainTransport"),
            "old TLS": r.without_statement(r.BUCKET_POLICY, "inputs", "NoOldTls"),
            "a bucket without a policy": without(of(r.BUCKET_POLICY, "outbox")),
        },
    ),
    "data_store/key-per-project": Evidence(
        r.at_place(data.own_key),
        {
            "a bucket under the account's key": changed(
                of(r.ENCRYPTION, "working"), rules=_default("aws:kms", "alias/aws/s3")
            ),
            "the key opens to the account": r.with_statement(
                r.KEY, "data", Action=["kms:Decrypt"], Resource=["*"], Principal={"AWS": "*"}
            ),
            "the key is lent": r.planted(r.token("kms", "Grant")),
            "copies under the account's key": changed(of(r.VAULT), kmsKeyArn="alias/aws/backup"),
        },
    ),
    "data_store/reachable-only-from-project": Evidence(
        r.at_place(data.reachable),
        {
            "a bucket may become public": without(of(r.PUBLIC_ACCESS, "outbox")),
            "public policies are let through": changed(
                of(r.PUBLIC_ACCESS, "working"), blockPublicPolicy=False
            ),
            "reads from anywhere": r.without_statement(r.BUCKET_POLICY, "working", "NoReadOutsideProject"),
            "sending from anywhere": r.without_statement(r.BUCKET_POLICY, "outbox", "NoChangeOutsideProject"),
            "another account": r.without_statement(
                r.BUCKET_POLICY, "inputs", "NoOtherAccount", "NoReadOutsideProject"
            ),
            "an access point on the internet": r.planted(r.ACCESS_POINT, bucket="heart-inputs.id"),
            "a copy to another bucket": r.planted(
                r.token("s3", "BucketReplicationConfig"), bucket="heart-inputs.id"
            ),
        },
    ),
    "data_store/recoverable": Evidence(
        r.at_place(lasting.recoverable),
        {
            "versions are not kept": changed(
                of(r.VERSIONING, "working"), versioningConfiguration={"status": "Suspended"}
            ),
            "the working area is not copied": edited(of(r.SELECTION), _drop_one_save),
            "copies can be deleted": without(of(r.VAULT_LOCK)),
            "nothing schedules copies": without(of(r.PLAN)),
        },
    ),
    "data_store/kept-on-destroy": Evidence(
        lasting.KEPT,
        {
            "a bucket goes with the stack": unheld(of(r.BUCKET, "working")),
            "a key goes with the stack": unheld(of(r.KEY, "data")),
            "a policy goes before its bucket": unheld(of(r.BUCKET_POLICY, "inputs")),
            "a bucket empties itself": changed(of(r.BUCKET, "outbox"), forceDestroy=True),
        },
    ),
    "data_store/access-recorded": Evidence(
        r.at_place(lasting.records_accesses),
        {
            "the trail is off": changed(of(r.TRAIL), enableLogging=False),
            "reads are left out": edited(of(r.TRAIL), _only_writes_seen),
            "the record can be changed unseen": changed(of(r.TRAIL), enableLogFileValidation=False),
            "the record can be deleted": edited(of(r.LOCK, "records"), _governance),
        },
    ),
    "data_store/retention-enforced": Evidence(
        r.asking(lasting.retains, r.DATA_STORE),
        {
            "rules are off": edited(of(r.LIFECYCLE, "working"), _rules_off),
            "a bucket without rules": without(of(r.LIFECYCLE, "outbox")),
            "inputs may go after a day": edited(of(r.LOCK, "inputs"), _short),
        },
    ),
    "data_store/deletion-certified": Evidence(
        r.at_place(lasting.certified),
        {
            "data under a key that cannot end": changed(
                of(r.ENCRYPTION, "working"), rules=_default("aws:kms", "alias/aws/s3")
            ),
            "the record ends with the data": changed(
                of(r.ENCRYPTION, "records"), rules=_default("aws:kms", "heart-data.arn")
            ),
            "the end of a key is not recorded": edited(of(r.TRAIL), _without_management),
            "the key lives on in another region": changed(of(r.KEY, "data"), multiRegion=True),
            "analysts may end the key": r.with_statement(
                r.KEY, "data", Action=["kms:*"], Resource=["*"], Principal={"AWS": "*"}
            ),
        },
    ),
}
