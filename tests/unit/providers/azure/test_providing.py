"""The connection goes to the target's own subscription and tenant."""

from __future__ import annotations

from providers.azure.providing import connection
from providers.azure.target import AzureTarget
from tests.conformance.targets import TARGETS
from tre.engine.record import record


def test_the_subscription_and_tenant_are_the_targets() -> None:
    target = TARGETS["azure"]
    assert isinstance(target, AzureTarget)
    (made,) = record(lambda: _connect(target))
    assert made.inputs["subscriptionId"] == target.subscription
    assert made.inputs["tenantId"] == target.tenant


def _connect(target: AzureTarget) -> None:
    connection(target)
