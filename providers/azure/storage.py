"""The storage account of a project's data and its three areas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pulumi
from pulumi_azure_native import managedidentity, storage

from components.data_store import DataStore
from providers.azure.names import Place
from providers.azure.target import AzureTarget
from providers.azure.vaults import VaultKey

AREAS: Final = ("inputs", "working", "outbox")
UNDO_DAYS: Final = 35
"""Days for which what was deleted can be brought back without a copy."""

ARCHIVE: Final = "archive/"
"""Where a project's closing copies what is kept, so that a blob's age there counts from the project's end."""


def build(
    home: DataStore[AzureTarget],
    place: Place,
    key: VaultKey,
    people: dict[str, managedidentity.UserAssignedIdentity],
) -> storage.StorageAccount:
    """Register the account, its areas, and how long things in it last."""
    account = closed(
        home,
        place,
        "data",
        key,
        # Its own backup vault alone, by name: a trusted service at large would be every service of Azure's.
        exceptions=[
            storage.ResourceAccessRuleArgs(tenant_id=home.target.tenant, resource_id=place.backup_vault_id())
        ],
        opts=home.held(depends_on=[key.ready, people["keeper"]]),
    )
    for area in AREAS:
        storage.BlobContainer(
            f"{home.spec.scope}-{area}",
            resource_group_name=place.group("data"),
            account_name=account.name,
            container_name=area,
            public_access=storage.PublicAccess.NONE,
            opts=home.held(),
        )
    _written_once(home, place, account)
    _undo(home, place, account)
    _retention(home, place, account)
    return account


def closed(
    home: DataStore[AzureTarget],
    place: Place,
    part: str,
    key: VaultKey,
    *,
    opts: pulumi.ResourceOptions,
    exceptions: Sequence[storage.ResourceAccessRuleArgs] = (),
    bypass: str = "None",
    immutable: storage.ImmutableStorageAccountArgs | None = None,
) -> storage.StorageAccount:
    """Register an account that answers to private endpoints alone, knows no shared key, and is under `key`.

    Exceptions to the network rules stay in force where public access is disabled ("Set the default public network
    access rule of a storage account").
    """
    keeper = place.identity_id("keeper")
    return storage.StorageAccount(
        f"{home.spec.scope}-{part}",
        resource_group_name=place.group("data"),
        account_name=place.account(part),
        location=home.target.region,
        kind="StorageV2",
        sku=storage.SkuArgs(name="Standard_ZRS"),
        public_network_access="Disabled",
        network_rule_set=storage.NetworkRuleSetArgs(
            default_action=storage.DefaultAction.DENY, bypass=bypass, resource_access_rules=list(exceptions)
        ),
        # Shared keys and local users belong to nobody: only identities that can be named may come in.
        allow_shared_key_access=False,
        default_to_o_auth_authentication=True,
        is_local_user_enabled=False,
        is_sftp_enabled=False,
        allow_blob_public_access=False,
        allow_cross_tenant_replication=False,
        allowed_copy_scope="PrivateLink",
        enable_https_traffic_only=True,
        minimum_tls_version="TLS1_2",
        identity=storage.IdentityArgs(type="UserAssigned", user_assigned_identities=[keeper]),
        encryption=storage.EncryptionArgs(
            key_source="Microsoft.Keyvault",
            key_vault_properties=storage.KeyVaultPropertiesArgs(
                key_name=key.key.name, key_vault_uri=f"https://{place.vault(part)}.vault.azure.net/"
            ),
            encryption_identity=storage.EncryptionIdentityArgs(encryption_user_assigned_identity=keeper),
            require_infrastructure_encryption=True,
        ),
        immutable_storage_with_versioning=immutable,
        opts=opts,
    )


def _written_once(home: DataStore[AzureTarget], place: Place, account: storage.StorageAccount) -> None:
    # Not locked: a locked policy would outlast the confirmed erasure of the data.
    storage.BlobContainerImmutabilityPolicy(
        f"{home.spec.scope}-inputs",
        resource_group_name=place.group("data"),
        account_name=account.name,
        container_name="inputs",
        immutability_policy_name="default",
        immutability_period_since_creation_in_days=home.spec.retention_days,
        allow_protected_append_writes=False,
        opts=home.held(),
    )


def _undo(home: DataStore[AzureTarget], place: Place, account: storage.StorageAccount) -> None:
    undo = storage.DeleteRetentionPolicyArgs(enabled=True, days=UNDO_DAYS)
    storage.BlobServiceProperties(
        f"{home.spec.scope}-data",
        resource_group_name=place.group("data"),
        account_name=account.name,
        blob_services_name="default",
        is_versioning_enabled=True,
        change_feed=storage.ChangeFeedArgs(enabled=True),
        delete_retention_policy=undo,
        container_delete_retention_policy=undo,
        opts=home.held(),
    )


def _retention(home: DataStore[AzureTarget], place: Place, account: storage.StorageAccount) -> None:
    days = home.spec.retention_days
    storage.ManagementPolicy(
        f"{home.spec.scope}-data",
        resource_group_name=place.group("data"),
        account_name=account.name,
        management_policy_name="default",
        policy=storage.ManagementPolicySchemaArgs(rules=[_closed_rule(days), _superseded_rule(days)]),
        opts=home.held(),
    )


def _closed_rule(days: int) -> storage.ManagementPolicyRuleArgs:
    ends = storage.DateAfterModificationArgs(days_after_creation_greater_than=days)
    return _rule(
        "closed",
        storage.ManagementPolicyActionArgs(base_blob=storage.ManagementPolicyBaseBlobArgs(delete=ends)),
        [f"{area}/{ARCHIVE}" for area in AREAS],
    )


def _superseded_rule(days: int) -> storage.ManagementPolicyRuleArgs:
    ends = storage.DateAfterCreationArgs(days_after_creation_greater_than=days)
    return _rule(
        "superseded",
        storage.ManagementPolicyActionArgs(version=storage.ManagementPolicyVersionArgs(delete=ends)),
        [f"{area}/" for area in AREAS],
    )


def _rule(
    name: str, actions: storage.ManagementPolicyActionArgs, prefixes: Sequence[str]
) -> storage.ManagementPolicyRuleArgs:
    filters = storage.ManagementPolicyFilterArgs(blob_types=["blockBlob"], prefix_match=list(prefixes))
    return storage.ManagementPolicyRuleArgs(
        name=name,
        enabled=True,
        type=storage.RuleType.LIFECYCLE,
        definition=storage.ManagementPolicyDefinitionArgs(actions=actions, filters=filters),
    )
