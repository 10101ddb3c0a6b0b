"""A project's network, doors, machines and budget."""

from __future__ import annotations

import pulumi

from components.airlock import AirlockOutputs
from components.data_store import DataStoreOutputs
from components.workspace import Workspace, WorkspaceOutputs, WorkspaceSpec
from providers.aws import budget, compute, desktop, destinations, doors, naming, network
from providers.aws.names import Place, repository
from providers.aws.providing import tagging
from providers.aws.target import AwsTarget


class AwsWorkspace(Workspace[AwsTarget]):
    """Machines that AWS Batch starts and stops, in a network that ends at its own edge."""

    def __init__(
        self,
        spec: WorkspaceSpec,
        target: AwsTarget,
        data: DataStoreOutputs,
        airlock: AirlockOutputs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self.place = Place.of(target, spec.site, spec.scope)
        # What cannot be built is found before anything is registered.
        destinations.check(spec)
        compute.check(spec)
        budget.dollars(spec.budget, target.rates)
        super().__init__(spec, target, data, airlock, tagging(spec, opts))

    def build(self) -> WorkspaceOutputs:
        images = repository(self.spec.site, self.spec.scope, self.spec.image)
        closed = network.build(self, self.place)
        doors.build(self, self.place, closed, images)
        naming.build(self, self.place, closed)
        compute.images(self, images)
        launcher = compute.build(self, self.place, closed, images)
        budget.build(self, self.place, launcher)
        if self.target.desktop == "secure-browser":
            desktop.build(self, closed)
        if self.spec.destinations:
            destinations.build(self, self.place, closed)
        return WorkspaceOutputs(place=closed.vpc.id)
