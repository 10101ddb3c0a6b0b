"""The airlock and its sign-in at depth *probed*: made-up people try, at both doors, what must not work.

Each attempt has its control: the same people do what they may, so that a door which is merely broken keeps no promise.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from components.backend import Scope
from components.contract import Verdict
from portal.record import verifying
from providers.kubernetes import names
from providers.kubernetes.live import inside, jobs, verifiers
from providers.kubernetes.live.connection import Connection
from providers.kubernetes.live.stage import SMALL, Stage
from providers.kubernetes.live.verifiers import Verifiers
from providers.kubernetes.live.visiting import Answer, Visitor
from providers.kubernetes.target import KubernetesTarget

_SOURCE: Final = Path(inside.__file__).read_text()
_SECONDS: Final = 180.0
"""How long a request may take to a state. The worker tries again after 5, 10, 20, 40 and 80 s where a part is away."""
_REFUSED: Final = frozenset({400, 401, 403, 404, 405, 409, 422})
_SWAP: Final = (
    "import pathlib,sys\n"
    "for part in pathlib.Path('/held',sys.argv[1]).rglob('*'):\n"
    "    if part.is_file(): part.chmod(0o600); part.write_bytes(b'X'+part.read_bytes()[1:])\n"
    "open('/dev/termination-log','w').write('{}')\n"
)
Verdicts = dict[str, Verdict]


def run(
    connection: Connection,
    target: KubernetesTarget,
    scopes: Sequence[Scope],
    opened: Stage,
    say: Callable[[str], None],
) -> Mapping[str, Verdicts]:
    """Return, by project, a verdict for each promise of airlock and identity that could be tried.

    Raises:
        TreError: the made-up people could not sign in.
    """
    say("signing in made-up people at the airlock")
    with verifiers.listed(connection, target, scopes) as people:
        shared = {**_sign_in(people), **_expiry(people)}
        say("asking at both doors for what they must refuse")
        pods = {scope.project: _inside(connection, opened, scope, people) for scope in scopes}
        return {
            scope.project: {**shared, **_project(connection, opened, scope, people, pods[scope.project])}
            for scope in scopes
        }


def _inside(connection: Connection, opened: Stage, scope: Scope, people: Verifiers) -> str:
    """Start the attempts from inside, with a pass that the asker has just made; return the pod's name."""
    made = people[verifiers.ASKER].ask("POST", f"/projects/{scope.project}/passes")
    others = [each for each in scope.others if each != scope.project]
    told = {"pass": made.document["pass"], "project": scope.project, "other": (*others, "")[0]}
    spec = jobs.pod_spec(jobs.template(connection, scope), ["python3", "-c", _SOURCE, json.dumps(told)])
    spec["containers"][0]["resources"] = SMALL
    return opened.pod(names.namespace(scope.site, scope.project), jobs.marks(scope, "probe"), spec)


@dataclass(frozen=True)
class _Case:
    """What the attempts of one project need."""

    connection: Connection
    opened: Stage
    scope: Scope
    people: Verifiers
    requests: Mapping[str, Sequence[str]]

    def until(self, what: str, *states: str) -> Mapping[str, Any]:
        """Wait until a request is in one of the states, and return it."""
        return until(self.people[verifiers.CHECKER], self.requests[what][0], *states)

    def decide(self, who: str, what: str, outcome: str, manifest: str) -> Answer:
        """Have somebody decide on a request."""
        body = {"outcome": outcome, "manifest_sha256": manifest, "reason": "Verification."}
        return self.people[who].ask("POST", f"/requests/{self.requests[what][0]}/decisions", body)


def until(visitor: Visitor, request: str, *states: str) -> Mapping[str, Any]:
    """Wait until a request is in one of these states; return it, whatever it is in when the time is up."""
    end = time.monotonic() + _SECONDS
    while True:
        seen = visitor.ask("GET", f"/requests/{request}").document
        found = seen.get("request", seen)
        if found.get("state") in states or time.monotonic() > end:
            return found
        time.sleep(0.5)


def _project(connection: Connection, opened: Stage, scope: Scope, people: Verifiers, pod: str) -> Verdicts:
    told = opened.results(names.namespace(scope.site, scope.project), pod)
    case = _Case(connection, opened, scope, people, _as_requests(told["requests"]))
    if told["control"] != 200:  # RFC 9110
        return {
            "airlock/inside-cannot-release": Verdict(
                False, f"cannot tell: the door answered {told['control']}"
            )
        }
    found = {**_from_inside(told["attempts"]), **_scanned(case), **_four_eyes(case), **_refusal(case)}
    found |= _swapped(case)
    return {**found, **_recorded(case)}


