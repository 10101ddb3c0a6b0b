"""How the workspace shows that its network ends where it should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.contract import Proof, Record, Records, Verdict, broken, kept, of_type
from components.proof import all_of, every, none, of, per
from providers.azure.boot import FABRIC_RULE, FORWARD_RULE, METADATA_RULE
from providers.azure.evidence import reading as r
from providers.azure.evidence.reading import at
from providers.azure.network import FIREWALL_SUBNET, SUBNETS

_SOMEWHERE: Final = "8.8.8.8"
_CONTROL: Final = "20.50.2.1"
"""An address of Azure's own range: what answers as management.azure.com has no other kind."""

_PORTS: Final = (22, 25, 53, 80, 443, 445, 3389, 8080, 8443)
WAYS_OUT: Final = (
    *(
        r.token("network", kind)
        for kind in (
            "PublicIPAddress",
            "PublicIPPrefix",
            "NatGateway",
            "VirtualNetworkGateway",
            "LoadBalancer",
            "ApplicationGateway",
            "AzureFirewall",
        )
    ),
)
FIREWALL_RULES: Final = r.token("network", "FirewallPolicyRuleCollectionGroup")
JOINTS: Final = tuple(
    r.token("network", kind)
    for kind in (
        "VirtualNetworkPeering",
        "HubVirtualNetworkConnection",
        "VirtualNetworkGatewayConnection",
        "PrivateLinkService",
        "NetworkManager",
    )
)


def no_route(asked: Mapping[str, Any]) -> Proof:
    """Return the proof for a closed network, or for one with named destinations where the tier allows them."""
    return _named_only(list(asked["destinations"])) if asked["destinations"] else _CLOSED


def _subnets_closed(records: Records) -> Verdict:
    found = r.subnets(records)
    lost = [
        each["name"]
        for each in found
        if each["name"] != FIREWALL_SUBNET
        and not (
            each.get("defaultOutboundAccess") is False
            and each.get("routeTable")
            and each.get("networkSecurityGroup")
            and not each.get("natGateway")
            and not each.get("serviceEndpoints")
            and each.get("privateEndpointNetworkPolicies") == "Enabled"
        )
    ]
    networks = of_type(records, r.NETWORK)
    if lost or not set(SUBNETS) <= {each["name"] for each in found}:
        return broken(f"not every subnet is closed: {', '.join(lost) or 'some are missing'}", networks)
    return kept("no subnet has a way out by default, and each has rules and routes", networks)


def _nowhere(record: Record) -> bool:
    routes = r.items(record, "routes")
    everywhere = [each for each in routes if each["addressPrefix"] == "0.0.0.0/0"]
    return len(routes) == len(everywhere) == 1 and everywhere[0]["nextHopType"] == "None"


def _refused(*addresses: str) -> Proof:
    """Hold while the machines' rules refuse these addresses at every port, and let the doors be reached."""

    def proof(records: Records) -> Verdict:
        source, door = r.inside(records, "machines"), r.inside(records, "doors")

        def refuses(record: Record) -> bool:
            reached = [
                r.lets_through(record, "Outbound", source, to, port) for to in addresses for port in _PORTS
            ]
            return not any(reached) and r.lets_through(record, "Outbound", source, door, 443)

        because = f"the machines' rules refuse {', '.join(addresses)}"
        return every(because, r.RULES, where=of(r.RULES, "-machines"), holds=refuses)(records)

    return proof


def _no_public_address(record: Record) -> bool:
    cards = r.items(record, "virtualMachineProfile", "networkProfile", "networkInterfaceConfigurations")
    addresses = [address for card in cards for address in card["ipConfigurations"]]
    return bool(addresses) and not any("publicIPAddressConfiguration" in each for each in addresses)


_CLOSED = all_of(
    none("there is no way out of any kind", *WAYS_OUT),
    none("no route or rule is added", r.token("network", "Route"), r.token("network", "SecurityRule")),
    _subnets_closed,
    every("every route leads nowhere", r.TABLE, holds=_nowhere),
    _refused(_SOMEWHERE, "1.1.1.1", "203.0.114.1"),
    every("no machine has a public address", r.MACHINES, holds=_no_public_address),
)


def _firewall_names(names: list[str]) -> Proof:
    def lists(record: Record) -> bool:
        collections = r.items(record, "ruleCollections")
        rules = [rule for each in collections for rule in each["rules"]]
        listed = sorted(name for rule in rules for name in rule.get("targetFqdns", []))
        kinds = {rule["ruleType"] for rule in rules}
        return listed == sorted(names) and kinds == {"ApplicationRule"}

    return every("the firewall lets the named destinations through", FIREWALL_RULES, holds=lists)


