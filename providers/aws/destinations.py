"""The way to named destinations, for the tiers that may have one: a firewall that lets those names through."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, Final

import pulumi
from pulumi_aws import ec2, networkfirewall, vpc

from components.errors import Unbuildable
from components.workspace import Workspace, WorkspaceSpec
from providers.aws.names import Place
from providers.aws.network import Network, ranges
from providers.aws.target import AwsTarget

HIGHEST_TIER: Final = 1
EVERYWHERE: Final = "0.0.0.0/0"


def check(spec: WorkspaceSpec) -> None:
    """Refuse destinations above the tiers that may have them.

    Raises:
        Unbuildable: the tier allows no way out, or a destination is not a plain host name.
    """
    if spec.destinations and spec.tier > HIGHEST_TIER:
        raise Unbuildable(
            "workspace.destinations",
            f"tier {spec.tier} has no network out",
            "Remove the destinations: data comes in and goes out through the airlock.",
        )
    for each in spec.destinations:
        if "*" in each or "/" in each or "." not in each.strip("."):
            raise Unbuildable(
                "workspace.destinations",
                f"{each!r} is not the name of one host",
                "Name hosts one by one, for example 'data.example.org'.",
            )


def build(home: Workspace[AwsTarget], place: Place, network: Network) -> None:
    """Register machines -> firewall -> address translation -> internet; each part knows only the next."""
    scope = home.spec.scope
    firewall_block, public_block = _halves(home)
    firewall_subnet = _subnet(home, network, "firewall", firewall_block)
    public_subnet = _subnet(home, network, "public", public_block)
    guard = _firewall(home, place, network, firewall_subnet)
    gateway = ec2.InternetGateway(scope, vpc_id=network.vpc.id, opts=home.child())
    address = ec2.Eip(scope, domain="vpc", opts=home.child(depends_on=[gateway]))
    translation = ec2.NatGateway(
        scope, subnet_id=public_subnet.id, allocation_id=address.id, opts=home.child(depends_on=[gateway])
    )
    out = guard.firewall_statuses.apply(_endpoint)
    way = ec2.RouteTableRouteArgs
    _table(home, network, "machines", network.subnets, [way(cidr_block=EVERYWHERE, vpc_endpoint_id=out)])
    _table(
        home,
        network,
        "firewall",
        [firewall_subnet],
        [way(cidr_block=EVERYWHERE, nat_gateway_id=translation.id)],
    )
    blocks, _ = ranges(home.target.network, len(home.target.zones))
    back = [way(cidr_block=block, vpc_endpoint_id=out) for block in blocks]
    _table(
        home, network, "public", [public_subnet], [way(cidr_block=EVERYWHERE, gateway_id=gateway.id), *back]
    )
    _access_list(home, network, [*network.subnets, firewall_subnet, public_subnet])
    vpc.SecurityGroupEgressRule(
        f"{scope}-destinations",
        security_group_id=network.machines.id,
        cidr_ipv4=EVERYWHERE,
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        opts=home.child(),
    )


def _access_list(home: Workspace[AwsTarget], network: Network, subnets: Sequence[ec2.Subnet]) -> None:
    """Register the subnets' access list: everything inside, HTTPS out, and the answers to it.

    Access lists remember no connection, so answers need a rule; the groups, which do, let nothing else in.
    """
    inside: dict[str, Any] = {
        "cidr_block": home.target.network,
        "protocol": "-1",
        "from_port": 0,
        "to_port": 0,
    }
    out: dict[str, Any] = {"cidr_block": EVERYWHERE, "protocol": "tcp", "from_port": 443, "to_port": 443}
    answers: dict[str, Any] = {
        "cidr_block": EVERYWHERE,
        "protocol": "tcp",
        "from_port": 1024,
        "to_port": 65535,
    }
    ec2.NetworkAcl(
        home.spec.scope,
        vpc_id=network.vpc.id,
        subnet_ids=[each.id for each in subnets],
        egress=[
            ec2.NetworkAclEgressArgs(rule_no=number, action="allow", **rule)
            for number, rule in ((100, inside), (110, out))
        ],
        ingress=[
            ec2.NetworkAclIngressArgs(rule_no=number, action="allow", **rule)
            for number, rule in ((100, inside), (110, answers))
        ],
        opts=home.child(),
    )


def _halves(home: Workspace[AwsTarget]) -> tuple[str, str]:
    _, spare = ranges(home.target.network, len(home.target.zones))
    first, second = ipaddress.IPv4Network(spare).subnets(prefixlen_diff=1)
    return str(first), str(second)


def _subnet(home: Workspace[AwsTarget], network: Network, part: str, block: str) -> ec2.Subnet:
    return ec2.Subnet(
        f"{home.spec.scope}-{part}",
        vpc_id=network.vpc.id,
        cidr_block=block,
        availability_zone=f"{home.target.region}{home.target.zones[0]}",
        map_public_ip_on_launch=False,
        opts=home.child(),
    )


def _table(
    home: Workspace[AwsTarget],
    network: Network,
    part: str,
    subnets: Sequence[ec2.Subnet],
    routes: Sequence[ec2.RouteTableRouteArgs],
) -> None:
    table = ec2.RouteTable(
        f"{home.spec.scope}-{part}", vpc_id=network.vpc.id, routes=routes, opts=home.child()
    )
    for number, subnet in enumerate(subnets):
        ec2.RouteTableAssociation(
            f"{home.spec.scope}-{part}-{number}",
            route_table_id=table.id,
            subnet_id=subnet.id,
            opts=home.child(),
        )


def _firewall(
    home: Workspace[AwsTarget], place: Place, network: Network, subnet: ec2.Subnet
) -> networkfirewall.Firewall:
    policy = networkfirewall.FirewallPolicy(
        home.spec.scope,
        name=place.general("destinations"),
        firewall_policy=networkfirewall.FirewallPolicyFirewallPolicyArgs(
            stateless_default_actions=["aws:forward_to_sfe"],
            stateless_fragment_default_actions=["aws:forward_to_sfe"],
            # Strict order with a drop at the end: what no rule names does not pass.
            stateful_engine_options=networkfirewall.FirewallPolicyFirewallPolicyStatefulEngineOptionsArgs(
                rule_order="STRICT_ORDER"
            ),
            stateful_default_actions=["aws:drop_established", "aws:alert_established"],
            stateful_rule_group_references=[
                networkfirewall.FirewallPolicyFirewallPolicyStatefulRuleGroupReferenceArgs(
                    resource_arn=_names(home, place).arn, priority=1
                )
            ],
        ),
        opts=home.child(),
    )
    return networkfirewall.Firewall(
        home.spec.scope,
        name=place.general("firewall"),
        vpc_id=network.vpc.id,
        firewall_policy_arn=policy.arn,
        subnet_mappings=[networkfirewall.FirewallSubnetMappingArgs(subnet_id=subnet.id)],
        opts=home.child(),
    )


def _names(home: Workspace[AwsTarget], place: Place) -> networkfirewall.RuleGroup:
    listed = networkfirewall.RuleGroupRuleGroupRulesSourceRulesSourceListArgs(
        generated_rules_type="ALLOWLIST", target_types=["TLS_SNI"], targets=list(home.spec.destinations)
    )
    return networkfirewall.RuleGroup(
        home.spec.scope,
        name=place.general("names-out"),
        type="STATEFUL",
        capacity=max(100, 2 * len(home.spec.destinations)),
        rule_group=networkfirewall.RuleGroupRuleGroupArgs(
            rules_source=networkfirewall.RuleGroupRuleGroupRulesSourceArgs(rules_source_list=listed),
            stateful_rule_options=networkfirewall.RuleGroupRuleGroupStatefulRuleOptionsArgs(
                rule_order="STRICT_ORDER"
            ),
        ),
        opts=home.child(),
    )


def _endpoint(statuses: Sequence[Any] | None) -> pulumi.Input[str]:
    # A recorded plan has no firewall that could answer.
    return str(statuses[0].sync_states[0].attachments[0].endpoint_id) if statuses else "firewall.endpoint"
