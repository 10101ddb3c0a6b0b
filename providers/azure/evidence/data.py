"""How the data store shows that it keeps its promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.contract import Proof, Record, Records, Verdict, broken, kept, of_type
from components.proof import all_of, at_least, each, every, none, per, some
from providers.azure.evidence import reading as r
from providers.azure.evidence.reading import at, part

AREAS: Final = ("inputs", "working", "outbox")


def _only(area: str, who: str, wanted: set[str], because: str) -> Proof:
    """Hold while one of our identities has exactly these rights over an area."""

    def proof(records: Records) -> Verdict:
        mine = r.principal(who, records)
        held = [
            (rights, record)
            for name, rights, record in r.holders(records, r.area(records, area))
            if name == mine
        ]
        found = {right for rights, _ in held for right in rights}
        records_ = [record for _, record in held]
        if found != wanted:
            return broken(f"not {because}: {', '.join(sorted(found)) or 'nothing'}", records_)
        return kept(because, records_)

    return proof


NO_SHARED_KEYS = every(
    "no key that belongs to nobody opens the storage",
    r.ACCOUNT,
    holds=lambda record: (
        record.inputs.get("allowSharedKeyAccess") is False
        and record.inputs.get("isLocalUserEnabled") is False
    ),
)


def _written_once(record: Record) -> bool:
    return (
        record.inputs.get("immutabilityPeriodSinceCreationInDays", 0) > 0
        and record.inputs.get("allowProtectedAppendWrites") is not True
        and record.inputs.get("allowProtectedAppendWritesAll") is not True
    )


READ_ONLY = all_of(
    _only("inputs", "analyst", {"read"}, "machines may read inputs and do nothing else"),
    _only("inputs", "loader", {"read", "write", "add", "delete", "move"}, "the loader may write them"),
    every("what was written once stays as it is", r.WRITTEN_ONCE, where=part("inputs"), holds=_written_once),
    NO_SHARED_KEYS,
)


def _customer_key(record: Record) -> bool:
    return (
        at(record, "encryption", "keySource") == "Microsoft.Keyvault"
        and bool(at(record, "encryption", "keyVaultProperties", "keyName"))
        and at(record, "encryption", "requireInfrastructureEncryption") is True
    )


def _disks_encrypted(record: Record) -> bool:
    profile = r.fields(record, "virtualMachineProfile")
    managed = profile.get("storageProfile", {}).get("osDisk", {}).get("managedDisk", {})
    security = profile.get("securityProfile", {})
    confidential = managed.get("securityProfile", {})
    if security.get("securityType") == "ConfidentialVM":
        return confidential.get("securityEncryptionType") == "DiskWithVMGuestState"
    return bool(managed.get("diskEncryptionSet")) and security.get("encryptionAtHost") is True


def _copies_encrypted(record: Record) -> bool:
    settings = r.fields(record, "properties", "securitySettings", "encryptionSettings")
    return settings.get("state") == "Enabled" and bool(settings.get("keyVaultProperties", {}).get("keyUri"))


AT_REST = all_of(
    every("storage is encrypted twice, once under a key of ours", r.ACCOUNT, holds=_customer_key),
    every("copies are encrypted under a key of ours", r.BACKUP_VAULT, holds=_copies_encrypted),
    each("disks are encrypted under a key of ours, to the host", r.MACHINES, holds=_disks_encrypted),
)

IN_TRANSIT = all_of(
    every(
        "storage answers by TLS 1.2 or later alone",
        r.ACCOUNT,
        holds=lambda record: (
            record.inputs.get("enableHttpsTrafficOnly") is True
            and record.inputs.get("minimumTlsVersion") in ("TLS1_2", "TLS1_3")
        ),
    ),
    every(
        "and by no protocol that is not encrypted",
        r.ACCOUNT,
        holds=lambda record: (
            not record.inputs.get("enableNfsV3") and record.inputs.get("isSftpEnabled") is False
        ),
    ),
    none("no file shares", r.token("storage", "FileShare")),
)


def _vault_of(records: Records, name: str) -> str:
    found = [
        each.inputs["vaultName"] for each in of_type(records, r.VAULT) if each.name.endswith(f"-{name}-vault")
    ]
    return f"https://{found[0]}.vault.azure.net/" if found else ""


def under(vault: str, accounts: str, because: str) -> Proof:
    """Hold while an account is under the key of a vault of the project's."""

    def proof(records: Records) -> Verdict:
        address = _vault_of(records, vault)
        return every(
            because,
            r.ACCOUNT,
            where=part(accounts),
            holds=lambda record: (
                bool(address)
                and at(record, "encryption", "keyVaultProperties", "keyVaultUri") == address
                and str(at(record, "encryption", "keyVaultProperties", "keyName")).endswith(f"-{vault}.name")
            ),
        )(records)

    return proof


