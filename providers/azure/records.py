"""Who reached which data, when, and what was done with the keys: written where nobody can change it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pulumi
from pulumi_azure_native import monitor, storage

from components.data_store import DataStore
from providers.azure.names import Place
from providers.azure.storage import closed
from providers.azure.target import AzureTarget
from providers.azure.vaults import VaultKey

Options = Callable[[], pulumi.ResourceOptions]


def build(
    home: DataStore[AzureTarget],
    place: Place,
    key: VaultKey,
    data: storage.StorageAccount,
    options: Options,
) -> None:
    """Register the account of the records, and what is written into it."""
    days = max(365, home.spec.retention_days)
    account = closed(
        home,
        place,
        "records",
        key,
        # The platform's own diagnostics write here, as a trusted service.
        bypass="AzureServices",
        # Logs grow, hence appending. Azure makes such a policy unlocked and lets it be locked later.
        immutable=storage.ImmutableStorageAccountArgs(
            enabled=True,
            immutability_policy=storage.AccountImmutabilityPolicyPropertiesArgs(
                state="Locked" if home.target.records_locked else "Unlocked",
                immutability_period_since_creation_in_days=days,
                allow_protected_append_writes=True,
            ),
        ),
        opts=pulumi.ResourceOptions.merge(options(), pulumi.ResourceOptions(depends_on=[key.ready])),
    )
    blobs = pulumi.Output.concat(data.id, "/blobServices/default")
    written = ["StorageRead", "StorageWrite", "StorageDelete"]
    _written(f"{home.spec.scope}-data", blobs, account, written, options)
    for part in ("data", "records"):
        vault = f"{place.group_id('data')}/providers/Microsoft.KeyVault/vaults/{place.vault(part)}"
        waits = key.ready.urn.apply(lambda _, vault=vault: vault)
        _written(f"{home.spec.scope}-{part}-key", waits, account, ["AuditEvent"], options)


def _written(
    name: str,
    about: pulumi.Input[str],
    to: storage.StorageAccount,
    categories: Sequence[str],
    options: Options,
) -> None:
    monitor.DiagnosticSetting(
        name,
        name="records",
        resource_uri=about,
        storage_account_id=to.id,
        logs=[monitor.DiagnosticsLogSettingsArgs(category=each, enabled=True) for each in categories],
        opts=options(),
    )
