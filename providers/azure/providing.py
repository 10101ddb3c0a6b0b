"""The connection to one subscription."""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure

from providers.azure.target import AzureTarget


def connection(target: AzureTarget) -> pulumi.ProviderResource:
    """Return the provider that deploys to the target's subscription in its tenant, and to no other."""
    return azure.Provider(
        f"azure-{target.subscription}",
        subscription_id=target.subscription,
        tenant_id=target.tenant,
        location=target.region,
    )