def _as_requests(told: Any) -> Mapping[str, Sequence[str]]:
    return {str(name): [str(each) for each in numbers] for name, numbers in told.items()}


def _judged(what: str, met: Mapping[str, int | bool]) -> Verdict:
    """Judge attempts that must all be refused: a status that refuses, nothing found, or no."""
    through = [name for name, answer in met.items() if answer not in _REFUSED and answer]
    if through:
        return Verdict(False, f"{what}: {', '.join(through)}", tuple(through))
    words = ", ".join(f"{name}: {answer or 'refused'}" for name, answer in met.items())
    return Verdict(bool(met), f"{len(met)} attempts failed ({words})", tuple(met))


def _from_inside(attempts: Mapping[str, int]) -> Verdicts:
    def some(*wanted: str) -> dict[str, int | bool]:
        return {name: status for name, status in attempts.items() if name in wanted}

    deciding = some("decide", "look at the content", "read the record", "ask with nobody signed in")
    leaving = some("fetch what was sent", "look at the content", "another project's requests")
    return {
        "airlock/inside-cannot-release": _judged("the inside door lets a workspace", deciding),
        "airlock/only-way-out": _judged("the inside door hands out", leaving),
        "airlock/only-way-in": _judged("a workspace can", some("bring data in", "the same pass again")),
    }


def _scanned(case: _Case) -> Verdicts:
    seen = case.until("scan", "blocked", "in_review", "failed")
    held = seen["state"] == "blocked"
    words = f"a file with the scanners' own test virus became {seen['state']}"
    return {"airlock/scanned": Verdict(held, words, (case.requests["scan"][0],))}


def _four_eyes(case: _Case) -> Verdicts:
    """Try to decide on one's own request, as somebody who analyses, on other bytes, and as nobody of the project."""
    seen = case.until("reject", "in_review")
    manifest = str(seen["manifest_sha256"])
    own: dict[str, int | bool] = {
        "who asked": case.decide(verifiers.ASKER, "reject", "approve", manifest).status,
        "who brings data elsewhere": case.decide(verifiers.STEWARD, "reject", "approve", manifest).status,
    }
    both: dict[str, int | bool] = {
        "who analyses and checks": case.decide(verifiers.BOTH, "reject", "approve", manifest).status
    }
    elsewhere = case.people[verifiers.STEWARD]
    foreign: dict[str, int | bool] = {
        "the request": elsewhere.ask("GET", f"/requests/{case.requests['reject'][0]}").status,
        "the project's requests": _found(elsewhere.ask("GET", f"/requests?project={case.scope.project}")),
    }
    return {
        "airlock/another-person-decides": _judged("these may decide", own),
        "identity/duties-separated": _judged("these may decide", both),
        "identity/need-to-know": _judged("somebody of another project sees", foreign),
    }


def _found(answer: Answer) -> int:
    return len(answer.document.get("items", [])) if answer.done else answer.status


def _refusal(case: _Case) -> Verdicts:
    """Turn a request down, and try to fetch it all the same."""
    request, file = case.requests["reject"]
    seen = case.until("reject", "in_review")
    turned_down = case.decide(verifiers.CHECKER, "reject", "reject", str(seen["manifest_sha256"]))
    if not turned_down.done:
        why = f"cannot tell: a checker got {turned_down.status}, the request is {seen['state']}"
        return {"airlock/refusal-leaks-nothing": Verdict(False, why)}
    asks = {name: case.people[name] for name in (verifiers.ASKER, verifiers.CHECKER)}
    met: dict[str, int | bool] = {
        f"{name} fetches it": who.ask("POST", f"/requests/{request}/files/{file}/links").status
        for name, who in asks.items()
    }
    return {"airlock/refusal-leaks-nothing": _judged("a refused file can be fetched", met)}


def _swapped(case: _Case) -> Verdicts:
    """Decide on other bytes; then change a held byte behind the airlock's back and have the request approved."""
    seen = case.until("release", "in_review")
    manifest = str(seen["manifest_sha256"])
    other = case.decide(verifiers.CHECKER, "release", "approve", "0" * 64)
    _change_held(case)
    approved = case.decide(verifiers.CHECKER, "release", "approve", manifest)
    if not approved.done:
        why = f"cannot tell: a checker got {approved.status}, the request is {seen['state']}"
        return {"airlock/bytes-bound-to-decision": Verdict(False, why)}
    ended = case.until("release", "failed", "released")["state"]
    met: dict[str, int | bool] = {"a decision on another hash": other.status}
    if ended != "failed":
        met["a byte changed before the release"] = 200
    verdict = _judged("the airlock takes", met)
    words = f"{verdict.because}; a byte that was changed while it was held let the release end as {ended}"
    return {
        "airlock/bytes-bound-to-decision": Verdict(verdict.kept, words, (*verdict.cited, "a changed byte"))
    }


