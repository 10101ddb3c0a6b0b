"""The doors of the network: the data, the images and the airlock's inside, each by a private endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pulumi
from pulumi_azure_native import network, privatedns

from components.workspace import Workspace
from providers.azure.names import Place
from providers.azure.network import Network, first_address
from providers.azure.target import AzureTarget


def build(home: Workspace[AzureTarget], place: Place, inside: Network) -> None:
    """Register the three doors and the names they answer to."""
    data = pulumi.Output.from_input(home.data.inputs).apply(lambda _: place.account_id("data"))
    _service(home, place, inside, "data", data, "blob", "privatelink.blob.core.windows.net")
    _service(home, place, inside, "images", home.target.registry, "registry", "privatelink.azurecr.io")
    _airlock(home, place, inside)


def _service(
    home: Workspace[AzureTarget],
    place: Place,
    inside: Network,
    part: str,
    resource: pulumi.Input[str],
    kind: str,
    zone: str,
) -> None:
    door = _door(home, place, inside, part, "doors", resource, [kind])
    names = _zone(home, inside, part, zone)
    network.PrivateDnsZoneGroup(
        f"{home.spec.scope}-{part}",
        resource_group_name=inside.group,
        private_endpoint_name=door.name,
        private_dns_zone_group_name="default",
        private_dns_zone_configs=[network.PrivateDnsZoneConfigArgs(name=part, private_dns_zone_id=names.id)],
        opts=home.child(),
    )


def _door(
    home: Workspace[AzureTarget],
    place: Place,
    inside: Network,
    part: str,
    subnet: str,
    resource: pulumi.Input[str],
    kinds: Sequence[str],
) -> network.PrivateEndpoint:
    return network.PrivateEndpoint(
        f"{home.spec.scope}-{part}",
        resource_group_name=inside.group,
        private_endpoint_name=place.general(part),
        location=home.target.region,
        subnet=network.SubnetArgs(id=inside.subnet(subnet)),
        private_link_service_connections=[
            network.PrivateLinkServiceConnectionArgs(
                name=part, private_link_service_id=resource, group_ids=list(kinds) or None
            )
        ],
        opts=home.child(),
    )


def _zone(
    home: Workspace[AzureTarget], inside: Network, part: str, name: pulumi.Input[str]
) -> privatedns.PrivateZone:
    zone = privatedns.PrivateZone(
        f"{home.spec.scope}-{part}",
        resource_group_name=inside.group,
        private_zone_name=name,
        location="global",
        opts=home.child(),
    )
    privatedns.VirtualNetworkLink(
        f"{home.spec.scope}-{part}",
        resource_group_name=inside.group,
        private_zone_name=zone.name,
        virtual_network_link_name="network",
        location="global",
        virtual_network=privatedns.SubResourceArgs(id=inside.vnet.id),
        registration_enabled=False,
        # Not falling back to the internet: a name that is not here is nowhere.
        resolution_policy="Default",
        opts=home.child(),
    )
    return zone


def _airlock(home: Workspace[AzureTarget], place: Place, inside: Network) -> None:
    """Join the airlock's inside door by its private link: a one-way door, where a peering joins two networks."""
    door = _door(home, place, inside, "airlock", "airlock", home.airlock.place, [])
    zone = _zone(home, inside, "airlock", host(home.airlock.inside))
    first = first_address(inside.ranges["airlock"])
    privatedns.PrivateRecordSet(
        f"{home.spec.scope}-airlock",
        resource_group_name=inside.group,
        private_zone_name=zone.name,
        relative_record_set_name="@",
        record_type="A",
        ttl=300,
        a_records=[
            privatedns.ARecordArgs(
                ipv4_address=door.custom_dns_configs.apply(lambda configs: _address(configs, first))
            )
        ],
        opts=home.child(),
    )


def host(address: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the host of an address (`https://inside.example.org:8443/` gives `inside.example.org`)."""
    return pulumi.Output.from_input(address).apply(lambda text: urlsplit(text).hostname or text)


def _address(configs: Sequence[Any] | None, first: str) -> str:
    # A private link service without names of its own reports none; its endpoint is alone in the subnet.
    return str(configs[0].ip_addresses[0]) if configs else first