def _named_only(names: list[str]) -> Proof:
    return all_of(
        _firewall_names(names),
        every("the firewall stands in the network", r.token("network", "AzureFirewall")),
        _subnets_closed,
        every(
            "every route leads to it",
            r.TABLE,
            holds=lambda record: all(
                each["nextHopType"] == "VirtualAppliance" for each in r.items(record, "routes")
            ),
        ),
        none(
            "no other way out",
            *(kind for kind in WAYS_OUT if not kind.endswith(("PublicIPAddress", "AzureFirewall"))),
        ),
        every("no machine has a public address", r.MACHINES, holds=_no_public_address),
    )


def _held(records: Records) -> list[Record]:
    """Return what the machines' identity was given."""
    mine = r.principal("analyst", records)
    return [each for each in of_type(records, r.ASSIGNMENT) if each.inputs.get("principalId") == mine]


def _over_own(records: Records) -> Verdict:
    own = tuple(f"{each.name}.id" for each in of_type(records, r.ACCOUNT, r.VAULT))
    lost = [each for each in _held(records) if not _is_own(str(each.inputs["scope"]), own)]
    if lost:
        return broken("the machines have rights beyond their own data and images", lost)
    return kept("the machines have rights over their own data and images alone", _held(records))


def _is_own(scope: str, own: tuple[str, ...]) -> bool:
    return scope.startswith(own) or "/Microsoft.ContainerRegistry/registries/" in scope


def _no_control(records: Records) -> Verdict:
    held = _held(records)
    lost = [each for each in held if {"control", "stop"} & r.rights_of(each, records)]
    if lost:
        return broken("the machines have rights of control", lost)
    return kept("the machines have no right of control", held)


def _one_network(records: Records) -> Verdict:
    found = of_type(records, r.NETWORK)
    joined = [each for each in found if each.inputs.get("virtualNetworkPeerings")]
    if len(found) != 1 or joined:
        return broken("there is more than one network, or it is joined", found)
    return kept("there is one network, joined to none", found)


def _names_stay(records: Records) -> Verdict:
    own = [f"{each.name}.id" for each in of_type(records, r.NETWORK)]
    return every(
        "the project's names are known in its own network alone",
        r.ZONE_LINK,
        holds=lambda record: at(record, "virtualNetwork", "id") in own,
    )(records)


NO_PATH = all_of(
    _one_network,
    none("nothing joins it to another network", *JOINTS),
    _refused("10.97.0.10", "172.16.0.10", "192.168.0.10"),
    _names_stay,
    _over_own,
)


def _asks_through_profile(records: Records) -> Verdict:
    profiles = {f"{each.name}.id" for each in of_type(records, r.PROFILE) if _root_alone(each)}

    def guarded(record: Record) -> bool:
        agent = r.fields(record, "virtualMachineProfile", "securityProfile", "proxyAgentSettings")
        return (
            agent.get("enabled") is True
            and agent.get("imds", {}).get("inVMAccessControlProfileReferenceId") in profiles
            and agent.get("wireServer", {}).get("mode") == "Enforce"
        )

    return all_of(
        every("the metadata service answers root alone", r.PROFILE, holds=_root_alone),
        every("the machines heed that", r.MACHINES, holds=guarded),
    )(records)


def _root_alone(record: Record) -> bool:
    identities = [each.get("userName") for each in r.items(record, "rules", "identities")]
    paths = [each.get("path") for each in r.items(record, "rules", "privileges")]
    return (
        record.inputs.get("mode") == "Enforce"
        and record.inputs.get("defaultAccess") == "Deny"
        and identities == ["root"]
        and paths == ["/metadata/identity"]
    )


def no_control(asked: Mapping[str, Any]) -> Proof:
    """Return the proof that neither the metadata service nor Azure's control interface answers the workspace."""
    closed = (METADATA_RULE, FORWARD_RULE, FABRIC_RULE)
    return all_of(
        _asks_through_profile,
        every(
            "on the machine, and from its container, nobody else gets there",
            r.MACHINES,
            holds=lambda record: all(rule in r.script(record) for rule in closed),
        ),
        _firewall_names(list(asked["destinations"])) if asked["destinations"] else _refused(_CONTROL),
        _no_control,
    )


NAMES: Final = r.token("dnsresolver", "DnsResolverDomainList")
RULE: Final = r.token("dnsresolver", "DnsSecurityRule")
LINK: Final = r.token("dnsresolver", "DnsResolverPolicyVirtualNetworkLink")


