"""A network with no way out: no gateway of any kind, three closed layers, and every flow written down."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, ec2, iam, vpc

from components.workspace import Workspace
from providers.aws import policies
from providers.aws.names import Place, log_group
from providers.aws.statements import Statement, document
from providers.aws.target import AwsTarget


@dataclass(frozen=True)
class Network:
    """The project's network. `machines`, `doors` and `airlock` are security groups."""

    vpc: ec2.Vpc
    subnets: list[ec2.Subnet]
    machines: ec2.SecurityGroup
    doors: ec2.SecurityGroup
    airlock: ec2.SecurityGroup


def ranges(network: str, zones: int) -> tuple[list[str], str]:
    """Return a range for each zone's subnet and one that is kept for a firewall, all inside `network`."""
    eighths = list(ipaddress.IPv4Network(network).subnets(prefixlen_diff=3))
    return [str(each) for each in eighths[:zones]], str(eighths[-1])


def build(home: Workspace[AwsTarget], place: Place) -> Network:
    """Register the network, its closed defaults, its groups and its flow log."""
    scope = home.spec.scope
    network = ec2.Vpc(
        scope,
        cidr_block=home.target.network,
        enable_dns_support=True,
        enable_dns_hostnames=True,
        tags={"Name": place.general("network")},
        opts=home.child(),
    )
    _close_defaults(home, network)
    if home.target.block_internet_account_wide:
        ec2.VpcBlockPublicAccessOptions(
            scope, internet_gateway_block_mode="block-bidirectional", opts=home.child()
        )
    subnets = _subnets(home, network)
    groups = [_group(home, network, part) for part in ("machines", "doors", "airlock")]
    _flow_log(home, place, network)
    return Network(network, subnets, *groups)


def _close_defaults(home: Workspace[AwsTarget], network: ec2.Vpc) -> None:
    """Empty what AWS makes with every network, so that nothing can be left in an open default."""
    scope = f"{home.spec.scope}-default"
    ec2.DefaultSecurityGroup(scope, vpc_id=network.id, ingress=[], egress=[], opts=home.child())
    ec2.DefaultNetworkAcl(
        scope,
        default_network_acl_id=network.default_network_acl_id,
        ingress=[],
        egress=[],
        opts=home.child(),
    )
    ec2.DefaultRouteTable(
        scope, default_route_table_id=network.default_route_table_id, routes=[], opts=home.child()
    )


def _subnets(home: Workspace[AwsTarget], network: ec2.Vpc) -> list[ec2.Subnet]:
    scope, zones = home.spec.scope, home.target.zones
    blocks, _ = ranges(home.target.network, len(zones))
    subnets = [
        ec2.Subnet(
            f"{scope}-{zone}",
            vpc_id=network.id,
            cidr_block=block,
            availability_zone=f"{home.target.region}{zone}",
            map_public_ip_on_launch=False,
            opts=home.child(),
        )
        for zone, block in zip(zones, blocks, strict=True)
    ]
    if not home.spec.destinations:
        _closed(home, network, subnets)
    return subnets


def _closed(home: Workspace[AwsTarget], network: ec2.Vpc, subnets: list[ec2.Subnet]) -> None:
    """Give the subnets a table with no route but the network's own, and an access list that ends at its edge."""
    scope = home.spec.scope
    table = ec2.RouteTable(scope, vpc_id=network.id, routes=[], opts=home.child())
    for zone, subnet in zip(home.target.zones, subnets, strict=True):
        ec2.RouteTableAssociation(
            f"{scope}-{zone}", route_table_id=table.id, subnet_id=subnet.id, opts=home.child()
        )
    inside = home.target.network
    ec2.NetworkAcl(
        scope,
        vpc_id=network.id,
        subnet_ids=[each.id for each in subnets],
        ingress=[
            ec2.NetworkAclIngressArgs(
                rule_no=100, action="allow", protocol="-1", from_port=0, to_port=0, cidr_block=inside
            )
        ],
        egress=[
            ec2.NetworkAclEgressArgs(
                rule_no=100, action="allow", protocol="-1", from_port=0, to_port=0, cidr_block=inside
            )
        ],
        opts=home.child(),
    )


def _group(home: Workspace[AwsTarget], network: ec2.Vpc, part: str) -> ec2.SecurityGroup:
    # Without rules of its own: the provider also takes away the way out that AWS gives a new group.
    return ec2.SecurityGroup(
        f"{home.spec.scope}-{part}",
        vpc_id=network.id,
        description=f"{part} of {home.spec.site}/{home.spec.scope}",
        opts=home.child(),
    )


def allow(
    home: Workspace[AwsTarget],
    name: str,
    source: ec2.SecurityGroup,
    to: ec2.SecurityGroup,
    port: pulumi.Input[int],
) -> None:
    """Let one group of the project reach another at one TCP port: a rule at each end, both naming groups."""
    vpc.SecurityGroupEgressRule(
        f"{home.spec.scope}-{name}",
        security_group_id=source.id,
        referenced_security_group_id=to.id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        opts=home.child(),
    )
    vpc.SecurityGroupIngressRule(
        f"{home.spec.scope}-{name}",
        security_group_id=to.id,
        referenced_security_group_id=source.id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        opts=home.child(),
    )


def _flow_log(home: Workspace[AwsTarget], place: Place, network: ec2.Vpc) -> None:
    name = f"{home.spec.scope}-flows"
    group = cloudwatch.LogGroup(
        name,
        name=log_group(home.spec.site, home.spec.scope, "flows"),
        kms_key_id=home.data.key,
        retention_in_days=365,
        opts=home.child(),
    )
    role = iam.Role(
        name,
        name=place.role("flows"),
        path="/tre/",
        assume_role_policy=policies.trust("vpc-flow-logs.amazonaws.com", place),
        opts=home.child(),
    )
    groups = place.arn("logs", f"log-group:{log_group(home.spec.site, home.spec.scope, 'flows')}:*")
    writing = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    iam.RolePolicy(
        name,
        name="write",
        role=role.name,
        policy=document(Statement("Write", "Allow", writing, [groups])),
        opts=home.child(),
    )
    ec2.FlowLog(
        name,
        vpc_id=network.id,
        # Refused flows show attempts; a log of accepted ones alone hides every probe.
        traffic_type="ALL",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        opts=home.child(),
    )
