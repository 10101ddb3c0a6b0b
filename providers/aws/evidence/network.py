"""How the workspace shows that its network ends where it should."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from components.contract import Proof, Record, Records, Verdict, of_type
from components.proof import all_of, each, every, none, of, per, some
from providers.aws.boot import METADATA_RULE
from providers.aws.doors import SERVICES
from providers.aws.evaluate import Request
from providers.aws.evidence import reading as r
from providers.aws.names import Place
from providers.aws.policies import CONTROL

GATEWAYS: Final = (
    *(
        r.token("ec2", kind)
        for kind in (
            "InternetGateway",
            "NatGateway",
            "EgressOnlyInternetGateway",
            "VpnGateway",
            "CarrierGateway",
        )
    ),
    r.token("ec2", "Eip"),
)
JOINTS: Final = (
    r.token("ec2", "VpcPeeringConnection"),
    r.token("ec2", "VpcEndpointService"),
    r.token("ec2transitgateway", "VpcAttachment"),
    r.token("ram", "ResourceShare"),
    r.token("vpclattice", "ServiceNetworkVpcAssociation"),
)
_FIREWALL: Final = r.token("networkfirewall", "Firewall")
_FIREWALL_POLICY: Final = r.token("networkfirewall", "FirewallPolicy")
_FIREWALL_NAMES: Final = r.token("networkfirewall", "RuleGroup")


def no_route(asked: Mapping[str, Any]) -> Proof:
    """Return the proof for a closed network, or for one with named destinations where the tier allows them."""
    return _named_only(list(asked["destinations"])) if asked["destinations"] else _CLOSED


def _no_routes(record: Record) -> bool:
    return record.inputs.get("routes") == []


def _inside_only(record: Record, inside: str) -> bool:
    rules = [*record.inputs.get("ingress", []), *record.inputs.get("egress", [])]
    return bool(rules) and all(each["action"] == "deny" or each.get("cidrBlock") == inside for each in rules)


def _access_list(records: Records) -> Verdict:
    inside = next((each.inputs["cidrBlock"] for each in of_type(records, r.VPC)), "")
    return every(
        "the subnets' access list ends at the network's edge",
        r.ACCESS_LIST,
        holds=lambda record: _inside_only(record, inside),
    )(records)


_DEFAULTS_CLOSED = all_of(
    every(
        "the group that AWS gives a network lets nothing through",
        r.DEFAULT_GROUP,
        holds=lambda record: record.inputs.get("ingress") == [] and record.inputs.get("egress") == [],
    ),
    every("the network's own table has no route", r.DEFAULT_TABLE, holds=_no_routes),
)
_NOT_PUBLIC = every(
    "no machine gets a public address",
    r.SUBNET,
    holds=lambda record: record.inputs.get("mapPublicIpOnLaunch") is False,
)
_CLOSED = all_of(
    none("there is no gateway of any kind", *GATEWAYS),
    none("no route is added to a table", r.ROUTE),
    every("no table has a route but the network's own", r.ROUTE_TABLE, holds=_no_routes),
    per("every subnet has such a table", r.SUBNET, r.ASSOCIATION, "subnetId"),
    _NOT_PUBLIC,
    every(
        "groups let out only to groups",
        r.EGRESS,
        holds=lambda record: not {"cidrIpv4", "cidrIpv6", "prefixListId"} & set(record.inputs),
    ),
    each("no group has a rule of its own", r.GROUP, holds=lambda record: not record.inputs.get("egress")),
    _access_list,
    _DEFAULTS_CLOSED,
)


def _access_list_named(records: Records) -> Verdict:
    inside = next((each.inputs["cidrBlock"] for each in of_type(records, r.VPC)), "")
    return every(
        "the subnets' access list lets out HTTPS alone",
        r.ACCESS_LIST,
        holds=lambda record: all(
            each.get("cidrBlock") == inside or (each["fromPort"], each["toPort"]) == (443, 443)
            for each in record.inputs["egress"]
        ),
    )(records)


def _named_only(names: list[str]) -> Proof:
    def lists(record: Record) -> bool:
        listed = record.inputs["ruleGroup"]["rulesSource"].get("rulesSourceList", {})
        return listed.get("generatedRulesType") == "ALLOWLIST" and sorted(listed["targets"]) == sorted(names)

    def drops(record: Record) -> bool:
        return "aws:drop_established" in record.inputs["firewallPolicy"].get("statefulDefaultActions", [])

    return all_of(
        every("the firewall lets the named destinations through", _FIREWALL_NAMES, holds=lists),
        every("and drops the rest", _FIREWALL_POLICY, holds=drops),
        some("the firewall stands in the network", _FIREWALL),
        every(
            "the machines' only way out is the firewall",
            r.ROUTE_TABLE,
            where=of(r.ROUTE_TABLE, "-machines"),
            holds=lambda record: all(way.get("vpcEndpointId") for way in record.inputs["routes"]),
        ),
        none("no route is added to a table", r.ROUTE),
        _access_list_named,
        each(
            "groups let out to groups, or to TCP 443",
            r.EGRESS,
            holds=lambda record: "cidrIpv4" not in record.inputs or record.inputs.get("toPort") == 443,
        ),
        _NOT_PUBLIC,
        _DEFAULTS_CLOSED,
    )


def _one_network(records: Records) -> Verdict:
    networks = of_type(records, r.VPC)
    ids = {f"{record.name}.id" for record in networks}
    # Whatever names a network names this one.
    types = (r.SUBNET, r.GROUP, r.DOOR, r.ROUTE_TABLE)
    return all_of(
        every("there is one network", r.VPC, holds=lambda _: len(networks) == 1),
        every("everything stands in it", *types, holds=lambda record: record.inputs.get("vpcId") in ids),
    )(records)


def _own_groups(records: Records) -> Verdict:
    own = {f"{record.name}.id" for record in of_type(records, r.GROUP)}
    return every(
        "rules name the project's own groups",
        r.EGRESS,
        r.INGRESS,
        holds=lambda record: record.inputs.get("referencedSecurityGroupId", next(iter(own), "")) in own,
    )(records)


def no_path(here: Place) -> Proof:
    """Return the proof that two projects share neither a network nor a door to each other's data."""
    ours = {"aws:PrincipalAccount": here.account, "aws:ResourceAccount": here.account}
    own = Request(here.role_arn("analyst"), "s3:GetObject", f"{here.bucket_arn('inputs')}/file", ours)
    other = Request(
        here.role_arn("analyst"), "s3:GetObject", "arn:aws:s3:::tre-another-project-inputs/file", ours
    )
    return all_of(
        _one_network,
        none("nothing joins it to another network", *JOINTS),
        _own_groups,
        r.answers(
            "the door to storage opens to the project's own data",
            r.DOOR,
            lambda record: r.grants(record, own) and r.grants_none(record, other),
            where=of(r.DOOR, "-s3"),
        ),
        r.answers(
            "no role of the project may be given more",
            r.POLICY,
            lambda record: r.grants(record, own) and r.grants_none(record, other),
            where=of(r.POLICY, "-boundary"),
        ),
    )


