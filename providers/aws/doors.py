"""The doors of the network: AWS's services by their private endpoints, the airlock's inside, and the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import pulumi
from pulumi_aws import ec2, route53, s3

from components.workspace import Workspace
from providers.aws import endpoint_policies, policies
from providers.aws.names import Place, access_point
from providers.aws.network import Network, allow
from providers.aws.target import AwsTarget

SERVICES: Final = ("s3", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry")
"""What the machines cannot do without: data, images, and the agent's orders. Not logs, not ssm, not ec2: a door
that is not there needs no policy."""


def build(home: Workspace[AwsTarget], place: Place, network: Network, repository: str) -> None:
    """Register every door, with a policy for each that says what may be asked through it."""
    allow(home, "services", network.machines, network.doors, 443)
    for service in SERVICES:
        _service(home, place, network, service, _policy(place, service, repository))
    _airlock(home, network)
    _data(home, network, place)


def _policy(place: Place, service: str, repository: str) -> str:
    if service == "s3":
        return endpoint_policies.storage(place)
    if service.startswith("ecr."):
        return endpoint_policies.registry(place, repository)
    return endpoint_policies.door(policies.AGENT, place)


def _service(
    home: Workspace[AwsTarget], place: Place, network: Network, service: str, policy: str
) -> ec2.VpcEndpoint:
    # S3 too by an interface: its gateway form needs a route and an access list open to S3's public addresses.
    options = ec2.VpcEndpointDnsOptionsArgs(private_dns_only_for_inbound_resolver_endpoint=False)
    return ec2.VpcEndpoint(
        f"{home.spec.scope}-{service.replace('.', '-')}",
        vpc_id=network.vpc.id,
        vpc_endpoint_type="Interface",
        service_name=f"com.amazonaws.{place.region}.{service}",
        subnet_ids=[each.id for each in network.subnets],
        security_group_ids=[network.doors.id],
        private_dns_enabled=True,
        dns_options=options if service == "s3" else None,
        policy=policy,
        opts=home.child(),
    )


def _airlock(home: Workspace[AwsTarget], network: Network) -> None:
    """Join the airlock's inside door by its private link: a one-way door, where a peering joins two networks."""
    allow(home, "airlock", network.machines, network.airlock, home.airlock.port)
    door = ec2.VpcEndpoint(
        f"{home.spec.scope}-airlock",
        vpc_id=network.vpc.id,
        vpc_endpoint_type="Interface",
        service_name=home.airlock.place,
        subnet_ids=[each.id for each in network.subnets],
        security_group_ids=[network.airlock.id],
        private_dns_enabled=False,
        opts=home.child(),
    )
    zone = route53.Zone(
        f"{home.spec.scope}-airlock",
        name=host(home.airlock.inside),
        vpcs=[route53.ZoneVpcArgs(vpc_id=network.vpc.id)],
        opts=home.child(),
    )
    alias = route53.RecordAliasArgs(
        name=door.dns_entries.apply(lambda entries: _entry(entries, "dns_name")),
        zone_id=door.dns_entries.apply(lambda entries: _entry(entries, "hosted_zone_id")),
        evaluate_target_health=False,
    )
    route53.Record(
        f"{home.spec.scope}-airlock",
        zone_id=zone.zone_id,
        name=host(home.airlock.inside),
        type="A",
        aliases=[alias],
        opts=home.child(),
    )


def host(address: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the host of an address (`https://inside.example.org:8443/` gives `inside.example.org`)."""
    return pulumi.Output.from_input(address).apply(lambda text: urlsplit(text).hostname or text)


def _entry(entries: Sequence[Mapping[str, Any]] | Sequence[Any] | None, key: str) -> str:
    # A recorded plan has no endpoint that could answer.
    return str(getattr(entries[0], key)) if entries else f"airlock.{key}"


def _data(home: Workspace[AwsTarget], network: Network, place: Place) -> None:
    """Open the project's data to this network: the buckets answer to these access points and to nothing else."""
    buckets = {"inputs": home.data.inputs, "working": home.data.working, "outbox": home.data.outbox}
    for part, policy in endpoint_policies.access_points(place).items():
        s3.AccessPoint(
            f"{home.spec.scope}-{part}",
            name=access_point(home.spec.site, home.spec.scope, part),
            account_id=place.account,
            bucket=buckets[part],
            vpc_configuration=s3.AccessPointVpcConfigurationArgs(vpc_id=network.vpc.id),
            public_access_block_configuration=s3.AccessPointPublicAccessBlockConfigurationArgs(
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
            ),
            policy=policy,
            opts=home.child(),
        )
