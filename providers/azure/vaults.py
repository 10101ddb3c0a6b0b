"""A vault for each key: what opens one project's vault opens no other, and its end is the key's end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import keyvault, managedidentity

from components.data_store import DataStore
from providers.azure import roles
from providers.azure.names import Place
from providers.azure.target import AzureTarget

Options = Callable[[], pulumi.ResourceOptions]

WAITS_DAYS = 30
"""Days for which a deleted key can be brought back; after them it is gone for good."""


@dataclass(frozen=True)
class VaultKey:
    """A key, its vault, and what to wait for before the keeper may use it."""

    vault: keyvault.Vault
    key: keyvault.Key
    ready: pulumi.Resource

    @property
    def uri(self) -> pulumi.Output[str]:
        """The key's address, without a version, so that whatever uses it follows its rotation."""
        return self.key.key_uri

    @property
    def version(self) -> pulumi.Output[str]:
        """The address of the key's current version: disks want one, and follow its rotation all the same."""
        return self.key.key_uri_with_version


def build(
    home: DataStore[AzureTarget],
    place: Place,
    part: str,
    keeper: managedidentity.UserAssignedIdentity,
    options: Options,
) -> VaultKey:
    """Register a vault, its key, and the keeper's right to wrap and unwrap with it."""
    name = f"{home.spec.scope}-{part}"
    hardware = home.spec.hardware_key and part == "data"
    vault = keyvault.Vault(
        f"{name}-vault",
        resource_group_name=place.group("data"),
        vault_name=place.vault(part),
        location=home.target.region,
        properties=_properties(home, hardware),
        opts=_after(options, keeper),
    )
    key = keyvault.Key(
        name,
        resource_group_name=place.group("data"),
        vault_name=vault.name,
        key_name=part,
        properties=keyvault.KeyPropertiesArgs(
            kty="RSA-HSM" if hardware else "RSA",
            key_size=3072,
            # For wrapping other keys alone: nothing is signed or decrypted with it.
            key_ops=["wrapKey", "unwrapKey"],
            rotation_policy=_yearly(),
        ),
        opts=options(),
    )
    right = roles.give(
        place, f"{name}-keeper", keeper.principal_id, place.role(roles.KEY_USER), vault.id, options()
    )
    return VaultKey(vault, key, right)


def _properties(home: DataStore[AzureTarget], hardware: bool) -> keyvault.VaultPropertiesArgs:
    return keyvault.VaultPropertiesArgs(
        tenant_id=home.target.tenant,
        # Premium keeps keys in hardware security modules (FIPS 140-3 level 3).
        sku=keyvault.SkuArgs(
            family="A", name=keyvault.SkuName.PREMIUM if hardware else keyvault.SkuName.STANDARD
        ),
        enable_rbac_authorization=True,
        enable_soft_delete=True,
        enable_purge_protection=True,
        soft_delete_retention_in_days=WAITS_DAYS,
        public_network_access="Disabled",
        network_acls=keyvault.NetworkRuleSetArgs(default_action="Deny", bypass="AzureServices"),
    )


def _yearly() -> keyvault.RotationPolicyArgs:
    return keyvault.RotationPolicyArgs(
        lifetime_actions=[
            keyvault.LifetimeActionArgs(
                action=keyvault.ActionArgs(type=keyvault.KeyRotationPolicyActionType.ROTATE),
                trigger=keyvault.TriggerArgs(time_after_create="P1Y"),
            )
        ],
        attributes=keyvault.KeyRotationPolicyAttributesArgs(expiry_time="P2Y"),
    )


def _after(options: Options, resource: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(options(), pulumi.ResourceOptions(depends_on=[resource]))
