"""How proofs read registrations: type tokens, the spec, the place, and what policies answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from components.contract import Fault, Proof, Record, Records, Verdict, broken, of_type
from components.proof import Matches, edited, every, of
from providers.aws.evaluate import Document, Request, allowed, denied, parsed
from providers.aws.names import Place, tag


def token(service: str, kind: str) -> str:
    """Return the type token of a resource class (`s3`, `Bucket` gives `aws:s3/bucket:Bucket`)."""
    return f"aws:{service}/{kind[0].lower()}{kind[1:]}:{kind}"


BUCKET: Final = token("s3", "Bucket")
BUCKET_POLICY: Final = token("s3", "BucketPolicy")
ENCRYPTION: Final = token("s3", "BucketServerSideEncryptionConfiguration")
PUBLIC_ACCESS: Final = token("s3", "BucketPublicAccessBlock")
OWNERSHIP: Final = token("s3", "BucketOwnershipControls")
VERSIONING: Final = token("s3", "BucketVersioning")
LIFECYCLE: Final = token("s3", "BucketLifecycleConfiguration")
LOCK: Final = token("s3", "BucketObjectLockConfiguration")
ACCESS_POINT: Final = token("s3", "AccessPoint")
KEY: Final = token("kms", "Key")
TRAIL: Final = token("cloudtrail", "Trail")
ROLE: Final = token("iam", "Role")
ROLE_POLICY: Final = token("iam", "RolePolicy")
POLICY: Final = token("iam", "Policy")
VAULT: Final = token("backup", "Vault")
VAULT_LOCK: Final = token("backup", "VaultLockConfiguration")
SELECTION: Final = token("backup", "Selection")
PLAN: Final = token("backup", "Plan")
VPC: Final = token("ec2", "Vpc")
SUBNET: Final = token("ec2", "Subnet")
ROUTE_TABLE: Final = token("ec2", "RouteTable")
ROUTE: Final = token("ec2", "Route")
ASSOCIATION: Final = token("ec2", "RouteTableAssociation")
DEFAULT_GROUP: Final = token("ec2", "DefaultSecurityGroup")
DEFAULT_TABLE: Final = token("ec2", "DefaultRouteTable")
ACCESS_LIST: Final = token("ec2", "NetworkAcl")
GROUP: Final = token("ec2", "SecurityGroup")
EGRESS: Final = token("vpc", "SecurityGroupEgressRule")
INGRESS: Final = token("vpc", "SecurityGroupIngressRule")
DOOR: Final = token("ec2", "VpcEndpoint")
TEMPLATE: Final = token("ec2", "LaunchTemplate")
LOG_GROUP: Final = token("cloudwatch", "LogGroup")
JOB: Final = token("batch", "JobDefinition")
MACHINES: Final = token("batch", "ComputeEnvironment")
REPOSITORY: Final = token("ecr", "Repository")
BUDGET: Final = token("budgets", "Budget")
ACTION: Final = token("budgets", "BudgetAction")
DESKTOP: Final = token("workspacesweb", "UserSettings")
DATA_STORE: Final = "tre:index:DataStore"
WORKSPACE: Final = "tre:index:Workspace"

DATA: Final = ("inputs", "working", "outbox")


def part(*parts: str) -> Matches:
    """Match records whose name ends in one of these parts (`heart-inputs`)."""
    return lambda record: record.name.rpartition("-")[2] in parts


def spec(records: Records, kind: str) -> Mapping[str, Any]:
    """Return what a component was asked for, or nothing where it was not registered."""
    found = of_type(records, kind)
    return found[0].inputs if found else {}


def place(records: Records) -> Place | None:
    """Return where the project stands: its names by its spec, its account by its doors to data, its region by
    its zones."""
    asked = spec(records, DATA_STORE) or spec(records, WORKSPACE)
    accounts = {
        each.inputs["accountId"] for each in of_type(records, ACCESS_POINT) if each.inputs.get("accountId")
    }
    regions = {each.inputs["availabilityZone"][:-1] for each in of_type(records, SUBNET)}
    if not asked or len(accounts) != 1 or len(regions) != 1:
        return None
    return Place(asked["site"], asked["scope"], accounts.pop(), regions.pop())


def at_place(make: Callable[[Place], Proof]) -> Proof:
    """Return a proof that needs to know where the project stands; where nothing says, it is broken."""

    def proof(records: Records) -> Verdict:
        here = place(records)
        return make(here)(records) if here else broken("nothing says which account and region this is")

    return proof


def asking(make: Callable[[Mapping[str, Any]], Proof], kind: str) -> Proof:
    """Return a proof that needs to know what its component was asked for."""

    def proof(records: Records) -> Verdict:
        asked = spec(records, kind)
        return make(asked)(records) if asked else broken(f"no {kind.rpartition(':')[2]} was asked for")

    return proof


def document(record: Record, key: str = "policy") -> Document:
    """Return the policy document that a record carries."""
    return parsed(record.inputs.get(key))


def answers(because: str, type_: str, asked: Matches, *, where: Matches) -> Proof:
    """Hold while records exist whose policy answers as expected; cite them."""
    return every(because, type_, holds=asked, where=where)


def request(
    here: Place,
    role: str,
    action: str,
    area: str,
    *,
    inside: bool = True,
    context: Mapping[str, str] | None = None,
) -> Request:
    """Return a request for an object of an area (a part of the data), or for the bucket where it lists.

    `role` is a part of the project (`analyst`) or a whole ARN; `inside` comes by the area's own access point.
    """
    bucket = here.bucket_arn(area)
    facts = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", **(context or {})}
    if inside:
        facts["s3:DataAccessPointArn"] = here.access_point(area)
    resource = bucket if action.startswith("s3:ListBucket") else f"{bucket}/a-file"
    return Request(role if ":" in role else here.role_arn(role), action, resource, facts)


def refuses(record: Record, *requests: Request) -> bool:
    """Return whether the record's policy denies all of these."""
    return all(denied(document(record), each) for each in requests)


