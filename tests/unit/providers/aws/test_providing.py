"""The connection goes to the target's own account and region."""

from __future__ import annotations

import json

from providers.aws.providing import connection
from providers.aws.target import AwsTarget
from tests.conformance.targets import TARGETS
from tre.engine.record import record


def test_credentials_of_another_account_are_refused() -> None:
    target = TARGETS["aws"]
    assert isinstance(target, AwsTarget)
    (made,) = record(lambda: _connect(target))
    assert json.loads(made.inputs["allowedAccountIds"]) == [target.account]
    assert made.inputs["region"] == target.region


def _connect(target: AwsTarget) -> None:
    connection(target)