def script(record: Record) -> str:
    """Return what a launch template's machines run at boot."""
    return base64.b64decode(record.inputs.get("userData", "")).decode()


def _metadata_closed(record: Record) -> bool:
    options = record.inputs.get("metadataOptions", {})
    return options.get("httpTokens") == "required" and options.get("httpPutResponseHopLimit") == 1


def service(record: Record) -> str:
    """Return the AWS service that a door leads to, or nothing for one of ours."""
    name: str = record.inputs.get("serviceName", "")
    return name.split(".", 3)[3] if name.startswith("com.amazonaws.") and ".vpce." not in name else ""


def no_control(here: Place) -> Proof:
    """Return the proof that neither the metadata service nor AWS's control interface answers the workspace."""
    ours = {"aws:PrincipalAccount": here.account, "aws:ResourceAccount": here.account}
    attempts = [
        Request(here.role_arn("analyst"), action.replace("*", "Anything"), "*", ours)
        for action in (*CONTROL, "ecs:RunTask", "ecs:UpdateService", "ecr:PutImage")
    ]
    return all_of(
        every("the metadata service wants a token and answers one hop", r.TEMPLATE, holds=_metadata_closed),
        every(
            "on the machine it answers root alone",
            r.TEMPLATE,
            holds=lambda record: METADATA_RULE in script(record),
        ),
        every(
            "every door is one of the few that machines need",
            r.DOOR,
            holds=lambda record: service(record) in ("", *SERVICES),
        ),
        r.answers(
            "no door lets a call of control through",
            r.DOOR,
            lambda record: bool(r.document(record)["Statement"]) and r.grants_none(record, *attempts),
            where=lambda record: bool(service(record)),
        ),
        r.answers(
            "the bounds of the project's roles deny such a call outright",
            r.POLICY,
            lambda record: r.refuses(record, *attempts[: len(CONTROL)]),
            where=of(r.POLICY, "-boundary"),
        ),
        every(
            "the machines' role is bounded so",
            r.ROLE,
            where=of(r.ROLE, "-analyst"),
            holds=lambda record: str(record.inputs.get("permissionsBoundary", "")).endswith("-boundary.arn"),
        ),
    )


NAMES: Final = r.token("route53", "ResolverFirewallDomainList")
RULE: Final = r.token("route53", "ResolverFirewallRule")
ASSOCIATED: Final = r.token("route53", "ResolverFirewallRuleGroupAssociation")
FAILING: Final = r.token("route53", "ResolverFirewallConfig")
_QUESTIONS: Final = r.token("route53", "ResolverQueryLogConfigAssociation")


