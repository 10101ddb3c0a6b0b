"""What may be asked through each door that the workspace's network has."""

from __future__ import annotations

from collections.abc import Mapping

from providers.aws import policies
from providers.aws.names import Place
from providers.aws.statements import Statement, document


def agent(place: Place, repository: str) -> str:
    """Return what the machines need of ECS and ECR: the agent's calls, and pulls of the project's own images."""
    pulls = [each for each in policies.PULL if each != "ecr:GetAuthorizationToken"]
    token = Statement("Token", "Allow", ["ecr:GetAuthorizationToken"])
    return document(
        Statement("Agent", "Allow", policies.AGENT),
        token,
        Statement("PullOwnImages", "Allow", pulls, [place.arn("ecr", f"repository/{repository}")]),
    )


def door(actions: tuple[str, ...], place: Place, resources: tuple[str, ...] = ("*",)) -> str:
    """Return an endpoint's policy: these actions on these resources, for our account's own principals."""
    ours = {"StringEquals": {"aws:PrincipalAccount": place.account}}
    return document(Statement("Ours", "Allow", actions, resources, "*", ours))


def registry(place: Place, repository: str) -> str:
    """Return the policy of the registry's doors: pulling from the project's own repository, nothing pushed."""
    ours = {"StringEquals": {"aws:PrincipalAccount": place.account}}
    pulls = [each for each in policies.PULL if each != "ecr:GetAuthorizationToken"]
    own = [place.arn("ecr", f"repository/{repository}")]
    return document(
        Statement("Token", "Allow", ["ecr:GetAuthorizationToken"], ("*",), "*", ours),
        Statement("PullOwnImages", "Allow", pulls, own, "*", ours),
    )


def storage(place: Place) -> str:
    """Return the policy of S3's door: the project's own data by its access points, and layers of images.

    The layers lie in a bucket of AWS's that ECR hands out signed addresses to ("Amazon ECR interface VPC
    endpoints", minimum S3 permissions); nothing can be written there.
    """
    ours = {"StringEquals": {"aws:PrincipalAccount": place.account, "aws:ResourceAccount": place.account}}
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListBucket"]
    own = [
        each
        for part in policies.PARTS
        for each in (
            f"{place.access_point(part)}/object/*",
            place.access_point(part),
            f"{place.bucket_arn(part)}/*",
            place.bucket_arn(part),
        )
    ]
    layers = f"arn:{place.partition}:s3:::prod-{place.region}-starport-layer-bucket/*"
    return document(
        Statement("OwnData", "Allow", actions, own, "*", ours),
        Statement("ImageLayers", "Allow", ["s3:GetObject"], [layers], "*"),
    )


def access_points(place: Place) -> Mapping[str, str]:
    """Return the policy of each part's access point: once more who may do what, where the network begins."""
    rights = {
        "inputs": {"analyst": ["s3:GetObject"], "loader": ["s3:GetObject", "s3:PutObject"]},
        "working": {"analyst": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]},
        "outbox": {"analyst": ["s3:PutObject"]},
    }
    return {part: document(*_rights(place, part, by_role)) for part, by_role in rights.items()}


def _rights(place: Place, part: str, by_role: Mapping[str, list[str]]) -> list[Statement]:
    point = place.access_point(part)
    statements: list[Statement] = []
    for role, actions in by_role.items():
        whom = {"AWS": place.role_arn(role)}
        name = role.capitalize()
        statements += [
            Statement(f"{name}Objects", "Allow", actions, [f"{point}/object/*"], whom),
            Statement(f"{name}Lists", "Allow", ["s3:ListBucket"], [point], whom),
        ]
    return statements


def stop_computing() -> str:
    """Return what a spent budget takes away: starting machines and jobs. Ending them stays allowed."""
    return document(
        Statement(
            "NothingStarts",
            "Deny",
            [
                "autoscaling:CreateAutoScalingGroup",
                "autoscaling:SetDesiredCapacity",
                "autoscaling:UpdateAutoScalingGroup",
                "ec2:CreateFleet",
                "ec2:RequestSpotFleet",
                "ec2:RequestSpotInstances",
                "ec2:RunInstances",
                "ecs:RunTask",
                "ecs:StartTask",
            ],
        )
    )
