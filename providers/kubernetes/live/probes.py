"""Depth *probed*: attempts from inside each workspace and from outside it, each with a positive control.

A pod in a namespace without policies makes the same attempts: what it cannot reach either proves nothing, and
is not counted. Attempts at the API server are real requests with `dryRun`, so admission decides and nothing
is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from components.backend import Scope
from components.contract import Verdict
from providers.kubernetes import names
from providers.kubernetes.airlock import INSIDE_PORT
from providers.kubernetes.doors.database import NAME as DATABASE
from providers.kubernetes.doors.database import PORT as DATABASE_PORT
from providers.kubernetes.doors.pods import SERVICE
from providers.kubernetes.evidence.view import at, listed
from providers.kubernetes.live import airlock_probes, jobs, requests
from providers.kubernetes.live.connection import Connection
from providers.kubernetes.live.stage import LISTEN_PORT, Attempt, Stage, door_labels, labels_of, stage
from providers.kubernetes.target import KubernetesTarget

_OTHER_PORT: Final = 9443
_OUTSIDE_NAME: Final = "outside.example"
_INSIDE_NAME: Final = "kubernetes.default.svc.cluster.local"

# Which attempts must fail, and which must succeed for the failures to mean anything, for each promise.
_INSIDE: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "workspace/no-route-to-internet": (("internet",), ("own project",)),
    "workspace/no-path-to-control-plane": (("api server", "node", "metadata", "token"), ("own project",)),
    "workspace/no-path-to-other-projects": (("neighbour",), ("own project",)),
    "workspace/inside-names-only": (("outside name", "other name server"), ("inside name",)),
    "workspace/no-privilege": (("root", "capable"), ()),
    "workspace/egress-only-through-airlock": (("airlock's other port", "unconfined"), ("airlock",)),
    "data_store/inputs-read-only": (("write inputs",), ("write working",)),
}


@dataclass(frozen=True)
class Places:
    """Where the listeners are, by name of the attempt that tries to reach them."""

    projects: Mapping[str, str]
    airlock: str
    control: str
    outside: Sequence[Attempt]


def run(
    connection: Connection,
    target: KubernetesTarget,
    scopes: Sequence[Scope],
    say: Callable[[str], None],
) -> Mapping[str, Mapping[str, Verdict]]:
    """Try to break out of each scope and return, by project, a verdict for each promise that was tried."""
    with _open(connection, scopes) as opened:
        found = _walls(opened, scopes, say)
        doors: Mapping[str, dict[str, Verdict]] = {}
        if _own_sign_in(connection, scopes):
            doors = airlock_probes.run(connection, target, scopes, opened, say)
        return {project: _joined(each, doors.get(project, {})) for project, each in found.items()}


def walls(
    connection: Connection, scopes: Sequence[Scope], say: Callable[[str], None]
) -> Mapping[str, Mapping[str, Verdict]]:
    """Try the networks and the API server alone, without anybody signing in."""
    with _open(connection, scopes) as opened:
        return _walls(opened, scopes, say)


def _open(connection: Connection, scopes: Sequence[Scope]) -> AbstractContextManager[Stage]:
    return stage(connection, str(jobs.template(connection, scopes[0])["image"]))


def _walls(
    opened: Stage, scopes: Sequence[Scope], say: Callable[[str], None]
) -> Mapping[str, dict[str, Verdict]]:
    say("starting listeners")
    places = _listen(opened, scopes)
    say(f"trying to break out of {', '.join(scope.project for scope in scopes)}")
    control, inside = _try(opened, scopes, places)
    from_door = _from_outside_door(opened, scopes, places)
    say("asking the API server for what it must refuse")
    return {
        scope.project: {
            **_network(inside[scope.project], control),
            **from_door,
            **requests.verdicts(opened.connection, scope, opened.image, opened.control),
        }
        for scope in scopes
    }


def _own_sign_in(connection: Connection, scopes: Sequence[Scope]) -> bool:
    """Tell whether the site has a sign-in service of its own, at which made-up people can sign in."""
    place = names.site_namespace(scopes[0].site, "identity")
    return connection.get(f"/apis/apps/v1/namespaces/{place}/deployments/sign-in") is not None


def _joined(walls: Mapping[str, Verdict], doors: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Return both; a promise that both have tried is kept where both found it kept."""
    both = {name: requests.both(walls[name], doors[name]) for name in walls.keys() & doors.keys()}
    return {**walls, **doors, **both}


def _listen(opened: Stage, scopes: Sequence[Scope]) -> Places:
    airlock = names.site_namespace(scopes[0].site, "airlock")
    pods = {scope.project: opened.listener(_place(scope), labels_of(scope), LISTEN_PORT) for scope in scopes}
    door = opened.listener(airlock, door_labels(scopes[0]), INSIDE_PORT, _OTHER_PORT)
    free = opened.listener(opened.control, {}, LISTEN_PORT)
    return Places(
        projects={scope.project: opened.address(_place(scope), pods[scope.project]) for scope in scopes},
        airlock=opened.address(airlock, door),
        control=opened.address(opened.control, free),
        outside=_outside(opened.connection),
    )


def _place(scope: Scope) -> str:
    return names.namespace(scope.site, scope.project)