def _ordered(records: Records) -> Verdict:
    lists = {f"{record.name}.id": record.inputs["domains"] for record in of_type(records, NAMES)}
    rules = sorted(of_type(records, RULE), key=lambda record: record.inputs["priority"])
    last = rules[-1:] if rules else []

    def ends(record: Record) -> bool:
        blocks = record.inputs["action"] == "BLOCK" and "*." in lists.get(
            record.inputs["firewallDomainListId"], []
        )
        return record.inputs["action"] == "ALLOW" or (record in last and blocks)

    closing = [record for record in last if record.inputs["action"] == "BLOCK"]
    return every(
        "the last rule blocks every other name", RULE, holds=lambda record: bool(closing) and ends(record)
    )(records)


def _inside(asked: Mapping[str, Any]) -> Proof:
    def narrow(records: Records) -> Verdict:
        allowed = {
            record.inputs["firewallDomainListId"]
            for record in of_type(records, RULE)
            if record.inputs["action"] == "ALLOW"
        }
        own = [zone.inputs["name"] for zone in of_type(records, r.token("route53", "Zone"))]
        known = {f"{name}." for name in (*own, *asked["destinations"])}
        ends = (".amazonaws.com.", ".compute.internal.")
        return every(
            "allowed names are those of doors",
            NAMES,
            where=lambda record: f"{record.name}.id" in allowed,
            holds=lambda record: all(
                name in known or (name.endswith(ends) and name.count(".") >= 4)
                for name in record.inputs["domains"]
            ),
        )(records)

    return narrow


INSIDE_NAMES = all_of(
    _ordered,
    r.asking(_inside, r.WORKSPACE),
    per("the rules bind the network's resolver", r.VPC, ASSOCIATED, "vpcId"),
    per(
        "when they cannot be asked, no name resolves",
        r.VPC,
        FAILING,
        "resourceId",
        holds=lambda record: record.inputs["firewallFailOpen"] == "DISABLED",
    ),
    per("every question is written down", r.VPC, _QUESTIONS, "resourceId"),
    none(
        "there is no other resolver",
        r.token("route53", "ResolverEndpoint"),
        r.token("route53", "ResolverRuleAssociation"),
        r.token("ec2", "VpcDhcpOptionsAssociation"),
    ),
)


def only_airlock(here: Place) -> Proof:
    """Return the proof that the airlock's door is the only one that leads to somebody else."""
    ours = {"aws:PrincipalAccount": here.account, "aws:ResourceAccount": here.account}
    elsewhere = [
        Request(here.role_arn("analyst"), "s3:PutObject", f"arn:aws:s3:::{name}/file", facts)
        for name in ("somebody-elses", f"prod-{here.region}-starport-layer-bucket")
        for facts in (ours, {"aws:PrincipalAccount": "210987654321", "aws:ResourceAccount": "210987654321"})
    ]

    def one_door(records: Records) -> Verdict:
        others = [record for record in of_type(records, r.DOOR) if not service(record)]
        return every(
            "one door leads to a service that is not AWS's, and it is the airlock's",
            r.DOOR,
            where=lambda record: not service(record),
            holds=lambda record: len(others) == 1 and record.name.endswith("-airlock"),
        )(records)

    return all_of(
        one_door,
        _machines_reach,
        r.answers(
            "through the door to storage nothing is written elsewhere",
            r.DOOR,
            lambda record: r.grants_none(record, *elsewhere),
            where=of(r.DOOR, "-s3"),
        ),
        every(
            "what is put into the outbox cannot be read back",
            r.ACCESS_POINT,
            where=of(r.ACCESS_POINT, "-outbox"),
            holds=lambda record: r.grants_none(
                record,
                Request(
                    here.role_arn("analyst"),
                    "s3:GetObject",
                    f"{here.access_point('outbox')}/object/file",
                    ours,
                ),
            ),
        ),
        _NO_PROXY,
    )


_NO_PROXY = none(
    "no balancer or proxy stands in the network",
    r.token("lb", "LoadBalancer"),
    r.token("ec2clientvpn", "Endpoint"),
    r.token("ec2", "VpnConnection"),
)


def _machines_reach(records: Records) -> Verdict:
    def expected(record: Record) -> bool:
        to: str = record.inputs.get("referencedSecurityGroupId", "")
        return to.endswith(("-doors.id", "-airlock.id")) or record.name.endswith("-destinations")

    return every(
        "machines reach the doors and the airlock",
        r.EGRESS,
        where=lambda record: str(record.inputs.get("securityGroupId", "")).endswith("-machines.id"),
        holds=expected,
    )(records)
