"""A project's storage, its key in a vault of its own, its identities, its copies and the record of every access."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import authorization, managedidentity, resources

from components.data_store import DataStore, DataStoreOutputs, DataStoreSpec
from providers.azure import backups, records, roles, storage, vaults
from providers.azure.names import Place, repository
from providers.azure.target import AzureTarget


class AzureDataStore(DataStore[AzureTarget]):
    """One storage account under the project's key, and another under another for the record of what was done."""

    def __init__(
        self, spec: DataStoreSpec, target: AzureTarget, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self.place = Place.of(target, spec.site, spec.scope)
        self.made: list[pulumi.Resource] = []
        remembering = pulumi.ResourceOptions(transformations=[self._remember])
        super().__init__(spec, target, pulumi.ResourceOptions.merge(opts, remembering))

    def _remember(self, args: pulumi.ResourceTransformationArgs) -> None:
        if args.resource is not self:
            self.made.append(args.resource)

    def build(self) -> DataStoreOutputs:
        scope = self.spec.scope
        group = resources.ResourceGroup(
            f"{scope}-data-group",
            resource_group_name=self.place.group("data"),
            location=self.target.region,
            opts=self.held(),
        )
        people = {part: self._identity(part, group) for part in ("keeper", "analyst", "loader", "backup")}
        data_key = vaults.build(self, self.place, "data", people["keeper"], self.held)
        records_key = vaults.build(self, self.place, "records", people["keeper"], self.kept_always)
        account = storage.build(self, self.place, data_key, people)
        self._rights(group, account.id, people)
        records.build(self, self.place, records_key, account, self.kept_always)
        backups.build(self, self.place, data_key, account, people["backup"])
        self._lock(group)
        return DataStoreOutputs(
            inputs=_after(account, self.place.container_url("inputs")),
            working=_after(account, self.place.container_url("working")),
            outbox=_after(account, self.place.container_url("outbox")),
            key=data_key.version,
        )

    def kept_always(self) -> pulumi.ResourceOptions:
        """Return the options of what outlives even an erasure: the record that it happened."""
        opts = self.held()
        opts.retain_on_delete = True
        return opts

    def _identity(self, part: str, group: resources.ResourceGroup) -> managedidentity.UserAssignedIdentity:
        return managedidentity.UserAssignedIdentity(
            f"{self.spec.scope}-{part}",
            resource_group_name=group.name,
            resource_name_=self.place.general(part),
            location=self.target.region,
            # Without its keeper the storage cannot open its key: kept with the data.
            opts=self.held(),
        )

    def _rights(
        self,
        group: resources.ResourceGroup,
        account: pulumi.Output[str],
        people: dict[str, managedidentity.UserAssignedIdentity],
    ) -> None:
        """Give the workspace's machines and the loader what they need of each area, and nothing else."""
        sender = roles.sender(f"{self.spec.scope}-sender", self.place, self.held(depends_on=[group]))
        given = [
            ("analyst", "inputs", self.place.role(roles.BLOB_READER)),
            ("analyst", "working", self.place.role(roles.BLOB_CONTRIBUTOR)),
            ("analyst", "outbox", sender.id),
            ("loader", "inputs", self.place.role(roles.BLOB_CONTRIBUTOR)),
        ]
        for who, area, role in given:
            over = account.apply(lambda id_, area=area: f"{id_}/blobServices/default/containers/{area}")
            name = f"{self.spec.scope}-{who}-{area}"
            roles.give(self.place, name, people[who].principal_id, role, over, self.held())
        roles.give(
            self.place,
            f"{self.spec.scope}-images",
            people["analyst"].principal_id,
            self.place.role(roles.IMAGE_READER),
            self.target.registry,
            self.held(),
            # The site's registry holds every project's images; this one's machines see their own.
            condition=roles.only_repository(repository(self.spec.site, self.spec.scope)),
        )

    def _lock(self, group: resources.ResourceGroup) -> None:
        """Lock the group: deleting a resource group deletes what is in it, whatever Pulumi protects."""
        authorization.ManagementLockByScope(
            f"{self.spec.scope}-data",
            scope=group.id,
            lock_name="holds-data",
            level="CanNotDelete",
            notes="Holds a project's data. Lifted only by an erasure that two people confirmed.",
            # After all else, so that an erasure lifts it before all else.
            opts=self.held(depends_on=list(self.made)),
        )


def _after(resource: pulumi.CustomResource, text: str) -> pulumi.Output[str]:
    """Return a name that is known beforehand, and that waits for what it names."""
    return resource.id.apply(lambda _: text)
