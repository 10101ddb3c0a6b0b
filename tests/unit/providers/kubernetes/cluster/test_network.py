"""Which addresses a cluster takes."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from providers.kubernetes.cluster import network

PRIVATE = st.ip_addresses(v=4, network="10.200.0.0/20")


def test_the_first_free_slot_is_taken_and_the_former_one_preferred() -> None:
    assert [node.slot for node in network.candidates(None, [])] == list(network.SLOTS)
    assert network.candidates(5, [])[0].slot == 5


def test_a_slot_has_a_range_a_link_and_an_api() -> None:
    node = network.Node(3)
    assert (node.link, str(node.range), node.machine_address) == ("tre3", "10.200.3.0/30", "10.200.3.1")
    assert node.api == "https://10.200.3.2:6443"


def test_routes_that_overlap_are_avoided() -> None:
    routes = [{"dst": "default"}, {"dst": "10.200.0.0/16"}, {"dst": "fe80::/64"}, {"dst": "192.168.1.1"}, {}]
    taken = network.ranges_in_use(routes)
    assert sorted(map(str, taken)) == ["10.200.0.0/16", "192.168.1.1/32"]
    assert network.candidates(None, taken) == []


@given(addresses=st.lists(PRIVATE.map(ipaddress.IPv4Address), max_size=30), preferred=st.integers(0, 15))
def test_no_candidate_ever_overlaps(addresses: list[ipaddress.IPv4Address], preferred: int) -> None:
    taken = [ipaddress.IPv4Network(address) for address in addresses]
    for node in network.candidates(preferred, taken):
        assert not any(address in node.range for address in addresses)


def test_the_made_up_internet_is_in_a_range_for_documentation() -> None:
    assert ipaddress.ip_address(network.INTERNET) in ipaddress.ip_network("203.0.113.0/24")