def _few_open_it(records: Records) -> Verdict:
    allowed = {r.principal("keeper", records), r.principal("backup", records)}
    vaults = [each for each in of_type(records, r.VAULT) if each.name.endswith("-data-vault")]
    held = [found for vault in vaults for found in r.holders(records, f"{vault.name}.id")]
    strangers = [
        record for who, rights, record in held if who not in allowed or rights != frozenset({"wrap"})
    ]
    if strangers:
        return broken("not only storage and copies may use the key", strangers)
    return kept("the key is used by storage and copies, to wrap alone", [record for _, _, record in held])


COPIES_UNDER_IT = every(
    "copies are under that key",
    r.BACKUP_VAULT,
    holds=lambda record: str(
        at(record, "properties", "securitySettings", "encryptionSettings", "keyVaultProperties", "keyUri")
    ).endswith("-data.keyUri"),
)
OWN_KEY = all_of(
    under("data", "data", "data is under the key of the project's own vault"),
    COPIES_UNDER_IT,
    each(
        "disks are under that key",
        r.DISKS,
        holds=lambda record: str(at(record, "activeKey", "keyUrl")).endswith("-data.keyUriWithVersion"),
    ),
    every(
        "rights over it are given one by one",
        r.VAULT,
        holds=lambda record: at(record, "properties", "enableRbacAuthorization") is True,
    ),
    _few_open_it,
)


def _closed_account(record: Record) -> bool:
    rules = record.inputs.get("networkRuleSet", {})
    own = [each["resourceId"].rpartition("/")[0] for each in rules.get("resourceAccessRules", [])]
    group = record.inputs["resourceGroupName"]
    return (
        record.inputs.get("publicNetworkAccess") == "Disabled"
        and rules.get("defaultAction") == "Deny"
        and not rules.get("ipRules")
        and not rules.get("virtualNetworkRules")
        and rules.get("bypass") in (("None",) if record.name.endswith("-data") else ("None", "AzureServices"))
        and all(f"/resourceGroups/{group}/" in each and each.endswith("/backupVaults") for each in own)
    )


def _own_people(records: Records) -> Verdict:
    own = {r.principal(who, records) for who in r.OWN}
    held = [found for area in AREAS for found in r.holders(records, r.area(records, area))]
    strangers = [record for who, _, record in held if who not in own]
    if strangers:
        return broken("not only the project's own identities reach its data", strangers)
    return kept("the project's own identities reach its data", [record for _, _, record in held])


REACHABLE = all_of(
    every("storage answers to private doors alone", r.ACCOUNT, holds=_closed_account),
    every(
        "nothing is public, and nothing is copied to where no private door leads",
        r.ACCOUNT,
        holds=lambda record: (
            record.inputs.get("allowBlobPublicAccess") is False
            and record.inputs.get("allowCrossTenantReplication") is False
            and record.inputs.get("allowedCopyScope") == "PrivateLink"
        ),
    ),
    every(
        "no container is public",
        r.CONTAINER,
        holds=lambda record: record.inputs.get("publicAccess") == "None",
    ),
    NO_SHARED_KEYS,
    _own_people,
    every(
        "keys answer to private doors and the platform's encryption alone",
        r.VAULT,
        holds=lambda record: (
            at(record, "properties", "publicNetworkAccess") == "Disabled"
            and at(record, "properties", "networkAcls", "defaultAction") == "Deny"
        ),
    ),
    none("nothing copies data elsewhere", r.token("storage", "ObjectReplicationPolicy")),
)


def _undone(record: Record) -> bool:
    return record.inputs.get("isVersioningEnabled") is True and all(
        at(record, f"{kind}RetentionPolicy", "enabled") is True
        and at(record, f"{kind}RetentionPolicy", "days") >= 7
        for kind in ("delete", "containerDelete")
    )


def _copied(record: Record) -> bool:
    parameters = r.items(
        record, "properties", "policyInfo", "policyParameters", "backupDatasourceParametersList"
    )
    return {"inputs", "working"} <= {name for each in parameters for name in each.get("containersList", [])}


def _scheduled(record: Record) -> bool:
    rules = r.items(record, "properties", "policyRules")
    return any("trigger" in rule for rule in rules) and any("lifecycles" in rule for rule in rules)


def _copies_stay(record: Record) -> bool:
    settings = r.fields(record, "properties", "securitySettings")
    return settings.get("softDeleteSettings", {}).get("state") in ("On", "AlwaysOn") and settings.get(
        "immutabilitySettings", {}
    ).get("state") in ("Unlocked", "Locked")


