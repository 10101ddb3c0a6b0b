"""How the workspace shows what its machines may do, and how much."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from components.contract import Proof, Record, Records, Verdict, of_type
from components.proof import all_of, each, every, none, some
from providers.aws.boot import NO_NEW_PRIVILEGES, NO_PRIVILEGE
from providers.aws.evaluate import Request
from providers.aws.evidence import reading as r
from providers.aws.evidence.network import script, service
from providers.aws.names import Place

COSTING: Final = (r.BUCKET, r.KEY, r.DOOR, r.TEMPLATE, r.MACHINES, r.LOG_GROUP, r.VAULT)
"""What most of a project's costs come from."""

OTHER_MACHINES: Final = (
    r.token("ec2", "Instance"),
    r.token("ec2", "Fleet"),
    r.token("ec2", "SpotInstanceRequest"),
    r.token("autoscaling", "Group"),
    r.token("ecs", "Service"),
    r.token("lambda", "Function"),
    r.token("sagemaker", "NotebookInstance"),
)


def container(record: Record) -> Mapping[str, Any]:
    """Return what a job definition says of its container."""
    return json.loads(record.inputs.get("containerProperties", "{}"))


def _unprivileged(record: Record) -> bool:
    said = container(record)
    user: str = said.get("user", "")
    return (
        said.get("privileged") is False
        and user.partition(":")[0] not in ("", "0", "root")
        and said.get("readonlyRootFilesystem") is True
        and not said.get("linuxParameters", {}).get("devices")
        and all(volume["host"]["sourcePath"].startswith("/data/") for volume in said.get("volumes", []))
    )


NO_PRIVILEGE_PROOF = all_of(
    every(
        "jobs run as a plain user on a read-only root, with no part of their host", r.JOB, holds=_unprivileged
    ),
    every(
        "machines refuse privileged containers",
        r.TEMPLATE,
        holds=lambda record: NO_PRIVILEGE in script(record),
    ),
    every("no process gains rights", r.TEMPLATE, holds=lambda record: NO_NEW_PRIVILEGES in script(record)),
)


def _digest(image: str) -> str:
    return image.partition("@")[2]


def approved(asked: Mapping[str, Any]) -> Proof:
    """Return the proof that jobs run the approved image, by digest, from the project's own copy."""
    from_approved = any(asked["image"].startswith(f"{registry}/") for registry in asked["image_registries"])

    def is_it(record: Record) -> bool:
        image: str = container(record).get("image", "")
        return (
            from_approved
            and _digest(image).startswith("sha256:")
            and _digest(image) == _digest(asked["image"])
        )

    def own_copy(records: Records) -> Verdict:
        names = [record.inputs["name"] for record in of_type(records, r.REPOSITORY)]
        return every(
            "every image is in the project's own repository",
            r.JOB,
            holds=lambda record: any(f"/{name}@" in container(record).get("image", "") for name in names),
        )(records)

    return all_of(
        every("every job runs the approved image by its digest", r.JOB, holds=is_it),
        own_copy,
        every(
            "no image there can be moved to other bytes",
            r.REPOSITORY,
            holds=lambda record: record.inputs.get("imageTagMutability") == "IMMUTABLE",
        ),
        r.at_place(_pulls_only_own),
        none("no other registry is passed through", r.token("ecr", "PullThroughCacheRule")),
    )


def _pulls_only_own(here: Place) -> Proof:
    ours = {"aws:PrincipalAccount": here.account}
    other = Request(
        here.role_arn("analyst"), "ecr:BatchGetImage", here.arn("ecr", "repository/another"), ours
    )
    return r.answers(
        "the registry's doors open to that repository",
        r.DOOR,
        lambda record: r.grants_none(record, other),
        where=lambda record: service(record).startswith("ecr."),
    )


def no_copy_out(asked: Mapping[str, Any]) -> Proof:
    """Return the proof that neither a screen, a log nor a port carries data out."""
    copying = "Enabled" if asked["clipboard"] == "both" else "Disabled"

    def shows_only(record: Record) -> bool:
        said = record.inputs
        return said.get("copyAllowed") == copying and all(
            said.get(f"{way}Allowed") == "Disabled" for way in ("download", "print", "upload")
        )

    return all_of(
        each(
            f"desktops: copying out {copying.lower()}, nothing saved or printed", r.DESKTOP, holds=shows_only
        ),
        every(
            "what jobs print stays on their machine",
            r.JOB,
            holds=lambda record: container(record).get("logConfiguration", {}).get("logDriver") == "journald",
        ),
        every(
            "nobody has a key to a machine", r.TEMPLATE, holds=lambda record: not record.inputs.get("keyName")
        ),
        every(
            "nothing comes in but by a group of the project",
            r.INGRESS,
            holds=lambda record: not {"cidrIpv4", "cidrIpv6", "prefixListId"} & set(record.inputs),
        ),
        none(
            "no door lets logs out or a session in",
            r.DOOR,
            where=lambda record: (
                service(record) in ("logs", "ssm", "ssmmessages", "ec2messages", "monitoring")
            ),
        ),
        none("no one-time door for a shell", r.token("ec2", "InstanceConnectEndpoint")),
    )


