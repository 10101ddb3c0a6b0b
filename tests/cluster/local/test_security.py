"""Who may ask the API server, what is kept encrypted, and what is recorded."""

from __future__ import annotations

import json
import ssl
import stat
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest

from providers.kubernetes.cluster import ClusterInfo
from providers.kubernetes.cluster.network import NODE_NAME
from tests.cluster.kubectl import Document, Kubectl, eventually

pytestmark = pytest.mark.cluster


def test_nobody_is_served_without_a_certificate(cluster: ClusterInfo) -> None:
    unverified = ssl._create_unverified_context()  # pyright: ignore[reportPrivateUsage] - the test has no CA file
    for path in ("/api", "/version", "/readyz"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{cluster.api}{path}", context=unverified, timeout=5)
        assert refused.value.code == 401


def test_the_kubeconfig_and_every_key_are_private(cluster: ClusterInfo) -> None:
    files = [cluster.kubeconfig, *(cluster.kubeconfig.parent / "pki").iterdir()]
    assert len(files) > 20
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    config = json.loads(cluster.kubeconfig.read_text())
    assert set(config["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}


def test_the_administrator_s_rights_can_be_taken_away(kubectl: Kubectl) -> None:
    who = json.loads(kubectl.run("auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert "system:masters" not in who["groups"]


def test_secrets_are_encrypted_where_they_are_kept(
    kubectl: Kubectl, cluster: ClusterInfo, namespace: str
) -> None:
    open_text, secret_text = uuid.uuid4().hex, uuid.uuid4().hex
    metadata = {"name": "probe", "namespace": namespace}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": open_text}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": secret_text}},
    )
    stored = cluster.kubeconfig.parent / "etcd"
    eventually(lambda: _holds(stored, open_text), "the positive control: a ConfigMap is kept as it is")
    assert not _holds(stored, secret_text)


def test_the_audit_log_tells_who_did_what_and_no_secret(
    kubectl: Kubectl, cluster: ClusterInfo, namespace: str
) -> None:
    secret_text = uuid.uuid4().hex
    metadata = {"name": "audited", "namespace": namespace}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": secret_text}}
    )
    rules: Document = {"podSelector": {}, "policyTypes": ["Ingress"]}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    kubectl.apply({**kind, "metadata": metadata, "spec": rules})
    text = cluster.audit_log.read_text()
    events = [json.loads(line) for line in text.splitlines() if namespace in line]
    seen = {event["objectRef"]["resource"]: event for event in events if event["verb"] == "create"}
    assert seen["secrets"]["level"] == "Metadata"
    assert seen["networkpolicies"]["level"] == "Request"
    assert seen["networkpolicies"]["requestObject"]["spec"]["policyTypes"] == ["Ingress"]
    assert seen["secrets"]["user"]["username"] == "tre:administrator"
    assert secret_text not in text


def test_the_node_may_touch_only_what_is_its_own(kubectl: Kubectl) -> None:
    node = ("--as", f"system:node:{NODE_NAME}", "--as-group", "system:nodes")
    assert kubectl.attempt("get", "secrets", "-A", *node).returncode != 0
    relabel = ("label", "node", NODE_NAME, "node-restriction.kubernetes.io/x=y", "--dry-run=server", *node)
    assert kubectl.attempt(*relabel).returncode != 0


def _holds(folder: Path, text: str) -> bool:
    return any(text.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file())
