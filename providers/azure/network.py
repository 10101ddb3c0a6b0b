"""A network with no way out: no default way, a route into nothing, and rules that end in a refusal.

Its range is cut into three subnets: machines, doors (private endpoints of Azure's services) and the airlock's door.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import network, resources

from components.workspace import Workspace
from providers.azure.names import Place
from providers.azure.target import AzureTarget

EVERYWHERE: Final = "0.0.0.0/0"
SUBNETS: Final = ("machines", "doors", "airlock")
FIREWALL_SUBNET: Final = "AzureFirewallSubnet"
"""The one name under which Azure lets a firewall stand."""


@dataclass(frozen=True)
class Network:
    """The project's network, its resource group's name, and its subnets' ranges."""

    vnet: network.VirtualNetwork
    group: pulumi.Output[str]
    ranges: dict[str, str]

    def subnet(self, part: str) -> pulumi.Output[str]:
        """Return a subnet's id."""
        return pulumi.Output.concat(self.vnet.id, "/subnets/", part)


def ranges(block: str) -> dict[str, str]:
    """Return the range of each subnet inside a network: half for machines, an eighth for each other."""
    machines, rest = ipaddress.IPv4Network(block).subnets(prefixlen_diff=1)
    eighths = [str(each) for each in rest.subnets(prefixlen_diff=2)]
    return {"machines": str(machines), "doors": eighths[0], "airlock": eighths[1], "firewall": eighths[2]}


def first_address(block: str) -> str:
    """Return the address that Azure gives first in a subnet: it keeps the four before it for itself."""
    return str(ipaddress.IPv4Network(block)[4])


def build(home: Workspace[AzureTarget], place: Place) -> Network:
    """Register the network in a resource group of its own."""
    group = resources.ResourceGroup(
        f"{home.spec.scope}-workspace",
        resource_group_name=place.group("workspace"),
        location=home.target.region,
        opts=home.child(),
    )
    blocks = ranges(home.target.network)
    table = _table(home, place, group.name, blocks)
    rules = {
        "machines": _machine_rules(home, blocks, named=bool(home.spec.destinations)),
        "doors": _door_rules(blocks, "doors", 443),
        "airlock": _door_rules(blocks, "airlock", home.airlock.port),
    }
    subnets = [
        _subnet(part, blocks[part], _group(home, place, group.name, part, rules[part]), table)
        for part in SUBNETS
    ]
    if home.spec.destinations:
        subnets.append(network.SubnetArgs(name=FIREWALL_SUBNET, address_prefix=blocks["firewall"]))
    vnet = network.VirtualNetwork(
        home.spec.scope,
        resource_group_name=group.name,
        virtual_network_name=place.general("network"),
        location=home.target.region,
        address_space=network.AddressSpaceArgs(address_prefixes=[home.target.network]),
        # In the network itself: subnets of their own would be dropped by its next update.
        subnets=subnets,
        opts=home.child(),
    )
    return Network(vnet, group.name, blocks)


def _table(
    home: Workspace[AzureTarget], place: Place, group: pulumi.Input[str], blocks: dict[str, str]
) -> network.RouteTable:
    named = bool(home.spec.destinations)
    way = network.RouteArgs(
        name="everywhere",
        address_prefix=EVERYWHERE,
        next_hop_type="VirtualAppliance" if named else "None",
        # Known beforehand: the firewall itself cannot exist before the network that this table is for.
        next_hop_ip_address=first_address(blocks["firewall"]) if named else None,
    )
    return network.RouteTable(
        home.spec.scope,
        resource_group_name=group,
        route_table_name=place.general("routes"),
        location=home.target.region,
        # A gateway somewhere must not be able to announce a way out.
        disable_bgp_route_propagation=True,
        routes=[way],
        opts=home.child(),
    )


def _subnet(
    part: str, block: str, rules: network.NetworkSecurityGroup, table: network.RouteTable
) -> network.SubnetArgs:
    return network.SubnetArgs(
        name=part,
        address_prefix=block,
        # Azure gives machines a way out by default, unless told not to.
        default_outbound_access=False,
        # Without this, rules and routes pass private endpoints by.
        private_endpoint_network_policies="Enabled",
        network_security_group=network.NetworkSecurityGroupArgs(id=rules.id),
        route_table=network.RouteTableArgs(id=table.id),
    )


def _group(
    home: Workspace[AzureTarget],
    place: Place,
    group: pulumi.Input[str],
    part: str,
    rules: Sequence[network.SecurityRuleArgs],
) -> network.NetworkSecurityGroup:
    return network.NetworkSecurityGroup(
        f"{home.spec.scope}-{part}",
        resource_group_name=group,
        network_security_group_name=place.general(part),
        location=home.target.region,
        # Azure's own last rules let a network talk within itself and out: ours come before them and refuse.
        security_rules=[*rules, _refuse("Inbound"), _refuse("Outbound")],
        opts=home.child(),
    )


def _refuse(direction: str) -> network.SecurityRuleArgs:
    return network.SecurityRuleArgs(
        name=f"refuse-{direction.lower()}",
        priority=4096,
        direction=direction,
        access="Deny",
        protocol="*",
        source_address_prefix="*",
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_range="*",
    )


def _allow(
    name: str, priority: int, direction: str, source: str, to: str, port: pulumi.Input[str]
) -> network.SecurityRuleArgs:
    return network.SecurityRuleArgs(
        name=name,
        priority=priority,
        direction=direction,
        access="Allow",
        protocol="Tcp",
        source_address_prefix=source,
        source_port_range="*",
        destination_address_prefix=to,
        destination_port_range=port,
    )


def _machine_rules(
    home: Workspace[AzureTarget], blocks: dict[str, str], *, named: bool
) -> list[network.SecurityRuleArgs]:
    port = pulumi.Output.from_input(home.airlock.port).apply(str)
    machines = blocks["machines"]
    rules = [
        _allow("doors", 100, "Outbound", machines, blocks["doors"], "443"),
        _allow("airlock", 110, "Outbound", machines, blocks["airlock"], port),
    ]
    if named:
        return [*rules, _allow("destinations", 120, "Outbound", machines, "Internet", "443")]
    refused = network.SecurityRuleArgs(
        name="no-internet",
        priority=200,
        direction="Outbound",
        access="Deny",
        protocol="*",
        source_address_prefix="*",
        source_port_range="*",
        destination_address_prefix="Internet",
        destination_port_range="*",
    )
    return [*rules, refused]


def _door_rules(blocks: dict[str, str], part: str, port: pulumi.Input[int]) -> list[network.SecurityRuleArgs]:
    text = pulumi.Output.from_input(port).apply(str)
    return [_allow("machines", 100, "Inbound", blocks["machines"], blocks[part], text)]
