"""The workspace's evidence: each proof with the faults that must break it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from components.contract import Evidence, Fault, changed
from components.proof import edited, of, without
from providers.azure import roles
from providers.azure.boot import CONFINEMENT, FABRIC_RULE, FORWARD_RULE, METADATA_RULE
from providers.azure.evidence import compute, network
from providers.azure.evidence import reading as r

_EVERYWHERE: Final = "0.0.0.0/0"
Inputs = Mapping[str, Any]


def _profile(edit: Callable[[Inputs], Inputs]) -> Fault:
    return edited(
        of(r.MACHINES),
        lambda inputs: {**inputs, "virtualMachineProfile": edit(inputs["virtualMachineProfile"])},
    )


def _in_profile(key: str, **said: Any) -> Fault:
    return _profile(lambda profile: {**profile, key: {**profile.get(key, {}), **said}})


def _script(old: str, new: str) -> Fault:
    def edit(profile: Inputs) -> Inputs:
        system = profile["osProfile"]
        text = base64.b64decode(system["customData"]).decode().replace(old, new)
        return {**profile, "osProfile": {**system, "customData": base64.b64encode(text.encode()).decode()}}

    return _profile(edit)


def _let(direction: str, to: str, port: str, source: str = "*") -> Fault:
    rule = {
        "name": "planted",
        "priority": 99,
        "direction": direction,
        "access": "Allow",
        "protocol": "*",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": to,
        "destinationPortRange": port,
    }
    return edited(
        of(r.RULES, "-machines"), lambda inputs: {**inputs, "securityRules": [*inputs["securityRules"], rule]}
    )


def _without_refusals(inputs: Inputs) -> Inputs:
    return {
        **inputs,
        "securityRules": [each for each in inputs["securityRules"] if each["access"] == "Allow"],
    }


def _subnet(**said: Any) -> Fault:
    return edited(
        of(r.NETWORK),
        lambda inputs: {**inputs, "subnets": [{**inputs["subnets"][0], **said}, *inputs["subnets"][1:]]},
    )


def _workflow(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return edited(of(r.GUARD), lambda inputs: {**inputs, "definition": edit(dict(inputs["definition"]))})


def _below(**said: Any) -> Fault:
    def edit(definition: dict[str, Any]) -> dict[str, Any]:
        actions = definition["actions"]
        return {**definition, "actions": {**actions, "below": {**actions["below"], **said}}}

    return _workflow(edit)


def _large_disk(profile: Inputs) -> Inputs:
    storage = profile["storageProfile"]
    return {**profile, "storageProfile": {**storage, "osDisk": {**storage["osDisk"], "diskSizeGB": 500}}}


def _door(to: str, *kinds: str) -> Fault:
    link = {"name": "planted", "privateLinkServiceId": to, "groupIds": list(kinds)}
    return r.planted(r.DOOR, privateLinkServiceConnections=[link])


EVIDENCE: Final = {
    "workspace/no-route-to-internet": Evidence(
        r.asking(network.no_route, r.WORKSPACE),
        {
            "a public address": r.planted(r.token("network", "PublicIPAddress")),
            "an address translation gateway": r.planted(r.token("network", "NatGateway")),
            "a way out by default": _subnet(defaultOutboundAccess=True),
            "a subnet without rules": _subnet(networkSecurityGroup=None),
            "a subnet without routes": _subnet(routeTable=None),
            "a route to the internet": changed(
                of(r.TABLE), routes=[{"addressPrefix": _EVERYWHERE, "nextHopType": "Internet"}]
            ),
            "a rule that lets out": _let("Outbound", "Internet", "443"),
            "rules that refuse nothing": edited(of(r.RULES, "-machines"), _without_refusals),
            "a route beside": r.planted(r.token("network", "Route"), addressPrefix=_EVERYWHERE),
            "a machine with a public address": _in_profile(
                "networkProfile",
                networkInterfaceConfigurations=[
                    {"ipConfigurations": [{"publicIPAddressConfiguration": {}, "name": "x"}]}
                ],
            ),
        },
    ),
    "workspace/no-path-to-other-projects": Evidence(
        network.NO_PATH,
        {
            "a peering": r.planted(r.token("network", "VirtualNetworkPeering")),
            "a peering in the network itself": changed(
                of(r.NETWORK), virtualNetworkPeerings=[{"name": "other"}]
            ),
            "a hub": r.planted(r.token("network", "HubVirtualNetworkConnection")),
            "a second network": r.planted(r.NETWORK, subnets=[]),
            "a rule that lets to another network": _let("Outbound", "10.97.0.0/20", "443"),
            "rights over another project's data": r.given("analyst", roles.BLOB_READER, "other-data.id"),
            "names for another network": r.planted(r.ZONE_LINK, virtualNetwork={"id": "other.id"}),
        },
    ),
    "workspace/no-path-to-control-plane": Evidence(
        r.asking(network.no_control, r.WORKSPACE),
        {
            "metadata for every user": _script(METADATA_RULE, ""),
            "metadata for containers": _script(FORWARD_RULE, ""),
            "the fabric for containers": _script(FABRIC_RULE, ""),
            "metadata without a guard": _in_profile("securityProfile", proxyAgentSettings={"enabled": False}),
            "a guard that watches only": changed(of(r.PROFILE), mode="Audit"),
            "a guard that lets everyone": changed(of(r.PROFILE), defaultAccess="Allow"),
            "a rule that lets to the control interface": _let("Outbound", "20.50.0.0/16", "443"),
            "rights of control": r.given("analyst", "contributor", "heart-workspace.id"),
        },
    ),
    "workspace/inside-names-only": Evidence(
        network.INSIDE_NAMES,
        {
            "every name": changed(of(network.NAMES, "-inside"), domains=["."]),
            "one name outside": changed(of(network.NAMES, "-inside"), domains=["tunnel.example.com."]),
            "no last rule": without(of(network.RULE, "-rest")),
            "a last rule that lets through": changed(
                of(network.RULE, "-rest"), action={"actionType": "Allow"}
            ),
            "rules that are off": changed(of(network.RULE, "-rest"), dnsSecurityRuleState="Disabled"),
            "rules bound to nothing": without(of(network.LINK)),
            "looking outside for what is not here": changed(
                of(r.ZONE_LINK, "-data"), resolutionPolicy="NxDomainRedirect"
            ),
            "another name server": changed(of(r.NETWORK), dhcpOptions={"dnsServers": [{"ip": "8.8.8.8"}]}),
        },
    ),
    "workspace/no-privilege": Evidence(
        compute.NO_PRIVILEGE,
        {
            "a privileged workspace": _script("docker run", "docker run --privileged"),
            "a workspace as root": _script("--user 1000:1000", "--user 0"),
            "a root that can be written": _script("--read-only --tmpfs", "--tmpfs"),
            "capabilities": _script("--cap-drop ALL", "--cap-add SYS_ADMIN"),
            "a part of the host": _script(CONFINEMENT, f"{CONFINEMENT} -v /:/host"),
            "unsigned boot": _in_profile("securityProfile", uefiSettings={"secureBootEnabled": False}),
            "scripts from outside": _in_profile("osProfile", allowExtensionOperations=True),
        },
    ),
    "workspace/approved-images-only": Evidence(
        r.asking(compute.approved, r.WORKSPACE),
        {
            "an image by tag": _script(f"@sha256:{'a' * 64}", ":latest"),
            "another digest": _script("a" * 64, "c" * 64),
            "an image from elsewhere": _script("treimages.azurecr.io/tre/", "docker.io/library/tre/"),
            "every image of the registry": changed(
                of(r.ASSIGNMENT, "-images"), condition="", conditionVersion=None
            ),
            "another project's images": changed(of(r.ASSIGNMENT, "-images"), condition="'tre/another'"),
            "whichever machine image is newest": _in_profile(
                "storageProfile", imageReference={"id": "/images/machine"}
            ),
        },
    ),
    "workspace/no-copy-out": Evidence(
        compute.NO_COPY_OUT,
        {
            "pictures of the screen": _in_profile("diagnosticsProfile", bootDiagnostics={"enabled": True}),
            "logs that leave": _script("--log-driver journald", "--log-driver gelf"),
            "passwords": _in_profile(
                "osProfile", linuxConfiguration={"disablePasswordAuthentication": False}
            ),
            "a port from outside": _let("Inbound", "*", "22"),
            "a published port": _script("docker run", "docker run -p 8443:8443"),
            "a bastion": r.planted(r.token("network", "BastionHost")),
            "a desktop service": r.planted(r.token("desktopvirtualization", "HostPool")),
        },
    ),
    "workspace/quota-enforced": Evidence(
        r.asking(compute.quota, r.WORKSPACE),
        {
            "more machines": changed(of(r.MACHINES), sku={"name": "Standard_D2ls_v5", "capacity": 20}),
            "larger machines": changed(of(r.MACHINES), sku={"name": "Standard_E96s_v5", "capacity": 1}),
            "a size nobody knows": changed(of(r.MACHINES), sku={"name": "Standard_X1", "capacity": 1}),
            "more than asked for": changed(of(r.MACHINES), overprovision=True),
            "larger disks": _profile(_large_disk),
            "machines that multiply": r.planted(r.token("monitor", "AutoscaleSetting")),
            "a machine beside": r.planted(r.token("compute", "VirtualMachine")),
        },
    ),
    "workspace/budget-capped": Evidence(
        r.asking(compute.budget, r.WORKSPACE),
        {
            "a guard that is off": changed(of(r.GUARD), state="Disabled"),
            "a guard that looks once a month": _workflow(
                lambda said: {
                    **said,
                    "triggers": {"monthly": {"recurrence": {"frequency": "Month", "interval": 1}}},
                }
            ),
            "a guard that stops nothing": _below(**{"else": {"actions": {}}}),
            "an unknown cost passes": _below(runAfter={"cost": ["Succeeded"]}),
            "twice the budget": _below(
                expression={"and": [{"equals": ["", "Succeeded"]}, {"less": ["", 2000]}]}
            ),
            "a guard without the right": without(of(r.ASSIGNMENT, "-guard-stops")),
            "another project's costs": changed(of(r.BUDGET), filter={"dimensions": {"values": ["other"]}}),
            "no deadline": _script("RuntimeMaxSec", "Nothing"),
        },
    ),
    "workspace/egress-only-through-airlock": Evidence(
        network.ONLY_AIRLOCK,
        {
            "a door to another service": _door("other-private-link-service"),
            "a door to another account": _door("/x/Microsoft.Storage/storageAccounts/elsewhere", "blob"),
            "a rule to somewhere else": _let("Outbound", "10.96.14.0/23", "443"),
            "reading back what was sent": r.given("analyst", roles.BLOB_READER, "outbox"),
            "copies to any network": changed(of(r.ACCOUNT, "-data"), allowedCopyScope="AAD"),
        },
    ),
}
