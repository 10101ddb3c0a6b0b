"""How the data store shows that it keeps its promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.contract import Proof, Record
from components.proof import all_of, each, every, none, per, some
from providers.aws.evaluate import Request
from providers.aws.evidence import reading as r
from providers.aws.evidence.reading import answers, part, request
from providers.aws.names import Place

STRANGER: Final = "arn:aws:iam::123456789012:role/another-role"
OTHER_ACCOUNT: Final = "arn:aws:iam::210987654321:role/another-account"


def read_only(here: Place) -> Proof:
    changes = [
        request(here, "analyst", f"s3:{verb}", "inputs")
        for verb in ("PutObject", "DeleteObject", "DeleteObjectVersion")
    ]
    reads, loads = (
        request(here, "analyst", "s3:GetObject", "inputs"),
        request(here, "loader", "s3:PutObject", "inputs"),
    )

    def mine(record: Record) -> bool:
        return record.inputs.get("role") == here.role("analyst")

    return all_of(
        answers(
            "the inputs' policy lets the loader write and analysts only read",
            r.BUCKET_POLICY,
            lambda each: r.refuses(each, *changes) and r.lets_pass(each, reads, loads),
            where=part("inputs"),
        ),
        answers(
            "no policy of the analysts' role allows a change",
            r.ROLE_POLICY,
            lambda each: r.grants_none(each, *changes),
            where=mine,
        ),
        some(
            "the analysts' role allows reading",
            r.ROLE_POLICY,
            holds=lambda each: mine(each) and r.grants(each, reads),
        ),
        per("old versions cannot be deleted", r.BUCKET, r.LOCK, "bucket", holds=locks, where=part("inputs")),
        per(
            "a change would leave the version before it",
            r.BUCKET,
            r.VERSIONING,
            "bucket",
            holds=versions,
            where=part("inputs"),
        ),
    )


def locks(record: Record) -> bool:
    kept_for = record.inputs.get("rule", {}).get("defaultRetention", {})
    return kept_for.get("mode") in ("GOVERNANCE", "COMPLIANCE") and kept_for.get("days", 0) > 0


def complies(record: Record) -> bool:
    return locks(record) and record.inputs["rule"]["defaultRetention"]["mode"] == "COMPLIANCE"


def versions(record: Record) -> bool:
    return record.inputs["versioningConfiguration"]["status"] == "Enabled"


def default_key(record: Record) -> str:
    rules: list[Mapping[str, Any]] = record.inputs.get("rules", [])
    defaults = [rule.get("applyServerSideEncryptionByDefault", {}) for rule in rules]
    keys = {
        default.get("kmsMasterKeyId", "") for default in defaults if default.get("sseAlgorithm") == "aws:kms"
    }
    return keys.pop() if len(keys) == 1 and len(defaults) == 1 else ""


def _disks_encrypted(record: Record) -> bool:
    disks = [each.get("ebs", {}) for each in record.inputs.get("blockDeviceMappings", [])]
    return bool(disks) and all(each.get("encrypted") == "true" and each.get("kmsKeyId") for each in disks)


AT_REST = all_of(
    per(
        "every bucket encrypts under a key of its own choosing",
        r.BUCKET,
        r.ENCRYPTION,
        "bucket",
        holds=lambda each: bool(default_key(each)),
    ),
    r.at_place(
        lambda here: answers(
            "no bucket takes another encryption",
            r.BUCKET_POLICY,
            lambda each: r.refuses(
                each,
                request(
                    here,
                    here.airlock_arn(),
                    "s3:PutObject",
                    each.name.rpartition("-")[2],
                    context={"s3:x-amz-server-side-encryption": "AES256"},
                ),
            ),
            where=part(*r.DATA, "records"),
        )
    ),
    every("copies are encrypted", r.VAULT, holds=lambda each: bool(each.inputs.get("kmsKeyArn"))),
    each("disks are encrypted", r.TEMPLATE, holds=_disks_encrypted),
    each("logs are encrypted", r.LOG_GROUP, holds=lambda each: bool(each.inputs.get("kmsKeyId"))),
)


def in_transit(here: Place) -> Proof:
    def closed(record: Record) -> bool:
        # The airlock alone may touch every bucket, so that only the wire decides here.
        def asks(tls: str, secure: str = "true") -> Request:
            wire = {"aws:SecureTransport": secure, "s3:TlsVersion": tls}
            return request(
                here, here.airlock_arn(), "s3:GetObject", record.name.rpartition("-")[2], context=wire
            )

        return r.refuses(record, asks("1.3", secure="false"), asks("1.1")) and r.lets_pass(
            record, asks("1.2"), asks("1.3")
        )

    return all_of(
        per("every bucket has a policy", r.BUCKET, r.BUCKET_POLICY, "bucket"),
        answers("no bucket answers in plain or by old TLS", r.BUCKET_POLICY, closed, where=lambda _: True),
    )


def key_user(here: Place, who: str, action: str = "kms:Decrypt", by: str = "s3") -> Request:
    context = {
        "kms:CallerAccount": who.split(":")[4] if ":" in who else here.account,
        "kms:ViaService": f"{by}.{here.region}.amazonaws.com",
    }
    return Request(who if ":" in who else here.role_arn(who), action, "*", context)


def own_key(here: Place) -> Proof:
    neighbour = here.role_arn("analyst").replace(here.role("analyst"), "another-project-analyst")
    deployer = f"arn:{here.partition}:iam::{here.account}:role/tre-deployer"
    others = [key_user(here, each) for each in (neighbour, deployer, STRANGER, OTHER_ACCOUNT)]
    return all_of(
        answers(
            "the data's key opens to the project's own roles and to no other",
            r.KEY,
            lambda each: r.grants(each, key_user(here, "analyst")) and r.grants_none(each, *others),
            where=part("data"),
        ),
        per(
            "data is under that key",
            r.BUCKET,
            r.ENCRYPTION,
            "bucket",
            holds=under_data_key,
            where=part(*r.DATA),
        ),
        every(
            "copies are under that key",
            r.VAULT,
            holds=lambda each: is_data_key(each.inputs.get("kmsKeyArn", "")),
        ),
        each(
            "disks are under that key",
            r.TEMPLATE,
            holds=lambda each: all(
                is_data_key(disk["ebs"]["kmsKeyId"]) for disk in each.inputs["blockDeviceMappings"]
            ),
        ),
        none(
            "the key is neither lent nor copied",
            r.token("kms", "Grant"),
            r.token("kms", "ReplicaKey"),
            r.token("kms", "KeyPolicy"),
        ),
    )


def is_data_key(arn: str) -> bool:
    return arn.endswith("-data.arn")


def under_data_key(record: Record) -> bool:
    return is_data_key(default_key(record))


def reachable(here: Place) -> Proof:
    def closed(record: Record) -> bool:
        area = record.name.rpartition("-")[2]
        action = "s3:PutObject" if area == "outbox" else "s3:GetObject"
        outside = [
            request(here, "analyst", action, area, inside=False),
            request(here, STRANGER.replace("123456789012", here.account), "s3:GetObject", area, inside=False),
            request(
                here,
                f"arn:{here.partition}:iam::{here.account}:role/tre-deployer",
                "s3:GetObject",
                area,
                inside=False,
            ),
            request(here, OTHER_ACCOUNT, "s3:GetObject", area),
        ]
        return r.refuses(record, *outside) and r.lets_pass(
            record,
            request(here, "analyst", action, area),
            request(here, here.airlock_arn(), "s3:GetObject", area, inside=False),
        )

    return all_of(
        answers(
            "data opens by the project's own access points and to the airlock",
            r.BUCKET_POLICY,
            closed,
            where=part(*r.DATA),
        ),
        per("nothing is public", r.BUCKET, r.PUBLIC_ACCESS, "bucket", holds=_all_blocked),
        per(
            "access lists have no effect",
            r.BUCKET,
            r.OWNERSHIP,
            "bucket",
            holds=lambda each: each.inputs["rule"]["objectOwnership"] == "BucketOwnerEnforced",
        ),
        each(
            "access points answer inside a network alone",
            r.ACCESS_POINT,
            holds=lambda each: bool(each.inputs.get("vpcConfiguration", {}).get("vpcId")),
        ),
        none(
            "nothing copies data elsewhere",
            *(
                r.token("s3", kind)
                for kind in (
                    "BucketReplicationConfig",
                    "BucketAcl",
                    "BucketWebsiteConfiguration",
                    "Inventory",
                )
            ),
        ),
    )


def _all_blocked(record: Record) -> bool:
    return all(
        record.inputs.get(key) is True
        for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    )
