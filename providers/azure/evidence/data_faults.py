"""The data store's evidence: each proof with the faults that must break it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.contract import Evidence, Fault, changed
from components.proof import Matches, edited, of, unheld, without
from providers.azure import roles
from providers.azure.evidence import data
from providers.azure.evidence import reading as r


def _nested(matches: Matches, key: str, **said: Any) -> Fault:
    return edited(matches, lambda inputs: {**inputs, key: {**inputs[key], **said}})


def _security(**said: Any) -> Fault:
    def edit(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        properties = inputs["properties"]
        return {
            **inputs,
            "properties": {**properties, "securitySettings": {**properties["securitySettings"], **said}},
        }

    return edited(of(r.BACKUP_VAULT), edit)


def _copies(*containers: str) -> Fault:
    parameters = {"backupDatasourceParametersList": [{"containersList": list(containers)}]}
    return changed(of(r.BACKUP), properties={"policyInfo": {"policyParameters": parameters}})


def _rules_off(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**inputs, "policy": {"rules": [{**each, "enabled": False} for each in inputs["policy"]["rules"]]}}


def _logs_off(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**inputs, "logs": inputs["logs"][1:]}


def _plain_disk(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    profile = inputs["virtualMachineProfile"]
    storage = profile["storageProfile"]
    disk: Mapping[str, Any] = {**storage["osDisk"], "managedDisk": None}
    return {**inputs, "virtualMachineProfile": {**profile, "storageProfile": {**storage, "osDisk": disk}}}


_DATA: Final = of(r.ACCOUNT, "-data")
_RECORDS: Final = of(r.ACCOUNT, "-records")
_OTHER_VAULT: Final = {
    "keyVaultProperties": {"keyName": "any", "keyVaultUri": "https://other.vault.azure.net/"}
}
_STRANGER: Final = "somebody-else"

EVIDENCE: Final = {
    "data_store/inputs-read-only": Evidence(
        data.READ_ONLY,
        {
            "machines may write inputs": r.given("analyst", roles.BLOB_CONTRIBUTOR, "inputs"),
            "machines may do anything with the account": r.given("analyst", "owner", "heart-data.id"),
            "inputs can be changed": changed(
                of(r.WRITTEN_ONCE, "-inputs"), immutabilityPeriodSinceCreationInDays=0
            ),
            "inputs can be added to": changed(of(r.WRITTEN_ONCE, "-inputs"), allowProtectedAppendWrites=True),
            "a key opens everything": changed(_DATA, allowSharedKeyAccess=True),
        },
    ),
    "data_store/encrypted-at-rest": Evidence(
        data.AT_REST,
        {
            "an account under the platform's key": _nested(
                _DATA, "encryption", keySource="Microsoft.Storage"
            ),
            "records under the platform's key": _nested(
                _RECORDS, "encryption", keySource="Microsoft.Storage"
            ),
            "one layer of encryption": _nested(_RECORDS, "encryption", requireInfrastructureEncryption=False),
            "copies under the platform's key": _security(encryptionSettings={"state": "Disabled"}),
            "a plain disk": edited(of(r.MACHINES), _plain_disk),
        },
    ),
    "data_store/encrypted-in-transit": Evidence(
        data.IN_TRANSIT,
        {
            "plain HTTP": changed(_DATA, enableHttpsTrafficOnly=False),
            "old TLS": changed(_RECORDS, minimumTlsVersion="TLS1_0"),
            "file access without encryption": changed(_DATA, enableNfsV3=True),
            "a file share": r.planted(r.token("storage", "FileShare")),
        },
    ),
    "data_store/key-per-project": Evidence(
        data.OWN_KEY,
        {
            "another project's key": _nested(_DATA, "encryption", **_OTHER_VAULT),
            "somebody else uses the key": r.given(_STRANGER, roles.KEY_USER, "heart-data-vault.id"),
            "machines use the key": r.given("analyst", roles.KEY_USER, "heart-data-vault.id"),
            "rights over the vault as a whole": _nested(
                of(r.VAULT, "-data-vault"), "properties", enableRbacAuthorization=False
            ),
            "copies under another key": _security(
                encryptionSettings={
                    "state": "Enabled",
                    "keyVaultProperties": {"keyUri": "heart-records.keyUri"},
                }
            ),
            "disks under another key": changed(
                of(r.DISKS), activeKey={"keyUrl": "another.keyUriWithVersion"}
            ),
        },
    ),
    "data_store/reachable-only-from-project": Evidence(
        data.REACHABLE,
        {
            "a public door": changed(_DATA, publicNetworkAccess="Enabled"),
            "addresses let in": _nested(
                _DATA, "networkRuleSet", ipRules=[{"iPAddressOrRange": "203.0.113.1"}]
            ),
            "every service of the platform": _nested(_DATA, "networkRuleSet", bypass="AzureServices"),
            "somebody else reads": r.given(_STRANGER, roles.BLOB_READER, "working"),
            "a key opens everything": changed(_DATA, allowSharedKeyAccess=True),
            "a public container": changed(of(r.CONTAINER, "-working"), publicAccess="Blob"),
            "a copy to another account": r.planted(r.token("storage", "ObjectReplicationPolicy")),
            "a public vault": _nested(
                of(r.VAULT, "-data-vault"), "properties", publicNetworkAccess="Enabled"
            ),
        },
    ),
    "data_store/recoverable": Evidence(
        data.RECOVERABLE,
        {
            "versions are not kept": changed(of(r.UNDO), isVersioningEnabled=False),
            "what is deleted is gone": changed(of(r.UNDO), deleteRetentionPolicy={"enabled": False}),
            "the working area is not copied": _copies("inputs"),
            "copies can be deleted": _security(immutabilitySettings={"state": "Disabled"}),
            "nothing schedules copies": without(of(r.BACKUP_POLICY)),
        },
    ),
    "data_store/kept-on-destroy": Evidence(
        data.KEPT,
        {
            "data goes with the stack": unheld(_DATA),
            "a key goes with the stack": unheld(of(r.KEY, "-data")),
            "what opens the key goes": unheld(of(r.IDENTITY, "-keeper")),
            "the group can be deleted": without(of(r.RESOURCE_LOCK)),
            "the group goes with the stack": unheld(of(r.GROUP, "-data-group")),
        },
    ),
    "data_store/access-recorded": Evidence(
        data.RECORDED,
        {
            "reads are left out": edited(of(r.DIAGNOSTICS, "heart-data"), _logs_off),
            "nothing is written": without(of(r.DIAGNOSTICS, "heart-data")),
            "uses of the key are left out": changed(of(r.DIAGNOSTICS, "-data-key"), logs=[]),
            "the record can be deleted": changed(
                _RECORDS, immutableStorageWithVersioning={"immutabilityPolicy": {"state": "Disabled"}}
            ),
            "accesses without a name": changed(_DATA, allowSharedKeyAccess=True),
        },
    ),
    "data_store/retention-enforced": Evidence(
        r.asking(data.retains, r.DATA_STORE),
        {
            "rules are off": edited(of(r.LIFECYCLE), _rules_off),
            "no rules": without(of(r.LIFECYCLE)),
            "inputs may go after a day": changed(
                of(r.WRITTEN_ONCE, "-inputs"), immutabilityPeriodSinceCreationInDays=1
            ),
        },
    ),
    "data_store/deletion-certified": Evidence(
        data.CERTIFIED,
        {
            "data under a key that stays": _nested(_DATA, "encryption", **_OTHER_VAULT),
            "the end can be undone at will": _nested(
                of(r.VAULT, "-data-vault"), "properties", enablePurgeProtection=False
            ),
            "a key that can be taken out": _nested(
                of(r.KEY, "-data"), "properties", attributes={"exportable": True}
            ),
            "the end of the key is not written": changed(of(r.DIAGNOSTICS, "-data-key"), logs=[]),
            "the record ends with the data": _nested(_RECORDS, "encryption", **_OTHER_VAULT),
        },
    ),
}
