"""The keeper's sums and judgements; what it does to a cluster is tried in tests/cluster."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.kubernetes import keeper

PRICES: dict[str, Any] = {"currency": "GBP", "cpu_hour": 1.0, "memory_gib_hour": 0.5, "gpu_hour": 2.0}
NOW = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.UTC)
TERMS = {"ends": "2999-01-01"}
BUDGET: dict[str, Any] = {"amount": 10.0, "currency": "GBP"}


def _pod(uid: str = "a", start: str = "2030-01-01T10:00:00Z", end: str = "") -> dict[str, Any]:
    limits = {"cpu": "500m", "memory": "2Gi"}
    state: dict[str, Any] = {"terminated": {"finishedAt": end}} if end else {"running": {}}
    return {
        "metadata": {"uid": uid},
        "spec": {"containers": [{"resources": {"limits": limits}}]},
        "status": {
            "startTime": start,
            "phase": "Succeeded" if end else "Running",
            "containerStatuses": [{"state": state}],
        },
    }


@pytest.mark.parametrize(
    ("text", "value"), [("2", 2.0), ("500m", 0.5), ("1Gi", 2.0**30), ("64Mi", 2.0**26), ("1k", 1000.0)]
)
def test_quantities(text: str, value: float) -> None:
    assert keeper.amount(text) == value


def test_a_running_pod_costs_until_now() -> None:
    assert keeper.cost(_pod(), PRICES, NOW) == pytest.approx(2 * (0.5 * 1.0 + 2 * 0.5))


def test_an_ended_pod_costs_until_its_end() -> None:
    ended = _pod(end="2030-01-01T11:00:00Z")
    assert keeper.cost(ended, PRICES, NOW) == pytest.approx(1 * (0.5 * 1.0 + 2 * 0.5))


def test_a_pod_that_never_started_costs_nothing() -> None:
    assert keeper.cost({**_pod(), "status": {"phase": "Pending"}}, PRICES, NOW) == 0


def test_a_pod_that_is_gone_stays_paid_for() -> None:
    ledger = keeper.spend({}, [_pod("a", end="2030-01-01T11:00:00Z")], PRICES)
    later = keeper.spend(ledger, [], PRICES)
    assert later["total"] == pytest.approx(ledger["total"]) == pytest.approx(1.5)


@given(st.lists(st.lists(st.sampled_from("abcdef"), unique=True), max_size=8))
def test_spending_never_shrinks_as_pods_come_and_go(rounds: list[list[str]]) -> None:
    ledger: dict[str, Any] = {}
    total, seen = 0.0, set[str]()
    for present in rounds:
        # A pod that is gone does not come back: its uid is its own.
        pods = [
            _pod(uid, end="2030-01-01T11:00:00Z")
            for uid in present
            if uid in ledger.get("pods", {}) or uid not in seen
        ]
        seen |= {pod["metadata"]["uid"] for pod in pods}
        ledger = keeper.spend(ledger, pods, PRICES)
        assert ledger["total"] >= total - 1e-9
        total = ledger["total"]
    assert total == pytest.approx(1.5 * len(seen))


@pytest.mark.parametrize(
    ("total", "budget", "terms", "currency", "word"),
    [
        (9.99, BUDGET, TERMS, "GBP", ""),
        (10.0, BUDGET, TERMS, "GBP", "spent"),
        (0.0, BUDGET, {"ends": "2001-01-01"}, "GBP", "ended"),
        (0.0, BUDGET, TERMS, "EUR", "prices are in EUR"),
    ],
)
def test_why_compute_stops(
    total: float, budget: dict[str, Any], terms: dict[str, Any], currency: str, word: str
) -> None:
    found = keeper.reason(total, budget, terms, currency)
    assert word in found
    assert bool(found) == bool(word)
