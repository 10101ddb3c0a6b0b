"""Which names the network resolves: its doors and nothing else, so that names carry nothing out either."""

from __future__ import annotations

from pulumi_aws import cloudwatch, route53

from components.workspace import Workspace
from providers.aws.doors import host
from providers.aws.names import Place, log_group
from providers.aws.network import Network
from providers.aws.target import AwsTarget


def build(home: Workspace[AwsTarget], place: Place, network: Network) -> None:
    """Register a firewall on the network's resolver that answers for inside names only, and a log of questions."""
    rules = route53.ResolverFirewallRuleGroup(home.spec.scope, name=place.general("names"), opts=home.child())
    inside = [
        # Names of the region's services; only those with a door have an address that anything leads to.
        f"*.{place.region}.amazonaws.com.",
        f"*.{place.region}.compute.internal.",
        host(home.airlock.inside).apply(lambda name: f"{name}."),
        *(f"{each}." for each in home.spec.destinations),
    ]
    allowed = route53.ResolverFirewallDomainList(
        f"{home.spec.scope}-inside", name=place.general("inside"), domains=inside, opts=home.child()
    )
    everything = route53.ResolverFirewallDomainList(
        f"{home.spec.scope}-rest", name=place.general("rest"), domains=["*."], opts=home.child()
    )
    _rule(home, rules, allowed, "inside", 100)
    _rule(home, rules, everything, "rest", 200)
    _enforced(home, place, network, rules)
    _log(home, place, network)


def _rule(
    home: Workspace[AwsTarget],
    rules: route53.ResolverFirewallRuleGroup,
    names: route53.ResolverFirewallDomainList,
    part: str,
    priority: int,
) -> None:
    allowed = part == "inside"
    route53.ResolverFirewallRule(
        f"{home.spec.scope}-{part}",
        name=part,
        firewall_rule_group_id=rules.id,
        firewall_domain_list_id=names.id,
        priority=priority,
        action="ALLOW" if allowed else "BLOCK",
        block_response=None if allowed else "NXDOMAIN",
        opts=home.child(),
    )


def _enforced(
    home: Workspace[AwsTarget], place: Place, network: Network, rules: route53.ResolverFirewallRuleGroup
) -> None:
    route53.ResolverFirewallRuleGroupAssociation(
        home.spec.scope,
        name=place.general("names"),
        firewall_rule_group_id=rules.id,
        vpc_id=network.vpc.id,
        priority=101,
        mutation_protection="ENABLED",
        opts=home.child(),
    )
    # When the firewall itself cannot answer, no name resolves: closed, not open.
    route53.ResolverFirewallConfig(
        home.spec.scope, resource_id=network.vpc.id, firewall_fail_open="DISABLED", opts=home.child()
    )


def _log(home: Workspace[AwsTarget], place: Place, network: Network) -> None:
    name = f"{home.spec.scope}-names"
    group = cloudwatch.LogGroup(
        name,
        name=log_group(home.spec.site, home.spec.scope, "names"),
        kms_key_id=home.data.key,
        retention_in_days=365,
        opts=home.child(),
    )
    questions = route53.ResolverQueryLogConfig(
        name, name=place.general("names"), destination_arn=group.arn, opts=home.child()
    )
    route53.ResolverQueryLogConfigAssociation(
        name, resolver_query_log_config_id=questions.id, resource_id=network.vpc.id, opts=home.child()
    )