_PER_CORE: Final = {"c7i": 2, "m7i": 4, "r7i": 8, "g6": 4}
"""GiB of memory per core by family, from AWS's table of instance types."""

_CORES: Final = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "16xlarge": 64}


def quota(asked: Mapping[str, Any]) -> Proof:
    """Return the proof that cores, memory, machines and disks stay within the share."""
    share = asked["quota"]

    def within(record: Record) -> bool:
        said = record.inputs["computeResources"]
        family, _, size = said["instanceTypes"][0].partition(".")
        most = said["maxVcpus"]
        return (
            len(said["instanceTypes"]) == 1
            and said["allocationStrategy"] == "BEST_FIT"
            and said["minVcpus"] == 0
            and most <= share["cpu"]
            and most * _PER_CORE[family] <= share["memory_gib"]
            and most / _CORES[size] <= share["machines"]
        )

    def disks(records: Records) -> Verdict:
        environments = of_type(records, r.MACHINES)
        most = sum(_machines(record) for record in environments)
        return every(
            f"all disks together hold {share['storage_gib']:g} GiB or less",
            r.TEMPLATE,
            holds=lambda record: 0 < _disk(record) * most <= share["storage_gib"],
        )(records)

    def one(records: Records) -> Verdict:
        environments = of_type(records, r.MACHINES)
        return every("there is one set of machines", r.MACHINES, holds=lambda _: len(environments) == 1)(
            records
        )

    return all_of(
        one,
        every("it starts no more cores and memory than the share", r.MACHINES, holds=within),
        disks,
        none("nothing else computes", *OTHER_MACHINES),
    )


def _machines(record: Record) -> float:
    said = record.inputs["computeResources"]
    return said["maxVcpus"] / _CORES[said["instanceTypes"][0].partition(".")[2]]


def _disk(record: Record) -> float:
    return sum(each["ebs"].get("volumeSize", 0) for each in record.inputs.get("blockDeviceMappings", []))


def budget(asked: Mapping[str, Any]) -> Proof:
    """Return the proof that computing stops when the budget is spent."""
    own_tag = f"{asked['site']}/{asked['scope']}"
    own = f"user:tre-project${own_tag}"

    def counts_own(record: Record) -> bool:
        said = record.inputs
        filters = [value for each in said.get("costFilters", []) for value in each["values"]]
        return filters == [own] and said["timeUnit"] == "CUSTOM" and float(said["limitAmount"]) > 0

    def counted(record: Record) -> bool:
        said = {each["resourceType"]: each["tags"] for each in record.inputs.get("tagSpecifications", [])}
        return all(said.get(kind, {}).get("tre-project") == own_tag for kind in ("instance", "volume"))

    return all_of(
        every("the budget counts this project over its whole life", r.BUDGET, holds=counts_own),
        every(
            "everything that costs is counted to it",
            *COSTING,
            holds=lambda record: record.inputs.get("tags", {}).get("tre-project") == own_tag,
        ),
        every("and so are machines and disks", r.TEMPLATE, holds=counted),
        every("when it is spent, AWS acts without asking", r.ACTION, holds=_acts),
        _takes_rights,
        every(
            "no job outlasts its deadline",
            r.JOB,
            holds=lambda record: (
                record.inputs.get("timeout", {}).get("attemptDurationSeconds")
                == asked["deadline_hours"] * 3600
            ),
        ),
    )


def _acts(record: Record) -> bool:
    said = record.inputs
    threshold = said.get("actionThreshold", {})
    return (
        said.get("approvalModel") == "AUTOMATIC"
        and said.get("notificationType") == "ACTUAL"
        and threshold.get("actionThresholdType") == "PERCENTAGE"
        and threshold.get("actionThresholdValue", 101) <= 100
    )


def _takes_rights(records: Records) -> Verdict:
    """Follow the action to its policy and role, and the machines to the same role."""
    applied = [each.inputs["definition"]["iamActionDefinition"] for each in of_type(records, r.ACTION)]
    arns = {each["policyArn"] for each in applied}
    names = {name for each in applied for name in each.get("roles", [])}
    starts = [
        Request("arn:aws:iam::1:role/batch", action, "*") for action in ("ec2:RunInstances", "ecs:RunTask")
    ]
    return all_of(
        some(
            "what it applies forbids starting machines and jobs",
            r.POLICY,
            holds=lambda record: f"{record.name}.arn" in arns and r.refuses(record, *starts),
        ),
        some(
            "it applies to the role that starts them",
            r.ROLE,
            holds=lambda record: record.inputs.get("name") in names,
        ),
        every(
            "which is the role of the machines",
            r.MACHINES,
            holds=lambda record: any(
                record.inputs["serviceRole"] == f"{role.name}.arn"
                for role in of_type(records, r.ROLE)
                if role.inputs.get("name") in names
            ),
        ),
    )(records)
