"""How proofs read registrations: type tokens, the spec, who has which rights, and what rules let through."""

from __future__ import annotations

import base64
import ipaddress
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from components.contract import Fault, Proof, Record, Records, Verdict, broken, of_type
from components.proof import Matches
from providers.azure import roles


def token(module: str, kind: str) -> str:
    """Return the type token of a resource class (`storage`, `StorageAccount`)."""
    return f"azure-native:{module}:{kind}"


ACCOUNT: Final = token("storage", "StorageAccount")
CONTAINER: Final = token("storage", "BlobContainer")
WRITTEN_ONCE: Final = token("storage", "BlobContainerImmutabilityPolicy")
UNDO: Final = token("storage", "BlobServiceProperties")
LIFECYCLE: Final = token("storage", "ManagementPolicy")
VAULT: Final = token("keyvault", "Vault")
KEY: Final = token("keyvault", "Key")
BACKUP_VAULT: Final = token("dataprotection", "BackupVault")
BACKUP_POLICY: Final = token("dataprotection", "BackupPolicy")
BACKUP: Final = token("dataprotection", "BackupInstance")
IDENTITY: Final = token("managedidentity", "UserAssignedIdentity")
ASSIGNMENT: Final = token("authorization", "RoleAssignment")
DEFINITION: Final = token("authorization", "RoleDefinition")
RESOURCE_LOCK: Final = token("authorization", "ManagementLockByScope")
DIAGNOSTICS: Final = token("monitor", "DiagnosticSetting")
GROUP: Final = token("resources", "ResourceGroup")
NETWORK: Final = token("network", "VirtualNetwork")
TABLE: Final = token("network", "RouteTable")
RULES: Final = token("network", "NetworkSecurityGroup")
DOOR: Final = token("network", "PrivateEndpoint")
ZONE: Final = token("privatedns", "PrivateZone")
ZONE_LINK: Final = token("privatedns", "VirtualNetworkLink")
MACHINES: Final = token("compute", "VirtualMachineScaleSet")
DISKS: Final = token("compute", "DiskEncryptionSet")
PROFILE: Final = token("compute", "GalleryInVMAccessControlProfileVersion")
BUDGET: Final = token("consumption", "Budget")
GUARD: Final = token("logic", "Workflow")
DATA_STORE: Final = "tre:index:DataStore"
WORKSPACE: Final = "tre:index:Workspace"

OWN: Final = ("keeper", "analyst", "loader", "backup")
"""The data store's own identities."""


def part(*parts: str) -> Matches:
    """Match records whose name ends in one of these parts (`heart-inputs`)."""
    return lambda record: record.name.rpartition("-")[2] in parts


def asking(make: Callable[[Mapping[str, Any]], Proof], kind: str) -> Proof:
    """Return a proof that needs to know what its component was asked for."""

    def proof(records: Records) -> Verdict:
        found = of_type(records, kind)
        return (
            make(found[0].inputs)(records) if found else broken(f"no {kind.rpartition(':')[2]} was asked for")
        )

    return proof


def at(record: Record, *path: str) -> Any:
    """Return a nested input, or nothing where the path ends early."""
    value: Any = record.inputs
    for key in path:
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    return value


def fields(record: Record, *path: str) -> Mapping[str, Any]:
    """Return a nested input's fields, none where there is no such input."""
    found = at(record, *path)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def items(record: Record, *path: str) -> Sequence[Mapping[str, Any]]:
    """Return a nested input's items, none where there is no such input."""
    found = at(record, *path)
    return cast("Sequence[Mapping[str, Any]]", found) if isinstance(found, list) else ()


_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    roles.BLOB_READER: frozenset({"read"}),
    roles.BLOB_CONTRIBUTOR: frozenset({"read", "write", "add", "delete", "move"}),
    roles.KEY_USER: frozenset({"wrap"}),
    roles.BACKUP_CONTRIBUTOR: frozenset({"backup"}),
    roles.COST_READER: frozenset({"cost"}),
    roles.IMAGE_READER: frozenset({"pull"}),
}
EVERYTHING: Final = frozenset({"read", "write", "add", "delete", "move", "wrap", "pull", "control"})


def rights_of(record: Record, records: Records) -> frozenset[str]:
    """Return what an assignment gives; a role that is not known here gives everything."""
    role: str = record.inputs.get("roleDefinitionId", "")
    for definition in of_type(records, DEFINITION):
        if role == f"{definition.name}.id":
            return _own_rights(definition)
    return _KNOWN.get(role.rpartition("/")[2], EVERYTHING)


