"""A wrong target is refused with a good value to copy."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from providers.azure.target import AzureTarget
from tests.conformance.targets import TARGETS

GOOD: dict[str, Any] = TARGETS["azure"].model_dump()


def test_a_good_target_is_taken() -> None:
    assert AzureTarget(**GOOD).spend_from == datetime.date(2026, 1, 1)


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("subscription", "my subscription", "00000000-0000-4000-8000-000000000000"),
        ("tenant", "EXAMPLE.ORG", "00000000-0000-4000-8000-000000000000"),
        ("region", "UK South", "uksouth"),
        ("region", "chinaeast2", "uksouth"),
        ("machine_image", "ubuntu", "/versions/1.0.0"),
        ("machine_image", GOOD["machine_image"].replace("1.0.0", "latest"), "/versions/1.0.0"),
        ("registry", "treimages.azurecr.io", "/Microsoft.ContainerRegistry/registries/treimages"),
        ("break_glass_key", "-----BEGIN OPENSSH PRIVATE KEY-----", "ssh-rsa"),
        ("billing_currency", "pounds", "GBP"),
        ("network", "8.8.8.0/20", "10.96.0.0/20"),
        ("network", "10.0.0.0/28", "10.96.0.0/20"),
        ("contacts", ("nobody",), "tre@example.org"),
    ],
)
def test_a_wrong_value_is_refused_with_a_good_one(field: str, value: Any, shown: str) -> None:
    with pytest.raises(ValidationError) as refused:
        AzureTarget(**{**GOOD, field: value})
    assert shown in str(refused.value)