def lets_pass(record: Record, *requests: Request) -> bool:
    """Return whether the record's policy denies none of these: the control beside every refusal."""
    return not any(denied(document(record), each) for each in requests)


def grants(record: Record, *requests: Request) -> bool:
    """Return whether the record's policy allows all of these."""
    return all(allowed(document(record), each) for each in requests)


def grants_none(record: Record, *requests: Request) -> bool:
    """Return whether the record's policy allows none of these."""
    return not any(allowed(document(record), each) for each in requests)


def without_statement(type_: str, name: str, *sids: str) -> Fault:
    """Return a fault that takes statements out of a policy."""

    def edit(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        content = dict(parsed(inputs.get("policy")))
        content["Statement"] = [each for each in content["Statement"] if each["Sid"] not in sids]
        return {**inputs, "policy": json.dumps(content)}

    return edited(of(type_, name), edit)


def with_statement(type_: str, name: str, **statement: Any) -> Fault:
    """Return a fault that adds a statement which allows to a policy."""

    def edit(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        content = dict(parsed(inputs.get("policy")))
        content["Statement"] = [*content["Statement"], {"Sid": "Planted", "Effect": "Allow", **statement}]
        return {**inputs, "policy": json.dumps(content)}

    return edited(of(type_, name), edit)


def planted(type_: str, name: str = "planted", **inputs: Any) -> Fault:
    """Return a fault that adds an offender, tagged as everything is, so that it offends in one way alone."""

    def plant(records: Records) -> Records:
        asked = spec(records, WORKSPACE)
        tags = {"tre-project": tag(asked["site"], asked["scope"])}
        return [*records, Record(type_, name, {"tags": tags, **inputs}, "Workspace")]

    return plant
