"""The project's machines and the queue that gives them work."""

from __future__ import annotations

import base64
import json
from typing import Final

from pulumi_aws import batch, ec2, ecr, iam

from components.errors import Unbuildable
from components.workspace import Workspace, WorkspaceSpec
from providers.aws import endpoint_policies, policies
from providers.aws.boot import user_data
from providers.aws.names import Place
from providers.aws.network import Network
from providers.aws.providing import tags
from providers.aws.sizing import Machines, machines
from providers.aws.target import AwsTarget

USER: Final = "1000:1000"
"""Whom jobs run as: never root, which alone may ask the metadata service."""


def approved(spec: WorkspaceSpec) -> str:
    """Return the digest of the spec's image.

    Raises:
        Unbuildable: the image is not named by digest, or comes from a registry that was not approved.
    """
    name, _, digest = spec.image.partition("@")
    if not digest.startswith("sha256:"):
        raise Unbuildable(
            "workspace.image",
            f"{spec.image!r} is not named by digest",
            "Write 'registry/name@sha256:…', which no one can move to other bytes.",
        )
    if not any(name.startswith(f"{registry}/") for registry in spec.image_registries):
        raise Unbuildable(
            "workspace.image",
            f"{name!r} does not come from an approved registry ({', '.join(spec.image_registries)})",
            "Take an image from one of these, or have the registry approved.",
        )
    return digest


def check(spec: WorkspaceSpec) -> None:
    """Refuse a spec that no machine or image can serve.

    Raises:
        Unbuildable: the image is not approved, or the quota holds no machine or no disk.
    """
    approved(spec)
    _disk(spec)


def images(home: Workspace[AwsTarget], name: str) -> None:
    """Register the repository with the project's copy of its approved image, the only one it can pull from.

    The copy is made at deployment, under the same digest: the network has no path to the image's own registry.
    """
    ecr.Repository(
        home.spec.scope,
        name=name,
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
        encryption_configurations=[ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS")],
        force_delete=True,
        opts=home.child(),
    )


def build(home: Workspace[AwsTarget], place: Place, network: Network, repository: str) -> iam.Role:
    """Register machines, queue and job definition; return the role by which machines are started."""
    fit = machines(home.spec)
    launcher = _launcher(home, place)
    environment = batch.ComputeEnvironment(
        home.spec.scope,
        name=place.general("machines"),
        type="MANAGED",
        state="ENABLED",
        service_role=launcher.arn,
        compute_resources=_resources(home, place, network, fit),
        opts=home.child(depends_on=[_agent_rights(home, place, repository)]),
    )
    batch.JobQueue(
        home.spec.scope,
        name=place.general("queue"),
        state="ENABLED",
        priority=1,
        compute_environment_orders=[
            batch.JobQueueComputeEnvironmentOrderArgs(order=1, compute_environment=environment.arn)
        ],
        opts=home.child(),
    )
    _job(home, place, repository, fit)
    return launcher


def _launcher(home: Workspace[AwsTarget], place: Place) -> iam.Role:
    """Register a role of the project's own for Batch: a budget can take rights from it, not from a shared one."""
    role = iam.Role(
        f"{home.spec.scope}-batch",
        name=place.role("batch"),
        path="/tre/",
        assume_role_policy=policies.trust("batch.amazonaws.com", place),
        opts=home.child(),
    )
    iam.RolePolicyAttachment(
        f"{home.spec.scope}-batch",
        role=role.name,
        policy_arn=f"arn:{place.partition}:iam::aws:policy/service-role/AWSBatchServiceRole",
        opts=home.child(),
    )
    return role


def _agent_rights(home: Workspace[AwsTarget], place: Place, repository: str) -> iam.RolePolicy:
    return iam.RolePolicy(
        f"{home.spec.scope}-agent",
        name="agent",
        role=place.role("analyst"),
        policy=endpoint_policies.agent(place, repository),
        opts=home.child(),
    )


def _resources(
    home: Workspace[AwsTarget], place: Place, network: Network, fit: Machines
) -> batch.ComputeEnvironmentComputeResourcesArgs:
    profile = iam.InstanceProfile(
        home.spec.scope,
        name=place.role("analyst"),
        path="/tre/",
        role=place.role("analyst"),
        opts=home.child(),
    )
    template = _template(home, place)
    return batch.ComputeEnvironmentComputeResourcesArgs(
        type="EC2",
        # The one strategy that never starts a machine above the limit of cores (Batch guide, "maxvCpus").
        allocation_strategy="BEST_FIT",
        min_vcpus=0,
        max_vcpus=fit.most_cores,
        instance_types=[fit.type],
        instance_role=profile.arn,
        subnets=[each.id for each in network.subnets],
        security_group_ids=[network.machines.id],
        ec2_configurations=[
            batch.ComputeEnvironmentComputeResourcesEc2ConfigurationArgs(
                image_type="ECS_AL2023", image_id_override=home.target.machine_image
            )
        ],
        launch_template=batch.ComputeEnvironmentComputeResourcesLaunchTemplateArgs(
            launch_template_id=template.id, version=template.latest_version.apply(str)
        ),
    )


def _template(home: Workspace[AwsTarget], place: Place) -> ec2.LaunchTemplate:
    disk = ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
        encrypted="true",
        kms_key_id=home.data.key,
        volume_size=_disk(home.spec),
        volume_type="gp3",
        delete_on_termination="true",
    )
    return ec2.LaunchTemplate(
        home.spec.scope,
        name=place.general("machines"),
        update_default_version=True,
        metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            # One hop reaches the machine itself and no container behind a bridge.
            http_put_response_hop_limit=1,
            instance_metadata_tags="disabled",
        ),
        block_device_mappings=[ec2.LaunchTemplateBlockDeviceMappingArgs(device_name="/dev/xvda", ebs=disk)],
        enclave_options=ec2.LaunchTemplateEnclaveOptionsArgs(enabled=home.spec.sandboxed),
        # Batch starts the machines, so that their tags and their disks' must come from here.
        tag_specifications=[
            ec2.LaunchTemplateTagSpecificationArgs(resource_type=each, tags=dict(tags(home.spec)))
            for each in ("instance", "volume")
        ],
        monitoring=ec2.LaunchTemplateMonitoringArgs(enabled=True),
        user_data=base64.b64encode(user_data(place).encode()).decode(),
        opts=home.child(),
    )


