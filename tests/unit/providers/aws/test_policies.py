"""Policy documents say what they should, asked as AWS would be asked."""

from __future__ import annotations

import json

import pytest

from providers.aws import endpoint_policies, policies
from providers.aws.evaluate import Document, Request, allowed, denied, parsed
from providers.aws.names import Place
from providers.aws.statements import Statement, document

HERE = Place("demo", "heart", "123456789012", "eu-west-2", "arn:aws:iam::123456789012:role/tre-deployer")
KEY = "arn:aws:kms:eu-west-2:123456789012:key/1"
OPEN = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
INSIDE = {**OPEN, "s3:DataAccessPointArn": HERE.access_point("inputs")}


def bucket(part: str = "inputs", *, erase: bool = False) -> Document:
    return parsed(policies.data_bucket(HERE, part, KEY, erase=erase))


def asks(who: str, action: str, part: str = "inputs", **context: str) -> Request:
    principal = who if ":" in who else HERE.role_arn(who)
    return Request(principal, action, f"{HERE.bucket_arn(part)}/a", {**INSIDE, **context})


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:GetObjectVersion"])
def test_analysts_read_inputs(action: str) -> None:
    assert not denied(bucket(), asks("analyst", action))


@pytest.mark.parametrize(
    "action", ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectTagging"]
)
def test_analysts_do_not_change_inputs(action: str) -> None:
    assert denied(bucket(), asks("analyst", action))
    assert not denied(bucket(), asks("loader", action))


def test_the_deployer_configures_a_bucket_and_never_reads_it() -> None:
    direct = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
    for action in ("s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:ListBucket"):
        assert not denied(bucket(), Request(HERE.deployer, action, HERE.bucket_arn("inputs"), direct))
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert denied(bucket(), Request(HERE.deployer, action, f"{HERE.bucket_arn('inputs')}/a", direct))


def test_an_erasure_lets_the_deployer_delete_and_still_not_read() -> None:
    direct = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
    erasing = bucket(erase=True)
    assert not denied(
        erasing, Request(HERE.deployer, "s3:DeleteObject", f"{HERE.bucket_arn('inputs')}/a", direct)
    )
    assert denied(erasing, Request(HERE.deployer, "s3:GetObject", f"{HERE.bucket_arn('inputs')}/a", direct))


def test_an_upload_that_names_no_key_is_taken_and_one_that_names_another_is_not() -> None:
    header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    assert not denied(bucket(), asks("loader", "s3:PutObject"))
    assert not denied(bucket(), asks("loader", "s3:PutObject", **{header: KEY}))
    assert denied(bucket(), asks("loader", "s3:PutObject", **{header: "arn:aws:kms:::key/other"}))


def test_what_was_sent_cannot_be_taken_back() -> None:
    via = {"s3:DataAccessPointArn": HERE.access_point("outbox")}
    assert not denied(bucket("outbox"), asks("analyst", "s3:PutObject", "outbox", **via))
    for action in ("s3:GetObject", "s3:DeleteObject"):
        assert denied(bucket("outbox"), asks("analyst", action, "outbox", **via))


def test_another_projects_access_point_opens_nothing() -> None:
    other = Place("demo", "lung", HERE.account, HERE.region)
    assert denied(
        bucket(), asks("analyst", "s3:GetObject", **{"s3:DataAccessPointArn": other.access_point("inputs")})
    )


def test_the_trail_writes_records_and_nobody_of_the_project_does() -> None:
    records = parsed(policies.records_bucket(HERE, KEY))
    where = f"{HERE.bucket_arn('records')}/AWSLogs/{HERE.account}/x"
    told = {**OPEN, "aws:SourceArn": HERE.trail_arn(), "s3:x-amz-acl": "bucket-owner-full-control"}
    assert allowed(records, Request("cloudtrail.amazonaws.com", "s3:PutObject", where, told))
    assert not allowed(
        records, Request("cloudtrail.amazonaws.com", "s3:PutObject", where, {**told, "aws:SourceArn": "x"})
    )
    for who in ("analyst", "loader"):
        for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
            assert denied(records, Request(HERE.role_arn(who), action, where, OPEN))


def test_who_manages_a_key_cannot_use_it_and_the_other_way_round() -> None:
    key = parsed(policies.data_key(HERE))
    by_s3 = {"kms:ViaService": "s3.eu-west-2.amazonaws.com", "kms:CallerAccount": HERE.account}
    assert allowed(key, Request(HERE.deployer, "kms:ScheduleKeyDeletion", "*", by_s3))
    assert not allowed(key, Request(HERE.deployer, "kms:Decrypt", "*", by_s3))
    assert allowed(key, Request(HERE.role_arn("analyst"), "kms:Decrypt", "*", by_s3))
    assert not allowed(
        key, Request(HERE.role_arn("analyst"), "kms:Decrypt", "*", {"kms:CallerAccount": HERE.account})
    )
    assert not allowed(key, Request(HERE.role_arn("analyst"), "kms:ScheduleKeyDeletion", "*", by_s3))


