"""Which names the network resolves: its doors and nothing else, so that names carry nothing out either."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import dnsresolver

from components.workspace import Workspace
from providers.azure.doors import host
from providers.azure.names import Place
from providers.azure.network import Network
from providers.azure.target import AzureTarget


def build(home: Workspace[AzureTarget], place: Place, inside: Network) -> None:
    """Register a policy on the network's resolver that answers for inside names only."""
    registry = home.target.registry.rpartition("/")[2].lower()
    allowed = [
        f"{place.account('data')}.blob.core.windows.net.",
        f"{place.account('data')}.privatelink.blob.core.windows.net.",
        f"{registry}.azurecr.io.",
        f"{registry}.privatelink.azurecr.io.",
        f"{registry}.{home.target.region}.data.azurecr.io.",
        f"{registry}.{home.target.region}.data.privatelink.azurecr.io.",
        host(home.airlock.inside).apply(lambda name: f"{name}."),
        *(f"{each}." for each in home.spec.destinations),
    ]
    policy = dnsresolver.DnsResolverPolicy(
        home.spec.scope,
        resource_group_name=inside.group,
        dns_resolver_policy_name=place.general("names"),
        location=home.target.region,
        opts=home.child(),
    )
    _rule(home, inside, policy, "inside", allowed, 100)
    _rule(home, inside, policy, "rest", ["."], 65000)
    dnsresolver.DnsResolverPolicyVirtualNetworkLink(
        home.spec.scope,
        resource_group_name=inside.group,
        dns_resolver_policy_name=policy.name,
        dns_resolver_policy_virtual_network_link_name="network",
        location=home.target.region,
        virtual_network=dnsresolver.SubResourceArgs(id=inside.vnet.id),
        opts=home.child(),
    )


def _rule(
    home: Workspace[AzureTarget],
    inside: Network,
    policy: dnsresolver.DnsResolverPolicy,
    part: str,
    domains: Sequence[pulumi.Input[str]],
    priority: int,
) -> None:
    names = dnsresolver.DnsResolverDomainList(
        f"{home.spec.scope}-{part}",
        resource_group_name=inside.group,
        dns_resolver_domain_list_name=part,
        location=home.target.region,
        domains=domains,
        opts=home.child(),
    )
    dnsresolver.DnsSecurityRule(
        f"{home.spec.scope}-{part}",
        resource_group_name=inside.group,
        dns_resolver_policy_name=policy.name,
        dns_security_rule_name=part,
        location=home.target.region,
        priority=priority,
        dns_security_rule_state="Enabled",
        action=dnsresolver.DnsSecurityRuleActionArgs(action_type="Allow" if part == "inside" else "Block"),
        dns_resolver_domain_lists=[dnsresolver.SubResourceArgs(id=names.id)],
        opts=home.child(),
    )