def _change_held(case: _Case) -> None:
    """Change the first byte of what a request holds, with an administrator's rights over the airlock's volume."""
    place = names.site_namespace(case.scope.site, "airlock")
    made = jobs.template(case.connection, case.scope)
    spec = jobs.bare_pod(made)
    spec |= {"serviceAccountName": "default", "securityContext": _as_worker(case.connection, place)}
    container: dict[str, Any] = {
        "name": "probe",
        "image": made["image"],
        "command": ["python3", "-c", _SWAP, case.requests["release"][0]],
        "securityContext": jobs.confined(),
        "resources": SMALL,
        "volumeMounts": [{"name": "held", "mountPath": "/held"}],
    }
    spec |= {
        "containers": [container],
        "volumes": [{"name": "held", "persistentVolumeClaim": {"claimName": "held"}}],
    }
    case.opened.results(place, case.opened.pod(place, {f"{names.LABEL}/role": "probe"}, spec))


def _as_worker(connection: Connection, place: str) -> dict[str, Any]:
    found = connection.get(f"/apis/apps/v1/namespaces/{place}/deployments/worker") or {}
    return dict(found["spec"]["template"]["spec"]["securityContext"])


def _recorded(case: _Case) -> Verdicts:
    """Take the auditor's copy: it must verify, tell of what was just done, and fail to verify with a byte changed."""
    export = case.people[verifiers.AUDITOR].ask("GET", "/export")
    text = export.document if isinstance(export.document, str) else json.dumps(export.document)
    lines = text.splitlines()
    whole = verifying.verify(_bytes(lines))
    number = case.requests["reject"][0]
    told = [each for each in lines if number in each]
    changed = [
        each.replace("Verification.", "Verification!", 1) if number in each else each for each in lines
    ]
    caught = bool(verifying.verify(_bytes(changed)).problems)
    kept = export.done and not whole.problems and bool(told) and caught
    words = f"{len(lines)} lines verify, {len(told)} tell of the request just refused, a changed one is found"
    return {"airlock/recorded": Verdict(kept, words if kept else _unkept(export, whole.problems), (number,))}


def _bytes(lines: Sequence[str]) -> list[bytes]:
    return [f"{line}\n".encode() for line in lines]


def _unkept(export: Answer, problems: Iterable[object]) -> str:
    first = next(iter(problems), "a request or a change is not found in it")
    return f"the auditor's copy ({export.status}) does not hold: {first}"


def _sign_in(people: Verifiers) -> Verdicts:
    """Try to come in with one factor, with a wrong one, as nobody, and after one's time."""

    def visit() -> Visitor:
        return Visitor(people.entrance, verifiers.ASKER)

    factors: dict[str, int | bool] = {
        "the password alone": visit().first_factor_alone(),
        "a name and password at the token endpoint": visit().password_grant(),
        "a wrong code": visit().sign_in(code="000000"),
        "a wrong password": visit().sign_in(password="wrong"),  # noqa: S106 # a wrong one
    }
    gone = Visitor(people.entrance, verifiers.GONE)
    nobody = Visitor(people.entrance, verifiers.CHECKER)
    strangers: dict[str, int | bool] = {
        "whoever has not signed in": nobody.ask("GET", "/requests").status,
        "whoever registers by themselves": nobody.registration(),
    }
    return {
        "identity/multi-factor": _judged("the portal takes people in with", factors),
        "identity/access-expires": _judged("somebody comes in", {"after their last day": gone.sign_in()}),
        "identity/named-people-only": _judged("these come in", strangers),
    }


def _expiry(people: Verifiers) -> Verdicts:
    """Leave a draft lie in a project where drafts end after seconds."""
    steward = people[verifiers.STEWARD]
    body = {"project": verifiers.PROJECT, "direction": "input", "title": "Verification", "purpose": "Left."}
    made = steward.ask("POST", "/requests", body)
    if not made.done:
        return {"airlock/stuck-requests-expire": Verdict(False, f"cannot tell: a steward got {made.status}")}
    state = until(steward, str(made.document["id"]), "expired").get("state")
    words = f"a draft that nobody went on with became {state}"
    return {"airlock/stuck-requests-expire": Verdict(state == "expired", words, (str(made.document["id"]),))}