def _outside(connection: Connection) -> list[Attempt]:
    """Return the attempts at what lies outside: the made-up internet, metadata, the API server, the node."""
    service = connection.get("/api/v1/namespaces/default/services/kubernetes")
    nodes = connection.items("/api/v1/nodes")
    node = next(
        (each["address"] for each in listed(nodes[0], "status", "addresses") if each["type"] == "InternalIP"),
        "",
    )
    internet, metadata = _made_up()
    return [
        _tcp("internet", internet, 80),
        _tcp("metadata", metadata, 80),
        _tcp("api server", str(at(service, "spec", "clusterIP")), 443),
        _tcp("node", str(node), 10250),
        {"name": "other name server", "kind": "udp", "host": internet, "port": 53, "expect": False},
    ]


def _made_up() -> tuple[str, str]:
    """Return the addresses of the made-up internet host and of the metadata service, that the cluster has."""
    from providers.kubernetes import cluster

    found = cluster.status()
    return found.internet, found.metadata


def _tcp(name: str, host: str, port: int, *, expect: bool = False) -> Attempt:
    return {"name": name, "kind": "tcp", "host": host, "port": port, "expect": expect}


def _plan(scope: Scope, places: Places) -> list[Attempt]:
    neighbours = [
        _tcp(f"neighbour {project}", address, LISTEN_PORT)
        for project, address in places.projects.items()
        if project != scope.project
    ]
    return [
        *places.outside,
        *neighbours,
        _tcp("own project", places.projects[scope.project], LISTEN_PORT, expect=True),
        _tcp("airlock", places.airlock, INSIDE_PORT, expect=True),
        _tcp("airlock's other port", places.airlock, _OTHER_PORT),
        _tcp("unconfined", places.control, LISTEN_PORT),
        {"name": "outside name", "kind": "resolve", "host": _OUTSIDE_NAME, "expect": False},
        {"name": "inside name", "kind": "resolve", "host": _INSIDE_NAME, "expect": True},
        {"name": "write inputs", "kind": "write", "path": "/inputs", "expect": False},
        {"name": "write working", "kind": "write", "path": "/working", "expect": True},
        *({"name": kind, "kind": kind, "expect": False} for kind in ("root", "capable", "token")),
    ]


def _try(
    opened: Stage, scopes: Sequence[Scope], places: Places
) -> tuple[Mapping[str, str], Mapping[str, Mapping[str, str]]]:
    """Run the attempts in each project and in the open, and return what each met."""
    pods = {
        scope.project: opened.probe(_place(scope), labels_of(scope), _plan(scope, places), claims=True)
        for scope in scopes
    }
    free: list[Attempt] = [{**each, "expect": True, "patience": 2} for each in places.outside]
    free.append(_tcp("unconfined", places.control, LISTEN_PORT, expect=True))
    control = opened.probe(opened.control, {}, free, claims=False)
    met = {scope.project: opened.results(_place(scope), pods[scope.project]) for scope in scopes}
    return opened.results(opened.control, control), met


def _from_outside_door(opened: Stage, scopes: Sequence[Scope], places: Places) -> dict[str, Verdict]:
    """Try to reach every workspace as the outside door: a pod that has its labels, and gets no calls of its own."""
    place = names.site_namespace(scopes[0].site, "airlock")
    plan = [
        _tcp(f"workspace of {project}", address, LISTEN_PORT) for project, address in places.projects.items()
    ]
    plan.append(_tcp("database", f"{DATABASE}.{place}.svc.cluster.local", DATABASE_PORT, expect=True))
    labels = {f"{names.LABEL}/door": "outside", SERVICE: "outside", f"{names.LABEL}/role": "probe"}
    met = opened.results(place, opened.probe(place, labels, plan, claims=False, unready=True))
    verdict = _verdict(("workspace of",), ("database",), met, {})
    return {"airlock/outside-cannot-reach-workspace": verdict} if verdict else {}


def _network(met: Mapping[str, str], control: Mapping[str, str]) -> dict[str, Verdict]:
    found = {promise: _verdict(fail, succeed, met, control) for promise, (fail, succeed) in _INSIDE.items()}
    return {promise: verdict for promise, verdict in found.items() if verdict is not None}


def _verdict(
    fail: Sequence[str], succeed: Sequence[str], met: Mapping[str, str], control: Mapping[str, str]
) -> Verdict | None:
    """Judge one promise; None where no attempt counted, so that nothing was proved."""
    silent = [name for name in succeed if met.get(name) != "ok"]
    if silent:
        return Verdict(False, f"cannot tell: the positive control failed ({silent[0]}: {met.get(silent[0])})")
    counted = {
        name: answer
        for name, answer in met.items()
        if any(name == each or name.startswith(f"{each} ") for each in fail)
        and control.get(name, "ok") == "ok"
    }
    through = sorted(name for name, answer in counted.items() if answer == "ok")
    if through:
        return Verdict(False, f"an attempt from inside succeeded: {', '.join(through)}", tuple(through))
    if not counted:
        return None
    words = "; ".join(f"{name}: {answer}" for name, answer in sorted(counted.items()))
    return Verdict(True, f"{len(counted)} attempts from inside failed ({words})", tuple(sorted(counted)))
