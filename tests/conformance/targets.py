"""A sample target per backend."""

from __future__ import annotations

import datetime
from typing import Final

from components.backend import Target
from providers.aws.target import AwsTarget
from providers.azure.target import AzureTarget
from providers.kubernetes.target import KubernetesTarget

_ID: Final = "00000000-0000-4000-8000-000000000000"
_SHARED: Final = f"/subscriptions/{_ID}/resourceGroups/tre-shared/providers"

TARGETS: Final[dict[str, Target]] = {
    "aws": AwsTarget(
        backend="aws",
        account="123456789012",
        region="eu-west-2",
        deployer="arn:aws:iam::123456789012:role/tre-deployer",
        machine_image="ami-0123456789abcdef0",
        contacts=("tre@example.org",),
        spend_from=datetime.date(2026, 1, 1),
        rates={"GBP": 1.25},
        desktop="secure-browser",
    ),
    "azure": AzureTarget(
        backend="azure",
        subscription=_ID,
        tenant=_ID,
        region="uksouth",
        machine_image=f"{_SHARED}/Microsoft.Compute/galleries/tre/images/machine/versions/1.0.0",
        registry=f"{_SHARED}/Microsoft.ContainerRegistry/registries/treimages",
        break_glass_key="ssh-rsa AAAAB3NzaC1yc2E= operators",
        contacts=("tre@example.org",),
        spend_from=datetime.date(2026, 1, 1),
    ),
    "kubernetes": KubernetesTarget(backend="kubernetes"),
}
