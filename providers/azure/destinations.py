"""The way to named destinations, for the tiers that may have one: a firewall that lets those names through."""

from __future__ import annotations

from typing import Final

from pulumi_azure_native import network

from components.errors import Unbuildable
from components.workspace import Workspace, WorkspaceSpec
from providers.azure.names import Place
from providers.azure.network import FIREWALL_SUBNET, Network
from providers.azure.target import AzureTarget

HIGHEST_TIER: Final = 1


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


def build(home: Workspace[AzureTarget], place: Place, inside: Network) -> None:
    """Register a firewall between the machines and the internet that knows the destinations' names."""
    scope, region = home.spec.scope, home.target.region
    address = network.PublicIPAddress(
        scope,
        resource_group_name=inside.group,
        public_ip_address_name=place.general("firewall"),
        location=region,
        sku=network.PublicIPAddressSkuArgs(name="Standard"),
        public_ip_allocation_method="Static",
        opts=home.child(),
    )
    policy = network.FirewallPolicy(
        scope,
        resource_group_name=inside.group,
        firewall_policy_name=place.general("firewall"),
        location=region,
        sku=network.FirewallPolicySkuArgs(tier="Standard"),
        threat_intel_mode="Deny",
        opts=home.child(),
    )
    rules = _rules(home, inside, policy)
    network.AzureFirewall(
        scope,
        resource_group_name=inside.group,
        azure_firewall_name=place.general("firewall"),
        location=region,
        sku=network.AzureFirewallSkuArgs(name="AZFW_VNet", tier="Standard"),
        firewall_policy=network.SubResourceArgs(id=policy.id),
        ip_configurations=[
            network.AzureFirewallIPConfigurationArgs(
                name="out",
                subnet=network.SubResourceArgs(id=inside.subnet(FIREWALL_SUBNET)),
                public_ip_address=network.SubResourceArgs(id=address.id),
            )
        ],
        opts=home.child(depends_on=[rules]),
    )


def _rules(
    home: Workspace[AzureTarget], inside: Network, policy: network.FirewallPolicy
) -> network.FirewallPolicyRuleCollectionGroup:
    https = network.FirewallPolicyRuleApplicationProtocolArgs(protocol_type="Https", port=443)
    named = network.ApplicationRuleArgs(
        rule_type="ApplicationRule",
        name="named",
        source_addresses=[inside.ranges["machines"]],
        protocols=[https],
        target_fqdns=list(home.spec.destinations),
    )
    collection = network.FirewallPolicyFilterRuleCollectionArgs(
        rule_collection_type="FirewallPolicyFilterRuleCollection",
        name="destinations",
        priority=100,
        action=network.FirewallPolicyFilterRuleCollectionActionArgs(type="Allow"),
        rules=[named],
    )
    # What no rule names does not pass: a firewall's last word is no.
    return network.FirewallPolicyRuleCollectionGroup(
        home.spec.scope,
        resource_group_name=inside.group,
        firewall_policy_name=policy.name,
        rule_collection_group_name="destinations",
        priority=100,
        rule_collections=[collection],
        opts=home.child(),
    )