def _ordered(records: Records) -> Verdict:
    lists = {f"{each.name}.id": each.inputs["domains"] for each in of_type(records, NAMES)}
    rules = sorted(of_type(records, RULE), key=lambda record: record.inputs["priority"])
    on = all(each.inputs.get("dnsSecurityRuleState") == "Enabled" for each in rules)
    last = rules[-1] if rules else None
    blocked = last and at(last, "action", "actionType") == "Block"
    named = [
        name
        for each in (r.items(last, "dnsResolverDomainLists") if last else ())
        for name in lists.get(each["id"], [])
    ]
    if not (on and blocked and "." in named):
        return broken("the last rule does not block every other name", rules)
    return kept("the last rule blocks every other name", rules)


def _inside(asked: Mapping[str, Any]) -> Proof:
    def narrow(records: Records) -> Verdict:
        own = {f"{each.inputs['privateZoneName']}." for each in of_type(records, r.ZONE)}
        own |= {f"{each}." for each in asked["destinations"]}
        accounts = [
            each.inputs["accountName"] for each in of_type(records, r.ACCOUNT) if each.name.endswith("-data")
        ]

        def is_door(name: str) -> bool:
            ours = (
                any(name.startswith(f"{account}.") for account in accounts)
                and ".blob.core.windows.net." in f".{name}"
            )
            return name in own or ours or name.endswith(".azurecr.io.")

        return every(
            "allowed names are those of doors",
            NAMES,
            where=of(NAMES, "-inside"),
            holds=lambda record: all(is_door(name) for name in record.inputs["domains"]),
        )(records)

    return narrow


INSIDE_NAMES = all_of(
    _ordered,
    r.asking(_inside, r.WORKSPACE),
    every("the rules bind the network", LINK, holds=lambda record: bool(at(record, "virtualNetwork", "id"))),
    per(
        "a name that is not in a zone is not looked for outside",
        r.ZONE,
        r.ZONE_LINK,
        "privateZoneName",
        holds=lambda record: record.inputs.get("resolutionPolicy") == "Default",
    ),
    every(
        "the network asks no other server",
        r.NETWORK,
        holds=lambda record: not r.items(record, "dhcpOptions", "dnsServers"),
    ),
    none(
        "there is no other resolver",
        r.token("dnsresolver", "OutboundEndpoint"),
        r.token("dnsresolver", "VirtualNetworkLink"),
    ),
)


def _doors(records: Records) -> Verdict:
    found = of_type(records, r.DOOR)
    accounts = [
        each.inputs["accountName"] for each in of_type(records, r.ACCOUNT) if each.name.endswith("-data")
    ]
    kinds: list[str] = []
    for record in found:
        for link in r.items(record, "privateLinkServiceConnections"):
            to = str(link["privateLinkServiceId"])
            kinds.append(_kind(to, accounts, link.get("groupIds") or ()))
    if sorted(kinds) != ["airlock", "data", "images"]:
        return broken(f"there are doors to {', '.join(sorted(kinds))}", found)
    return kept("there are three doors: to the data, the images and the airlock", found)


def _kind(to: str, accounts: list[str], groups: Any) -> str:
    if any(to.endswith(f"/storageAccounts/{account}") for account in accounts):
        return "data"
    if "/Microsoft.ContainerRegistry/registries/" in to:
        return "images"
    return (
        "airlock"
        if not groups and "/Microsoft." not in to.replace("/Microsoft.Network/privateLinkServices", "")
        else "others"
    )


def _outbound(records: Records) -> Verdict:
    def only_doors(record: Record) -> bool:
        rules = r.items(record, "securityRules")
        let = [each for each in rules if each["direction"] == "Outbound" and each["access"] == "Allow"]
        blocks = {each["name"]: each["addressPrefix"] for each in r.subnets(records)}
        known = {blocks.get("doors"), blocks.get("airlock"), "Internet"}
        named = any(each.name for each in of_type(records, r.token("network", "AzureFirewall")))
        return all(
            each["destinationAddressPrefix"] in known
            and each["destinationPortRange"] != "*"
            and (named or each["destinationAddressPrefix"] != "Internet")
            for each in let
        )

    return every(
        "machines reach the doors and the airlock", r.RULES, where=of(r.RULES, "-machines"), holds=only_doors
    )(records)


def _sends_only(records: Records) -> Verdict:
    mine = r.principal("analyst", records)
    held = [
        (rights, record)
        for who, rights, record in r.holders(records, r.area(records, "outbox"))
        if who == mine
    ]
    if any(rights - {"write", "add"} for rights, _ in held):
        return broken("machines may read back what they sent", [record for _, record in held])
    return kept("what is put into the outbox cannot be read back", [record for _, record in held])


ONLY_AIRLOCK = all_of(
    _doors,
    _outbound,
    _sends_only,
    every(
        "nothing is copied from the storage to another network",
        r.ACCOUNT,
        where=r.part("data"),
        holds=lambda record: record.inputs.get("allowedCopyScope") == "PrivateLink",
    ),
)