RECOVERABLE = all_of(
    per(
        "versions and what was deleted are kept",
        r.ACCOUNT,
        r.UNDO,
        "accountName",
        holds=_undone,
        where=part("data"),
    ),
    some("inputs and working area are copied", r.BACKUP, holds=_copied),
    every("copies are made by a schedule and kept for days", r.BACKUP_POLICY, holds=_scheduled),
    every("copies cannot be deleted early", r.BACKUP_VAULT, holds=_copies_stay),
)

_HOLDING: Final = (
    r.GROUP,
    r.ACCOUNT,
    r.CONTAINER,
    r.WRITTEN_ONCE,
    r.UNDO,
    r.VAULT,
    r.KEY,
    r.BACKUP_VAULT,
    r.DIAGNOSTICS,
    r.IDENTITY,
)
"""What holds data, what guards it, and what opens its key."""

KEPT = all_of(
    every(
        "data, what guards it and what opens its key are protected and kept",
        *_HOLDING,
        where=lambda record: record.component == "DataStore",
        holds=lambda record: record.protect and record.retain,
    ),
    at_least("an account for data and one for records", r.ACCOUNT, 2),
    every(
        "the group they are in cannot be deleted",
        r.RESOURCE_LOCK,
        holds=lambda record: (
            record.inputs.get("level") in ("CanNotDelete", "ReadOnly")
            and str(record.inputs.get("scope")).endswith("-data-group.id")
            and record.protect
            and record.retain
        ),
    ),
)


def _stands(record: Record) -> bool:
    policy = r.fields(record, "immutableStorageWithVersioning", "immutabilityPolicy")
    return (
        policy.get("state") in ("Unlocked", "Locked")
        and policy.get("immutabilityPeriodSinceCreationInDays", 0) >= 365
    )


def _written(about: str, *categories: str) -> Proof:
    """Hold while what happens to a resource is written to the records."""

    def shows(record: Record) -> bool:
        on = {each["category"] for each in record.inputs.get("logs", []) if each["enabled"]}
        to_records = str(record.inputs.get("storageAccountId")).endswith("-records.id")
        return to_records and set(categories) <= on

    def meant(record: Record) -> bool:
        return record.name.endswith(about)

    return every(f"{', '.join(categories)} written", r.DIAGNOSTICS, where=meant, holds=shows)


LASTING = every(
    "nothing in the record can be changed or deleted while its policy stands",
    r.ACCOUNT,
    where=part("records"),
    holds=_stands,
)
RECORDED = all_of(
    _written("-data", "StorageRead", "StorageWrite", "StorageDelete"),
    _written("-data-key", "AuditEvent"),
    LASTING,
    NO_SHARED_KEYS,
)


def retains(asked: Mapping[str, Any]) -> Proof:
    """Return the proof that the platform ends what is kept, and keeps it until then."""
    days = asked["retention_days"]

    def ends(record: Record) -> bool:
        rules = [each for each in r.items(record, "policy", "rules") if each.get("enabled")]
        actions = [each["definition"]["actions"] for each in rules]
        closed = [
            each.get("baseBlob", {}).get("delete", {}).get("daysAfterCreationGreaterThan") for each in actions
        ]
        versions = [
            each.get("version", {}).get("delete", {}).get("daysAfterCreationGreaterThan") for each in actions
        ]
        return days in closed and days in versions

    return all_of(
        per(
            f"what is kept after closing ends after {days:g} days",
            r.ACCOUNT,
            r.LIFECYCLE,
            "accountName",
            holds=ends,
            where=part("data"),
        ),
        every(
            f"inputs last {days:g} days",
            r.WRITTEN_ONCE,
            where=part("inputs"),
            holds=lambda record: record.inputs.get("immutabilityPeriodSinceCreationInDays") == days,
        ),
    )


def _ends_for_good(record: Record) -> bool:
    return (
        at(record, "properties", "enablePurgeProtection") is True
        and at(record, "properties", "enableSoftDelete") is True
        and 7 <= (at(record, "properties", "softDeleteRetentionInDays") or 0) <= 90
    )


CERTIFIED = all_of(
    under("data", "data", "all data is under one key, so that its end is the data's"),
    COPIES_UNDER_IT,
    every(
        "the key ends for good after a wait that nobody shortens",
        r.VAULT,
        where=part("vault"),
        holds=_ends_for_good,
    ),
    every(
        "no copy of the key is taken out",
        r.KEY,
        holds=lambda record: at(record, "properties", "attributes", "exportable") is not True,
    ),
    _written("-data-key", "AuditEvent"),
    under("records", "records", "the record is under another key, and stays"),
    LASTING,
)
