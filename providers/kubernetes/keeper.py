"""The keeper: ends access on its day, stops compute when a budget is spent or a project is over.

Runs every minute in the site's own namespace and imports nothing but the standard library. It holds no state
of its own: what each pod cost so far stands in a ConfigMap of the project, and every run may be the first.
"""

import datetime
import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LEDGER = "spent"
STOP = "stopped"
TODAY = datetime.datetime.now(datetime.UTC).date().isoformat()


class Cluster:
    """The API server, as this pod's own service account."""

    def __init__(self) -> None:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        self._base = f"https://{host}:{port}"
        self._trust = ssl.create_default_context(cafile=str(MOUNT / "ca.crt"))
        self._token = (MOUNT / "token").read_text().strip()

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """Send a request; None where there is nothing."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        request = urllib.request.Request(self._base + path, data, headers, method=method)  # noqa: S310 # our own server
        try:
            with urllib.request.urlopen(request, context=self._trust, timeout=20) as answer:  # noqa: S310
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def items(self, path: str) -> "list[dict[str, Any]]":
        """Return a collection's objects."""
        found: dict[str, Any] = self.ask("GET", path) or {}
        return found.get("items") or []


def amount(quantity: str) -> float:
    """Return a Kubernetes quantity as a number (cores or bytes)."""
    for suffix, factor in (
        ("Ki", 2**10),
        ("Mi", 2**20),
        ("Gi", 2**30),
        ("Ti", 2**40),
        ("m", 1e-3),
        ("k", 1e3),
    ):
        if quantity.endswith(suffix):
            return float(quantity[: -len(suffix)]) * factor
    return float(quantity)


def hours(pod: dict[str, Any], now: datetime.datetime) -> float:
    """Return how long a pod has run: from its start to its last container's end, or to now."""
    status = pod.get("status", {})
    if not status.get("startTime"):
        return 0.0
    ends = [
        each.get("state", {}).get("terminated", {}).get("finishedAt")
        for each in status.get("containerStatuses", [])
    ]
    over = status.get("phase") in ("Succeeded", "Failed") and all(ends) and ends
    end = max(map(moment, ends)) if over else now
    return max((end - moment(status["startTime"])).total_seconds(), 0.0) / 3600


def moment(text: str) -> datetime.datetime:
    """Return a Kubernetes timestamp."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def cost(pod: dict[str, Any], prices: dict[str, float], now: datetime.datetime) -> float:
    """Return what a pod has cost: the limits it holds, by the hour."""
    rate = 0.0
    for container in pod["spec"]["containers"]:
        limits = container.get("resources", {}).get("limits", {})
        rate += amount(limits.get("cpu", "0")) * prices["cpu_hour"]
        rate += amount(limits.get("memory", "0")) / 2**30 * prices["memory_gib_hour"]
        rate += amount(limits.get("nvidia.com/gpu", "0")) * prices["gpu_hour"]
    return rate * hours(pod, now)


def spend(ledger: dict[str, Any], pods: list[dict[str, Any]], prices: dict[str, float]) -> dict[str, Any]:
    """Return the ledger brought up to now: pods that are gone are settled at what they had cost."""
    now = datetime.datetime.now(datetime.UTC)
    present = {pod["metadata"]["uid"]: cost(pod, prices, now) for pod in pods}
    gone = sum(value for uid, value in ledger.get("pods", {}).items() if uid not in present)
    settled = ledger.get("settled", 0.0) + gone
    return {"settled": settled, "pods": present, "total": settled + sum(present.values())}


def reason(total: float, budget: dict[str, Any], terms: dict[str, Any], currency: str) -> str:
    """Return why a project's compute must stop, or nothing. What cannot be judged stops it."""
    if terms["ends"] < TODAY:
        return f"the approval ended on {terms['ends']}"
    if budget["currency"] != currency:
        return f"the budget is in {budget['currency']} and prices are in {currency}"
    if total >= budget["amount"]:
        return f"the budget of {budget['amount']} {currency} is spent"
    return ""


def configuration(cluster: Cluster, root: str, name: str, key: str) -> Any:
    """Return a JSON document that a project's ConfigMap holds."""
    found = cluster.ask("GET", f"{root}/configmaps/{name}")
    return json.loads(found["data"][key]) if found else None


def keep_budget(cluster: Cluster, place: str, prices: dict[str, Any]) -> None:
    """Bring a project's ledger up to now, and stop or allow its compute."""
    root = f"/api/v1/namespaces/{place}"
    budget, terms = (
        configuration(cluster, root, "workspace", "budget.json"),
        configuration(cluster, root, "terms", "terms.json"),
    )
    if budget is None or terms is None:
        return
    pods = cluster.items(f"{root}/pods")
    ledger = spend(configuration(cluster, root, LEDGER, "ledger.json") or {}, pods, prices)
    why = reason(ledger["total"], budget, terms, prices["currency"])
    write(cluster, root, "configmaps", LEDGER, {"data": {"ledger.json": json.dumps(ledger), "stopped": why}})
    if why:
        stop(cluster, root, pods)
    else:
        cluster.ask("DELETE", f"{root}/resourcequotas/{STOP}")


def stop(cluster: Cluster, root: str, pods: list[dict[str, Any]]) -> None:
    """Admit no further pod, then end those that run."""
    write(cluster, root, "resourcequotas", STOP, {"spec": {"hard": {"pods": "0"}}})
    for pod in pods:
        if pod["status"].get("phase") in ("Pending", "Running"):
            cluster.ask("DELETE", f"{root}/pods/{pod['metadata']['name']}")


def write(cluster: Cluster, root: str, resource: str, name: str, fields: dict[str, Any]) -> None:
    """Make an object of our own so, by server-side apply."""
    kind = {"configmaps": "ConfigMap", "resourcequotas": "ResourceQuota"}[resource]
    body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **fields}
    path = f"{root}/{resource}/{name}?fieldManager=tre-keeper&force=true"
    cluster.ask("PATCH", path, body, "application/apply-patch+yaml")


def end_access(cluster: Cluster, place: str) -> None:
    """Take away every right that is past its last day."""
    root = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{place}/rolebindings"
    for binding in cluster.items(root):
        notes: dict[str, str] = binding["metadata"].get("annotations") or {}
        last = notes.get("tre/expires")
        if last and last < TODAY:
            cluster.ask("DELETE", f"{root}/{binding['metadata']['name']}")


def main() -> None:
    """Visit every project of the site; trouble with one does not keep the others waiting."""
    site, prices = sys.argv[1], json.loads(sys.argv[2])
    cluster = Cluster()
    troubled: list[str] = []
    for namespace in cluster.items(f"/api/v1/namespaces?labelSelector=tre/site%3D{site}"):
        place = namespace["metadata"]["name"]
        if namespace["metadata"]["labels"].get("tre/project") == "site":
            continue
        try:
            end_access(cluster, place)
            keep_budget(cluster, place, prices)
        except (urllib.error.URLError, KeyError, ValueError) as error:
            troubled.append(f"{place}: {error}")
    if troubled:
        sys.exit("; ".join(troubled))


if __name__ == "__main__":
    main()
