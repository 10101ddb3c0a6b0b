"""Every policy document of the backend: buckets, keys, roles and endpoints.

Bucket policies only deny. What a role may do stands in its own policy, and a request needs both to agree. The
deployer is nowhere allowed to touch an object: it manages buckets and never sees data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from providers.aws.names import Place
from providers.aws.statements import Statement, document

READS: Final = ("s3:GetObject*", "s3:ListMultipartUploadParts")
CHANGES: Final = (
    "s3:PutObject*",
    "s3:DeleteObject*",
    "s3:AbortMultipartUpload",
    "s3:RestoreObject",
    "s3:ReplicateObject",
    "s3:ReplicateDelete",
)
LISTS: Final = ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads")
PARTS: Final = ("inputs", "working", "outbox")
"""The buckets that hold a project's data; `records` holds the account of what was done with it."""

_ENCRYPTION: Final = "s3:x-amz-server-side-encryption"
_KEY: Final = "s3:x-amz-server-side-encryption-aws-kms-key-id"


def trust(service: str, place: Place) -> str:
    """Return who may assume a role: one service, acting for our account alone (no confused deputy)."""
    source = {"StringEquals": {"aws:SourceAccount": place.account}}
    # EC2 gives instances their role without a source account in the request.
    conditions = {} if service == "ec2.amazonaws.com" else source
    return document(Statement("Service", "Allow", ["sts:AssumeRole"], (), {"Service": service}, conditions))


