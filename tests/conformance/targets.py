"""A sample target per backend."""

from __future__ import annotations

import datetime
from typing import Final

from components.backend import Target
from providers.aws.target import AwsTarget
from providers.kubernetes.target import KubernetesTarget

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
    "kubernetes": KubernetesTarget(backend="kubernetes"),
}
