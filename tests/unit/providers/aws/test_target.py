"""A wrong target is refused with a good value to copy."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from providers.aws.target import AwsTarget

GOOD: dict[str, Any] = {
    "backend": "aws",
    "account": "123456789012",
    "region": "eu-west-2",
    "deployer": "arn:aws:iam::123456789012:role/tre-deployer",
    "machine_image": "ami-0123456789abcdef0",
    "contacts": ("tre@example.org",),
    "spend_from": datetime.date(2026, 1, 1),
}


def test_a_good_target_is_taken() -> None:
    assert AwsTarget(**GOOD).zones == ("a", "b")


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("account", "1234", "123456789012"),
        ("region", "London", "eu-west-2"),
        ("region", "cn-north-1", "eu-west-2"),
        ("deployer", "tre-deployer", "arn:aws:iam::123456789012:role/tre-deployer"),
        ("deployer", "arn:aws:iam::210987654321:role/other", "arn:aws:iam::123456789012:role/tre-deployer"),
        ("machine_image", "debian", "ami-0123456789abcdef0"),
        ("network", "8.8.8.0/20", "10.96.0.0/20"),
        ("network", "10.0.0.1/20", "10.96.0.0/20"),
        ("network", "10.0.0.0/28", "10.96.0.0/20"),
        ("key_store", "hsm", "cks-0123456789abcdef0"),
        ("contacts", ("nobody",), "tre@example.org"),
    ],
)
def test_a_wrong_value_is_refused_with_a_good_one(field: str, value: Any, shown: str) -> None:
    with pytest.raises(ValidationError) as refused:
        AwsTarget(**{**GOOD, field: value})
    assert shown in str(refused.value)


@pytest.mark.parametrize(("field", "value"), [("contacts", ()), ("zones", ("a",)), ("rates", {"GBP": 0.0})])
def test_too_few_or_too_little_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        AwsTarget(**{**GOOD, field: value})
