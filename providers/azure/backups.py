"""Daily copies of inputs and working area, in a vault that the storage account's loss does not touch."""

from __future__ import annotations

from pulumi_azure_native import dataprotection as dp
from pulumi_azure_native import managedidentity, storage

from components.data_store import DataStore
from providers.azure import roles
from providers.azure.names import Place
from providers.azure.target import AzureTarget
from providers.azure.vaults import VaultKey

_SOURCE = "Microsoft.Storage/storageAccounts/blobServices"
_STORE = dp.DataStoreInfoBaseArgs(data_store_type="VaultStore", object_type="DataStoreInfoBase")
COPIED = ("inputs", "working")


def build(
    home: DataStore[AzureTarget],
    place: Place,
    key: VaultKey,
    account: storage.StorageAccount,
    hand: managedidentity.UserAssignedIdentity,
) -> None:
    """Register the vault under the project's key, the schedule, and what is copied."""
    scope = home.spec.scope
    keeping = roles.give(
        place,
        f"{scope}-data-backup",
        hand.principal_id,
        place.role(roles.KEY_USER),
        key.vault.id,
        home.held(),
    )
    reading = roles.give(
        place,
        f"{scope}-backup",
        hand.principal_id,
        place.role(roles.BACKUP_CONTRIBUTOR),
        account.id,
        home.held(),
    )
    vault = dp.BackupVault(
        scope,
        resource_group_name=place.group("data"),
        vault_name=place.general("backup"),
        location=home.target.region,
        identity=dp.DppIdentityDetailsArgs(
            type="UserAssigned", user_assigned_identities=[place.identity_id("backup")]
        ),
        properties=dp.BackupVaultArgs(
            storage_settings=[dp.StorageSettingArgs(datastore_type="VaultStore", type="ZoneRedundant")],
            security_settings=_security(home, place, key),
        ),
        opts=home.held(depends_on=[keeping]),
    )
    policy = _policy(home, place, vault)
    dp.BackupInstance(
        scope,
        resource_group_name=place.group("data"),
        vault_name=vault.name,
        backup_instance_name=place.general("data"),
        properties=dp.BackupInstanceArgs(
            object_type="BackupInstance",
            friendly_name=place.account("data"),
            data_source_info=dp.DatasourceArgs(
                object_type="Datasource",
                datasource_type=_SOURCE,
                resource_id=account.id,
                resource_uri=account.id,
                resource_type="Microsoft.Storage/storageAccounts",
                resource_location=home.target.region,
            ),
            identity_details=dp.IdentityDetailsArgs(
                use_system_assigned_identity=False,
                user_assigned_identity_arm_url=place.identity_id("backup"),
            ),
            policy_info=dp.PolicyInfoArgs(
                policy_id=policy.id,
                policy_parameters=dp.PolicyParametersArgs(
                    backup_datasource_parameters_list=[
                        dp.BlobBackupDatasourceParametersArgs(
                            object_type="BlobBackupDatasourceParameters", containers_list=list(COPIED)
                        )
                    ]
                ),
            ),
        ),
        opts=home.held(depends_on=[reading]),
    )


def _security(home: DataStore[AzureTarget], place: Place, key: VaultKey) -> dp.SecuritySettingsArgs:
    return dp.SecuritySettingsArgs(
        encryption_settings=dp.EncryptionSettingsArgs(
            state="Enabled",
            infrastructure_encryption="Enabled",
            kek_identity=dp.CmkKekIdentityArgs(
                identity_type="UserAssigned", identity_id=place.identity_id("backup")
            ),
            # The same key as the data's: its end is the end of the copies too.
            key_vault_properties=dp.CmkKeyVaultPropertiesArgs(key_uri=key.uri),
        ),
        soft_delete_settings=dp.SoftDeleteSettingsArgs(
            state="Off" if home.spec.erase else "On", retention_duration_in_days=14
        ),
        immutability_settings=dp.ImmutabilitySettingsArgs(
            state="Disabled" if home.spec.erase else "Unlocked"
        ),
    )


def _policy(home: DataStore[AzureTarget], place: Place, vault: dp.BackupVault) -> dp.BackupPolicy:
    keeps = dp.AzureRetentionRuleArgs(
        object_type="AzureRetentionRule",
        name="Default",
        is_default=True,
        lifecycles=[
            dp.SourceLifeCycleArgs(
                delete_after=dp.AbsoluteDeleteOptionArgs(object_type="AbsoluteDeleteOption", duration="P35D"),
                source_data_store=_STORE,
            )
        ],
    )
    copies = dp.AzureBackupRuleArgs(
        object_type="AzureBackupRule",
        name="BackupDaily",
        data_store=_STORE,
        backup_parameters=dp.AzureBackupParamsArgs(object_type="AzureBackupParams", backup_type="Discrete"),
        trigger=dp.ScheduleBasedTriggerContextArgs(
            object_type="ScheduleBasedTriggerContext",
            schedule=dp.BackupScheduleArgs(
                repeating_time_intervals=["R/2026-01-01T02:00:00+00:00/P1D"], time_zone="UTC"
            ),
            tagging_criteria=[
                dp.TaggingCriteriaArgs(
                    is_default=True, tagging_priority=99, tag_info=dp.RetentionTagArgs(tag_name="Default")
                )
            ],
        ),
    )
    return dp.BackupPolicy(
        home.spec.scope,
        resource_group_name=place.group("data"),
        vault_name=vault.name,
        backup_policy_name="daily",
        properties=dp.BackupPolicyArgs(
            object_type="BackupPolicy", datasource_types=[_SOURCE], policy_rules=[keeps, copies]
        ),
        opts=home.held(),
    )
