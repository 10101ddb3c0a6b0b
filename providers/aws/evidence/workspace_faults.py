"""The workspace's evidence: each proof with the faults that must break it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from components.contract import Evidence, Fault, changed
from components.proof import edited, of, without
from providers.aws.boot import METADATA_RULE, NO_NEW_PRIVILEGES, NO_PRIVILEGE
from providers.aws.evidence import compute, network
from providers.aws.evidence import reading as r

_EVERYWHERE: Final = "0.0.0.0/0"


def _script_without(text: str) -> Fault:
    def edit(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        script = base64.b64decode(inputs["userData"]).decode().replace(text, "")
        return {**inputs, "userData": base64.b64encode(script.encode()).decode()}

    return edited(of(r.TEMPLATE), edit)


def _metadata(**options: Any) -> Fault:
    return edited(
        of(r.TEMPLATE), lambda inputs: {**inputs, "metadataOptions": {**inputs["metadataOptions"], **options}}
    )


def _job(**said: Any) -> Fault:
    def edit(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            **inputs,
            "containerProperties": json.dumps({**json.loads(inputs["containerProperties"]), **said}),
        }

    return edited(of(r.JOB), edit)


def _machines(**said: Any) -> Fault:
    return edited(
        of(r.MACHINES), lambda inputs: {**inputs, "computeResources": {**inputs["computeResources"], **said}}
    )


def _disk(size: int) -> Fault:
    return changed(
        of(r.TEMPLATE),
        blockDeviceMappings=[
            {"ebs": {"encrypted": "true", "kmsKeyId": "heart-data.arn", "volumeSize": size}}
        ],
    )


def _out(**rule: Any) -> Fault:
    return r.planted(r.EGRESS, securityGroupId="heart-machines.id", ipProtocol="tcp", **rule)


def _door(service: str) -> Fault:
    return r.planted(r.DOOR, vpcId="heart.id", serviceName=f"com.amazonaws.eu-west-2.{service}")


EVIDENCE: Final = {
    "workspace/no-route-to-internet": Evidence(
        r.asking(network.no_route, r.WORKSPACE),
        {
            "an internet gateway": r.planted(r.token("ec2", "InternetGateway"), vpcId="heart.id"),
            "an address translation gateway": r.planted(r.token("ec2", "NatGateway")),
            "a way out by IPv6": r.planted(r.token("ec2", "EgressOnlyInternetGateway"), vpcId="heart.id"),
            "a route to everywhere": r.planted(r.ROUTE, destinationCidrBlock=_EVERYWHERE),
            "a table with a route": changed(of(r.ROUTE_TABLE), routes=[{"cidrBlock": _EVERYWHERE}]),
            "a subnet without a table": without(of(r.ASSOCIATION, "-b")),
            "an open group": _out(cidrIpv4=_EVERYWHERE, fromPort=443, toPort=443),
            "an open access list": changed(
                of(r.ACCESS_LIST), egress=[{"action": "allow", "cidrBlock": _EVERYWHERE}]
            ),
            "public addresses": changed(of(r.SUBNET, "-a"), mapPublicIpOnLaunch=True),
            "an open default": changed(of(r.DEFAULT_GROUP), egress=[{"cidrBlocks": [_EVERYWHERE]}]),
        },
    ),
    "workspace/no-path-to-other-projects": Evidence(
        r.at_place(network.no_path),
        {
            "a peering": r.planted(r.token("ec2", "VpcPeeringConnection"), vpcId="heart.id"),
            "a transit gateway": r.planted(r.token("ec2transitgateway", "VpcAttachment"), vpcId="heart.id"),
            "a second network": r.planted(r.VPC, cidrBlock="10.97.0.0/20"),
            "another project's group": _out(referencedSecurityGroupId="other-machines.id"),
            "a door to all storage": r.with_statement(
                r.DOOR, "-s3", Action=["s3:GetObject"], Resource=["*"], Principal="*"
            ),
            "a role that reaches all storage": r.with_statement(
                r.POLICY, "-boundary", Action=["s3:*"], Resource=["*"]
            ),
            "a service for other networks": r.planted(r.token("ec2", "VpcEndpointService")),
        },
    ),
    "workspace/no-path-to-control-plane": Evidence(
        r.at_place(network.no_control),
        {
            "metadata without a token": _metadata(httpTokens="optional"),
            "metadata for containers": _metadata(httpPutResponseHopLimit=2),
            "metadata for every user": _script_without(METADATA_RULE),
            "a door to machines' control": _door("ec2"),
            "a door to sessions": _door("ssm"),
            "a door without a policy": changed(of(r.DOOR, "-ecs"), policy=""),
            "a door for any call": r.with_statement(
                r.DOOR, "-ecs", Action=["ecs:*"], Resource=["*"], Principal="*"
            ),
            "a role without bounds": changed(of(r.ROLE, "-analyst"), permissionsBoundary=None),
            "bounds that let control through": r.without_statement(r.POLICY, "-boundary", "NoControl"),
        },
    ),
    "workspace/inside-names-only": Evidence(
        network.INSIDE_NAMES,
        {
            "every name": changed(of(network.NAMES, "-inside"), domains=["*."]),
            "one name outside": changed(of(network.NAMES, "-inside"), domains=["tunnel.example.com."]),
            "no last rule": without(of(network.RULE, "-rest")),
            "a last rule that lets through": changed(of(network.RULE, "-rest"), action="ALLOW"),
            "open when it fails": changed(of(network.FAILING), firewallFailOpen="ENABLED"),
            "rules bound to nothing": without(of(network.ASSOCIATED)),
            "another resolver": r.planted(r.token("route53", "ResolverEndpoint"), direction="OUTBOUND"),
        },
    ),
    "workspace/no-privilege": Evidence(
        compute.NO_PRIVILEGE_PROOF,
        {
            "a privileged job": _job(privileged=True),
            "a job as root": _job(user="0"),
            "a root that can be written": _job(readonlyRootFilesystem=False),
            "a part of the host": _job(volumes=[{"name": "root", "host": {"sourcePath": "/"}}]),
            "a machine that would run them": _script_without(NO_PRIVILEGE),
            "processes that gain rights": _script_without(NO_NEW_PRIVILEGES),
        },
    ),
    "workspace/approved-images-only": Evidence(
        r.asking(compute.approved, r.WORKSPACE),
        {
            "an image by tag": _job(image="123456789012.dkr.ecr.eu-west-2.amazonaws.com/tre/x:latest"),
            "an image from elsewhere": _job(image=f"docker.io/library/debian@sha256:{'a' * 64}"),
            "another digest": _job(
                image=f"123456789012.dkr.ecr.eu-west-2.amazonaws.com/tre/x@sha256:{'c' * 64}"
            ),
            "tags that move": changed(of(r.REPOSITORY), imageTagMutability="MUTABLE"),
            "a door to every repository": r.with_statement(
                r.DOOR, "-dkr", Action=["ecr:BatchGetImage"], Resource=["*"], Principal="*"
            ),
            "another registry passed through": r.planted(r.token("ecr", "PullThroughCacheRule")),
        },
    ),
    "workspace/no-copy-out": Evidence(
        r.asking(compute.no_copy_out, r.WORKSPACE),
        {
            "a clipboard": changed(of(r.DESKTOP), copyAllowed="Enabled"),
            "downloads": changed(of(r.DESKTOP), downloadAllowed="Enabled"),
            "printing": changed(of(r.DESKTOP), printAllowed="Enabled"),
            "logs that leave": _job(logConfiguration={"logDriver": "awslogs"}),
            "a key to a machine": changed(of(r.TEMPLATE), keyName="mine"),
            "a door for logs": _door("logs"),
            "a port from outside": r.planted(
                r.INGRESS, securityGroupId="heart-machines.id", cidrIpv4=_EVERYWHERE, fromPort=22, toPort=22
            ),
        },
    ),
    "workspace/quota-enforced": Evidence(
        r.asking(compute.quota, r.WORKSPACE),
        {
            "more cores": _machines(maxVcpus=64),
            "more memory per core": _machines(instanceTypes=["r7i.large"]),
            "types to choose from": _machines(instanceTypes=["c7i.large", "c7i.16xlarge"]),
            "rounding up": _machines(allocationStrategy="BEST_FIT_PROGRESSIVE"),
            "larger disks": _disk(500),
            "a machine beside": r.planted(r.token("ec2", "Instance")),
        },
    ),
    "workspace/budget-capped": Evidence(
        r.asking(compute.budget, r.WORKSPACE),
        {
            "somebody must agree": changed(of(r.ACTION), approvalModel="MANUAL"),
            "twice the budget": changed(
                of(r.ACTION),
                actionThreshold={"actionThresholdType": "PERCENTAGE", "actionThresholdValue": 200},
            ),
            "a stop that stops nothing": r.without_statement(r.POLICY, "-stop", "NothingStarts"),
            "another role": changed(
                of(r.ACTION),
                definition={"iamActionDefinition": {"policyArn": "heart-stop.arn", "roles": ["another"]}},
            ),
            "a fresh budget each month": changed(of(r.BUDGET), timeUnit="MONTHLY"),
            "another project's costs": changed(
                of(r.BUDGET), costFilters=[{"name": "TagKeyValue", "values": ["user:tre-project$demo/other"]}]
            ),
            "a door that is not counted": changed(of(r.DOOR, "-s3"), tags={}),
            "machines that are not counted": changed(of(r.TEMPLATE), tagSpecifications=[]),
            "no action": without(of(r.ACTION)),
            "jobs without an end": changed(of(r.JOB), timeout={}),
        },
    ),
    "workspace/egress-only-through-airlock": Evidence(
        r.at_place(network.only_airlock),
        {
            "another service's door": r.planted(
                r.DOOR, vpcId="heart.id", serviceName="com.amazonaws.vpce.eu-west-2.vpce-svc-1"
            ),
            "another group to send to": _out(referencedSecurityGroupId="heart-desktop.id"),
            "writing to any storage": r.with_statement(
                r.DOOR, "-s3", Action=["s3:PutObject"], Resource=["*"], Principal="*"
            ),
            "reading back what was sent": r.with_statement(
                r.ACCESS_POINT, "-outbox", Action=["s3:GetObject"], Resource=["*"], Principal="*"
            ),
            "a balancer": r.planted(r.token("lb", "LoadBalancer")),
        },
    ),
}
