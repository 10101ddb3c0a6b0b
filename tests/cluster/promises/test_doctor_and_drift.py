"""The check before deploying can fail, and a deployment sets right what somebody changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.backend import Scope
from providers.kubernetes.cluster import ClusterInfo
from providers.kubernetes.live import KubernetesLive, doctor
from providers.kubernetes.live.connection import Connection
from providers.kubernetes.target import KubernetesTarget, Storage
from tre import cli

pytestmark = pytest.mark.cluster
DOOR = "/apis/networking.k8s.io/v1/namespaces/tre-p-proof--alpha/networkpolicies/allow-airlock"


def _found(target: KubernetesTarget, tier: int) -> Mapping[str, bool]:
    return {what: holds for what, holds, _, _ in doctor.check(target, tier)}


def test_the_local_cluster_passes(live: KubernetesLive) -> None:
    assert set(_found(KubernetesTarget(backend="kubernetes"), 4).values()) == {True}


def test_a_cluster_that_accepts_policies_and_ignores_them_is_found_out(
    live: KubernetesLive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such clusters exist (a managed one whose policy engine is off): the canary's policy never arrives here."""

    def ignored(self: Connection, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return body

    monkeypatch.setattr(Connection, "apply", ignored)
    assert _found(KubernetesTarget(backend="kubernetes"), 2)["network policies enforced"] is False


@pytest.mark.parametrize(("tier", "holds"), [(1, True), (2, False)])
def test_storage_that_does_not_encrypt_is_refused_from_personal_data_on(tier: int, holds: bool) -> None:
    target = KubernetesTarget(backend="kubernetes", storage=Storage(encrypted=False))
    assert _found(target, tier)["encrypted storage"] is holds


@pytest.mark.parametrize(("tier", "holds"), [(1, True), (2, False)])
def test_a_cluster_that_cannot_be_tried_is_refused_from_personal_data_on(
    cluster: ClusterInfo, tier: int, holds: bool
) -> None:
    target = KubernetesTarget(backend="kubernetes", kubeconfig=str(cluster.kubeconfig))
    assert _found(target, tier)["network policies enforced"] is holds


def test_a_missing_kubeconfig_says_what_to_do(tmp_path: Path) -> None:
    target = KubernetesTarget(backend="kubernetes", kubeconfig=str(tmp_path / "none"))
    [(_, holds, found, remedy)] = doctor.check(target, 2)
    assert not holds
    assert "none" in found
    assert "tre cluster up" in remedy


def test_what_was_changed_by_hand_is_set_right(live: KubernetesLive, alpha: Scope, site: Path) -> None:
    live.connection.merge(DOOR, {"spec": {"egress": [{}]}})
    assert not live.deployed(alpha)["workspace/egress-only-through-airlock"].kept
    assert cli.execute(["up", "proof", "--yes", "--refresh", "--folder", str(site)]) == 0
    assert {name for name, verdict in live.deployed(alpha).items() if not verdict.kept} == set()