def _disk(spec: WorkspaceSpec) -> int:
    """Return a machine's disk in GiB: the project's storage, shared among as many machines as may run."""
    fit = machines(spec)
    most = max(1, fit.most_cores // fit.cores)
    size = spec.quota.storage_gib // most
    if size < _LEAST_DISK:
        raise Unbuildable(
            "workspace.quota.storage_gib",
            f"{spec.quota.storage_gib} GiB leave {size} GiB of disk for each of {most} machines",
            f"Allow {most * _LEAST_DISK} GiB or more, or fewer cores at once.",
        )
    return size


_LEAST_DISK: Final = 20
"""GiB: the machine's own system takes about eight, and images and scratch need the rest."""


def _job(home: Workspace[AwsTarget], place: Place, repository: str, fit: Machines) -> None:
    registry = f"{place.account}.dkr.ecr.{place.region}.amazonaws.com"
    # A sandboxed job takes a machine whole, so that no kernel is ever shared by two.
    cores = fit.cores if home.spec.sandboxed else max(1, int(home.spec.size.cpu))
    needs = {"VCPU": cores, "MEMORY": int(home.spec.size.memory_gib * _USABLE), "GPU": home.spec.size.gpu}
    batch.JobDefinition(
        home.spec.scope,
        name=place.general("job"),
        type="container",
        platform_capabilities=["EC2"],
        timeout=batch.JobDefinitionTimeoutArgs(attempt_duration_seconds=home.spec.deadline_hours * 3600),
        container_properties=json.dumps(
            _container(f"{registry}/{repository}@{approved(home.spec)}", needs), sort_keys=True
        ),
        opts=home.child(),
    )


_USABLE: Final = 1024 * 0.9
"""MiB of each GiB that a job may have: the machine's system and the agent use the rest."""


def _container(image: str, needs: dict[str, int]) -> dict[str, object]:
    areas = {"inputs": True, "working": False, "outbox": False}
    return {
        "image": image,
        "user": USER,
        "privileged": False,
        "readonlyRootFilesystem": True,
        "resourceRequirements": [{"type": k, "value": str(v)} for k, v in needs.items() if v],
        "volumes": [{"name": area, "host": {"sourcePath": f"/data/{area}"}} for area in areas],
        "mountPoints": [
            {"sourceVolume": area, "containerPath": f"/data/{area}", "readOnly": read_only}
            for area, read_only in areas.items()
        ],
        "linuxParameters": {
            "initProcessEnabled": True,
            "tmpfs": [{"containerPath": "/tmp", "size": 512}],  # noqa: S108 # inside the job's own root
        },
        # What a job prints is data: it stays in the machine's own journal, on the encrypted disk.
        "logConfiguration": {"logDriver": "journald"},
    }