def test_the_key_is_lent_to_disks_alone() -> None:
    key = parsed(policies.data_key(HERE))
    by_ec2 = {"kms:ViaService": "ec2.eu-west-2.amazonaws.com", "kms:CallerAccount": HERE.account}
    lends = Request(
        HERE.role_arn("batch"), "kms:CreateGrant", "*", {**by_ec2, "kms:GrantIsForAWSResource": "true"}
    )
    assert allowed(key, lends)
    assert not allowed(key, Request(HERE.role_arn("batch"), "kms:CreateGrant", "*", by_ec2))
    assert not allowed(key, Request(HERE.role_arn("analyst"), "kms:CreateGrant", "*", lends.context))


def test_stolen_credentials_work_nowhere_else() -> None:
    bounds = parsed(policies.boundary(HERE))
    machine = {
        "ec2:SourceInstanceARN": "arn:x",
        "aws:Ec2InstanceSourceVPC": "vpc-1",
        "aws:ViaAWSService": "false",
    }
    reads = f"{HERE.bucket_arn('inputs')}/a"
    assert allowed(
        bounds,
        Request(HERE.role_arn("analyst"), "s3:GetObject", reads, {**machine, "aws:SourceVpc": "vpc-1"}),
    )
    for elsewhere in ({**machine, "aws:SourceVpc": "vpc-2"}, machine):
        assert denied(bounds, Request(HERE.role_arn("analyst"), "s3:GetObject", reads, elsewhere))


def test_the_door_to_storage_gives_layers_and_takes_none() -> None:
    door = parsed(endpoint_policies.storage(HERE))
    layers = "arn:aws:s3:::prod-eu-west-2-starport-layer-bucket/layer"
    assert allowed(door, Request(HERE.role_arn("analyst"), "s3:GetObject", layers))
    assert not allowed(door, Request(HERE.role_arn("analyst"), "s3:PutObject", layers))
    assert not allowed(door, Request(HERE.role_arn("analyst"), "s3:GetObject", "arn:aws:s3:::al2023-repos/x"))


def test_a_spent_budget_stops_starting_and_not_ending() -> None:
    stop = parsed(endpoint_policies.stop_computing())
    role = HERE.role_arn("batch")
    assert denied(stop, Request(role, "ec2:RunInstances", "*"))
    assert not denied(stop, Request(role, "ec2:TerminateInstances", "*"))
    assert not denied(stop, Request(role, "autoscaling:TerminateInstanceInAutoScalingGroup", "*"))


def test_services_act_for_our_account_alone() -> None:
    for service in ("batch.amazonaws.com", "budgets.amazonaws.com", "backup.amazonaws.com"):
        trust = parsed(policies.trust(service, HERE))
        assert allowed(trust, Request(service, "sts:AssumeRole", "*", {"aws:SourceAccount": HERE.account}))
        assert not allowed(
            trust, Request(service, "sts:AssumeRole", "*", {"aws:SourceAccount": "210987654321"})
        )


@pytest.mark.parametrize(
    "text",
    [
        policies.data_bucket(HERE, "working", KEY, erase=False),
        policies.records_bucket(HERE, KEY),
        policies.data_key(HERE),
        policies.records_key(HERE),
        policies.analyst(HERE, KEY),
        policies.loader(HERE, KEY),
        policies.boundary(HERE),
        endpoint_policies.storage(HERE),
        *endpoint_policies.access_points(HERE).values(),
    ],
)
def test_documents_fit_their_limits_and_name_each_statement_once(text: str) -> None:
    """The tightest limit is a managed policy's: 6,144 characters without spaces (a bucket's is 20 KiB)."""
    content = json.loads(text)
    sids = [each["Sid"] for each in content["Statement"]]
    assert content["Version"] == "2012-10-17"
    assert len(sids) == len(set(sids)) and all(sid.isalnum() for sid in sids)
    assert len(text.replace(" ", "")) < 6144


def test_an_operator_that_is_not_known_is_refused() -> None:
    odd = parsed(
        document(Statement("Odd", "Deny", ["*"], ("*",), "*", {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    )
    with pytest.raises(ValueError, match="IpAddress"):
        denied(odd, Request("arn:aws:iam::1:role/x", "s3:GetObject", "x"))
