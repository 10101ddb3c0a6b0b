"""A project's network, doors, machines and budget."""

from __future__ import annotations

import pulumi

from components.airlock import AirlockOutputs
from components.data_store import DataStoreOutputs
from components.workspace import Workspace, WorkspaceOutputs, WorkspaceSpec
from providers.azure import budget, compute, destinations, doors, naming, network
from providers.azure.names import Place
from providers.azure.target import AzureTarget


class AzureWorkspace(Workspace[AzureTarget]):
    """A scale set of approved machines, in a network that ends at its own edge."""

    def __init__(
        self,
        spec: WorkspaceSpec,
        target: AzureTarget,
        data: DataStoreOutputs,
        airlock: AirlockOutputs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self.place = Place.of(target, spec.site, spec.scope)
        # What cannot be built is found before anything is registered.
        destinations.check(spec)
        compute.check(spec)
        budget.check(spec, target)
        super().__init__(spec, target, data, airlock, opts)

    def build(self) -> WorkspaceOutputs:
        inside = network.build(self, self.place)
        doors.build(self, self.place, inside)
        naming.build(self, self.place, inside)
        machines = compute.build(self, self.place, inside)
        budget.build(self, self.place, inside, machines)
        if self.spec.destinations:
            destinations.build(self, self.place, inside)
        return WorkspaceOutputs(place=inside.vnet.id)