def _transport(bucket: str) -> list[Statement]:
    everything = [bucket, f"{bucket}/*"]
    return [
        Statement(
            "NoPlainTransport", "Deny", ["s3:*"], everything, "*", {"Bool": {"aws:SecureTransport": "false"}}
        ),
        Statement(
            "NoOldTls", "Deny", ["s3:*"], everything, "*", {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
        ),
    ]


def _only_this_key(bucket: str, key: str) -> list[Statement]:
    # Null makes both speak only of requests that choose for themselves: the rest get the bucket's default key.
    chosen = {"Null": {_ENCRYPTION: "false"}, "StringNotEquals": {_ENCRYPTION: "aws:kms"}}
    other = {"Null": {_KEY: "false"}, "StringNotEquals": {_KEY: key}}
    return [
        Statement("NoOtherEncryption", "Deny", ["s3:PutObject"], [f"{bucket}/*"], "*", chosen),
        Statement("NoOtherKey", "Deny", ["s3:PutObject"], [f"{bucket}/*"], "*", other),
    ]


def _only_our_account(bucket: str, place: Place) -> Statement:
    others = {
        "StringNotEquals": {"aws:PrincipalAccount": place.account},
        "Bool": {"aws:PrincipalIsAWSService": "false"},
    }
    return Statement("NoOtherAccount", "Deny", ["s3:*"], [bucket, f"{bucket}/*"], "*", others)


def data_bucket(place: Place, part: str, key: str, *, erase: bool) -> str:
    """Return the policy of a bucket of project data, encrypted with the key `key` (an ARN).

    Objects open through the project's own access point, which answers only from inside the workspace's network,
    and to the site's named services. `erase` lets the deployer delete, never read.
    """
    bucket = place.bucket_arn(part)
    erasers = [place.deployer] if erase else []
    return document(
        *_transport(bucket),
        *_only_this_key(bucket, key),
        _only_our_account(bucket, place),
        _outside(place, part, "NoReadOutsideProject", READS, [f"{bucket}/*"], _services(place)),
        _outside(
            place, part, "NoChangeOutsideProject", CHANGES, [f"{bucket}/*"], [*_services(place), *erasers]
        ),
        # Pulumi's provider heads a bucket to see that it exists, which S3 calls listing.
        _outside(place, part, "NoListOutsideProject", LISTS, [bucket], [*_services(place), place.deployer]),
        *_by_part(place, part, erasers),
    )


def _services(place: Place) -> list[str]:
    return [place.airlock_arn(), place.role_arn("backup")]


def _outside(
    place: Place, part: str, sid: str, actions: Sequence[str], resources: Sequence[str], but: Sequence[str]
) -> Statement:
    outside = {
        "StringNotEquals": {"s3:DataAccessPointArn": place.access_point(part)},
        "ArnNotEquals": {"aws:PrincipalArn": but},
    }
    return Statement(sid, "Deny", actions, resources, "*", outside)


def _by_part(place: Place, part: str, erasers: Sequence[str]) -> list[Statement]:
    objects = [f"{place.bucket_arn(part)}/*"]
    if part == "inputs":
        loaders = [place.role_arn("loader"), place.airlock_arn(), place.role_arn("backup"), *erasers]
        others = {"ArnNotEquals": {"aws:PrincipalArn": loaders}}
        return [Statement("OnlyTheLoaderWrites", "Deny", CHANGES, objects, "*", others)]
    if part == "outbox":
        analyst = {"ArnEquals": {"aws:PrincipalArn": place.role_arn("analyst")}}
        taking_back = [*READS, "s3:DeleteObject*"]
        return [Statement("WhatWasSentIsGone", "Deny", taking_back, objects, "*", analyst)]
    return []


def records_bucket(place: Place, key: str) -> str:
    """Return the policy of the bucket that the trail writes to, and that nobody of the project touches."""
    bucket = place.bucket_arn("records")
    trail = {"Service": "cloudtrail.amazonaws.com"}
    ours = {"aws:SourceArn": place.trail_arn()}
    nobody = {
        "ArnLike": {"aws:PrincipalArn": place.iam_arn("role/tre/*")},
        "ArnNotEquals": {"aws:PrincipalArn": place.airlock_arn()},
    }
    return document(
        *_transport(bucket),
        *_only_this_key(bucket, key),
        _only_our_account(bucket, place),
        Statement("TrailLooks", "Allow", ["s3:GetBucketAcl"], [bucket], trail, {"StringEquals": ours}),
        Statement(
            "TrailWrites",
            "Allow",
            ["s3:PutObject"],
            [f"{bucket}/AWSLogs/{place.account}/*"],
            trail,
            {"StringEquals": {**ours, "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
        Statement(
            "NobodyOfTheProject", "Deny", [*READS, *CHANGES, *LISTS], [bucket, f"{bucket}/*"], "*", nobody
        ),
    )


_ADMINISTRATION: Final = (
    "kms:CancelKeyDeletion",
    "kms:Describe*",
    "kms:Disable*",
    "kms:Enable*",
    "kms:Get*",
    "kms:List*",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:Update*",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:RotateKeyOnDemand",
)
USE: Final = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")


def _administration(place: Place) -> Statement:
    """Return the right to manage a key, without any right to use it."""
    account = {"AWS": place.root_arn()}
    deployer = {"ArnEquals": {"aws:PrincipalArn": place.deployer}}
    return Statement("DeployerManages", "Allow", _ADMINISTRATION, ("*",), account, deployer)


def _use(place: Place, sid: str, roles: Sequence[str], service: str, actions: Sequence[str]) -> Statement:
    """Return a right to use a key for named roles, by way of one service only.

    The principal is the account with a condition on the role, because KMS refuses principals that do not exist
    yet and silently rewrites those that were deleted.
    """
    account = {"AWS": place.root_arn()}
    conditions = {
        "ArnEquals": {"aws:PrincipalArn": roles},
        "StringEquals": {
            "kms:CallerAccount": place.account,
            "kms:ViaService": f"{service}.{place.region}.amazonaws.com",
        },
    }
    return Statement(sid, "Allow", actions, ("*",), account, conditions)


def _logs(place: Place) -> Statement:
    groups = place.arn("logs", f"log-group:/tre/{place.general('logs')}/*")
    service = {"Service": f"logs.{place.region}.amazonaws.com"}
    context = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
    return Statement("LogsEncrypted", "Allow", USE, ("*",), service, context)


def data_key(place: Place) -> str:
    """Return the policy of the project's key: its own roles, its machines' disks and its own logs, nothing else."""
    people = [
        place.role_arn("analyst"),
        place.role_arn("loader"),
        place.airlock_arn(),
        place.role_arn("backup"),
    ]
    return document(
        _administration(place),
        _use(place, "DataThroughS3", people, "s3", USE),
        _use(place, "CopiesThroughBackup", [place.role_arn("backup")], "backup", USE),
        _use(place, "DisksThroughEc2", _launchers(place), "ec2", USE),
        _grants(place),
        _logs(place),
    )


def _launchers(place: Place) -> list[str]:
    """Who starts machines: Batch by its role, and the scaling group that Batch makes by the account's own."""
    scaling = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    return [place.role_arn("batch"), place.iam_arn(scaling)]


def _grants(place: Place) -> Statement:
    """Return the right to lend the key to the machines' disks, and only that (`GrantIsForAWSResource`)."""
    lending = _use(place, "DisksLendTheKey", _launchers(place), "ec2", ["kms:CreateGrant"])
    conditions = {**lending.conditions, "Bool": {"kms:GrantIsForAWSResource": "true"}}
    return Statement(lending.sid, "Allow", lending.actions, ("*",), lending.principal, conditions)


def records_key(place: Place) -> str:
    """Return the policy of the key of the records: apart from the data's, so that erasing data keeps the account."""
    trail = {"Service": "cloudtrail.amazonaws.com"}
    ours = {"StringEquals": {"aws:SourceArn": place.trail_arn()}}
    # A trail of several regions may name any of them in the context.
    trails = f"arn:{place.partition}:cloudtrail:*:{place.account}:trail/*"
    context = {**ours, "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": trails}}
    return document(
        _administration(place),
        Statement("TrailEncrypts", "Allow", ["kms:GenerateDataKey*"], ("*",), trail, context),
        Statement("TrailLooks", "Allow", ["kms:DescribeKey"], ("*",), trail, ours),
        _use(place, "AuditorsReadThroughS3", [place.airlock_arn()], "s3", ["kms:Decrypt", "kms:DescribeKey"]),
    )


def _objects(place: Place, part: str) -> list[str]:
    return [f"{place.bucket_arn(part)}/*", f"{place.access_point(part)}/object/*"]


def _containers(place: Place, part: str) -> list[str]:
    return [place.bucket_arn(part), place.access_point(part)]


def analyst(place: Place, key: str) -> str:
    """Return what the workspace's machines may do with data: read inputs, read and write working, send out."""
    return document(
        Statement("ReadInputs", "Allow", ["s3:GetObject"], _objects(place, "inputs")),
        Statement(
            "UseWorking",
            "Allow",
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            _objects(place, "working"),
        ),
        Statement(
            "SendToOutbox", "Allow", ["s3:PutObject", "s3:AbortMultipartUpload"], _objects(place, "outbox")
        ),
        Statement(
            "List",
            "Allow",
            ["s3:ListBucket"],
            [*_containers(place, "inputs"), *_containers(place, "working"), *_containers(place, "outbox")],
        ),
        Statement("UseTheKey", "Allow", ["kms:Decrypt", "kms:GenerateDataKey"], [key]),
    )


def loader(place: Place, key: str) -> str:
    """Return what the loader may do: write inputs, and read them back to check their hash."""
    return document(
        Statement(
            "WriteInputs",
            "Allow",
            ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"],
            _objects(place, "inputs"),
        ),
        Statement("List", "Allow", ["s3:ListBucket"], _containers(place, "inputs")),
        Statement("UseTheKey", "Allow", ["kms:Decrypt", "kms:GenerateDataKey"], [key]),
    )


def boundary(place: Place) -> str:
    """Return the most that any role of the project may do, whatever is later attached to it.

    Machines' credentials work only from the network that the machine stands in, so that a stolen set is useless
    outside (AWS data perimeter guidance, `aws:Ec2InstanceSourceVPC`).
    """
    elsewhere = {
        "StringNotEquals": {"aws:Ec2InstanceSourceVPC": "${aws:SourceVpc}"},
        "Null": {"ec2:SourceInstanceARN": "false"},
        "Bool": {"aws:ViaAWSService": "false"},
    }
    ours = [each for part in PARTS for each in (*_objects(place, part), *_containers(place, part))]
    return document(
        Statement("OwnData", "Allow", ["s3:*"], ours),
        Statement("Keys", "Allow", [*USE]),
        Statement("Agent", "Allow", [*AGENT, *PULL]),
        Statement("OnlyFromOwnNetwork", "Deny", ["*"], ("*",), None, elsewhere),
        Statement("NoControl", "Deny", CONTROL),
    )


CONTROL: Final = (
    "iam:*",
    "organizations:*",
    "account:*",
    "sts:AssumeRole*",
    "ec2:*",
    "cloudtrail:*",
    "kms:PutKeyPolicy",
    "kms:CreateGrant",
    "kms:ScheduleKeyDeletion",
    "s3:PutBucket*",
    "s3:PutAccessPoint*",
    "s3:DeleteBucket*",
    "s3:PutAccountPublicAccessBlock",
    "s3:BypassGovernanceRetention",
    "ssm:*",
    "ssmmessages:*",
    "batch:*",
)
"""What would change the platform, or open a way round it."""

AGENT: Final = (
    "ecs:DeregisterContainerInstance",
    "ecs:DiscoverPollEndpoint",
    "ecs:Poll",
    "ecs:RegisterContainerInstance",
    "ecs:StartTelemetrySession",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
    "ecs:UpdateContainerInstancesState",
)
"""What the ECS agent does, from AmazonEC2ContainerServiceforEC2Role without its logs and its cluster creation."""

PULL: Final = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
)