def _own_rights(definition: Record) -> frozenset[str]:
    found: set[str] = set()
    for each in definition.inputs.get("permissions", []):
        for action in each.get("dataActions", []):
            found |= (
                {action.removeprefix(f"{roles.BLOBS}/").partition("/")[0]}
                if "*" not in action
                else EVERYTHING
            )
        found |= {"stop" if action in roles.STOP else "control" for action in each.get("actions", [])}
    return frozenset(found)


def holders(records: Records, scope: str) -> list[tuple[str, frozenset[str], Record]]:
    """Return who has which rights over a scope: (principal, rights, assignment). Rights come down from above."""
    return [
        (str(each.inputs.get("principalId", "")), rights_of(each, records), each)
        for each in of_type(records, ASSIGNMENT)
        if f"{scope}/".startswith(f"{each.inputs.get('scope', '')}/")
    ]


def principal(who: str, records: Records) -> str:
    """Return the principal of one of the project's identities, as the records name it."""
    found = [each.name for each in of_type(records, IDENTITY) if each.name.endswith(f"-{who}")]
    return f"{found[0]}.principalId" if found else ""


def area(records: Records, name: str) -> str:
    """Return the scope of an area's container, as the records name it."""
    accounts = [each.name for each in of_type(records, ACCOUNT) if each.name.endswith("-data")]
    return f"{accounts[0]}.id/blobServices/default/containers/{name}" if accounts else ""


def lets_through(record: Record, direction: str, source: str, to: str, port: int) -> bool:
    """Return whether a group of rules lets a TCP connection through: the first that matches decides.

    Where none of them does, Azure's own last rules apply, which let a network talk within itself and outwards.
    """
    rules = [each for each in record.inputs.get("securityRules", []) if each["direction"] == direction]
    for rule in sorted(rules, key=lambda each: each["priority"]):
        if _matches(rule, source, to, port):
            return rule["access"] == "Allow"
    return True


def _matches(rule: Mapping[str, Any], source: str, to: str, port: int) -> bool:
    return (
        rule["protocol"].lower() in ("*", "tcp")
        and _within(source, rule.get("sourceAddressPrefix", "*"))
        and _within(to, rule.get("destinationAddressPrefix", "*"))
        and _port(port, str(rule.get("destinationPortRange", "*")))
    )


def _within(address: str, prefix: str) -> bool:
    if prefix == "*":
        return True
    if prefix == "Internet":
        return ipaddress.IPv4Address(address).is_global
    try:
        return ipaddress.IPv4Address(address) in ipaddress.IPv4Network(prefix)
    except ValueError:
        return False


def _port(port: int, wanted: str) -> bool:
    first, _, last = wanted.partition("-")
    return wanted == "*" or int(first) <= port <= int(last or first)


def subnets(records: Records) -> Sequence[Mapping[str, Any]]:
    """Return the subnets of the project's network."""
    return [each for record in of_type(records, NETWORK) for each in record.inputs.get("subnets", [])]


def inside(records: Records, name: str) -> str:
    """Return an address inside a subnet of the project's network."""
    blocks = [each["addressPrefix"] for each in subnets(records) if each["name"] == name]
    return str(ipaddress.IPv4Network(blocks[0])[10]) if blocks else "0.0.0.0"  # noqa: S104 # no address at all


def script(record: Record) -> str:
    """Return what a scale set's machines run when they start."""
    return base64.b64decode(at(record, "virtualMachineProfile", "osProfile", "customData") or "").decode()


def docker_run(record: Record) -> list[str]:
    """Return the words of the command that starts the workspace's container; the image is the last."""
    lines = [each for each in script(record).splitlines() if " docker run " in each]
    words = shlex.split(lines[0]) if len(lines) == 1 else []
    return words[words.index("docker") :] if "docker" in words else []


def says(words: Sequence[str], option: str, value: str | None = None) -> bool:
    """Return whether a command has an option, with this value where one is given."""
    if value is None:
        return option in words
    return any(words[index : index + 2] == [option, value] for index in range(len(words)))


def planted(type_: str, name: str = "planted", **inputs: Any) -> Fault:
    """Return a fault that adds an offender to the workspace or data store."""
    return lambda records: [*records, Record(type_, name, inputs, "Workspace")]


def given(who: str, role: str, scope: str) -> Fault:
    """Return a fault that gives somebody a role; `who` is one of our identities or a whole principal."""

    def plant(records: Records) -> Records:
        to = principal(who, records) or who
        over = scope if scope.endswith(".id") else area(records, scope)
        return [
            *records,
            Record(
                ASSIGNMENT,
                "planted",
                {"principalId": to, "roleDefinitionId": f"/roles/{role}", "scope": over},
            ),
        ]

    return plant
