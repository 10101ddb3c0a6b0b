"""Runs inside a workspace's pod: asks the inside door for what it gives, and for what it must never give.

Standard library only; sent to the pod as text, after the `airlock` command's own file. Its answer, in the termination
message, maps each attempt to the status that the door gave; the made-up requests are under `requests`.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PLACE = Path("/run/tre/airlock")
DOOR = os.environ.get("TRE_AIRLOCK", "")
MESSAGE = "/dev/termination-log"
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The industry's harmless test of scanners, in two parts so that this file is not taken for it."""
TABLE = "group,people\na,120\nb,340\n"
PATIENCE = 60
AGAIN = 10
"""Tries, a second apart each."""


def ask(
    method: str, path: str, body: Any = None, *, session: str = "", raw: "bytes | None" = None
) -> "tuple[int, Any]":
    """Make one call at the inside door, and return its status and document."""
    import ssl

    headers = {"Tre-Workload": (PLACE / "token").read_text().strip()}
    if session:
        headers["Authorization"] = f"Bearer {session}"
    if body is not None:
        raw, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    trust = ssl.create_default_context(cafile=str(PLACE / "ca.crt"))
    request = urllib.request.Request(f"{DOOR}/api/v1{path}", raw, headers, method=method)  # noqa: S310 # our own door
    try:
        with urllib.request.urlopen(request, context=trust, timeout=30) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, {}


def signed_in(workspace_pass: str) -> str:
    """Spend a pass, waiting for the network policies to reach this new pod, and return the session."""
    for attempt in range(PATIENCE):
        try:
            status, told = ask("POST", "/sign-in", {"pass": workspace_pass})
        except OSError:
            if attempt == PATIENCE - 1:
                raise
            time.sleep(1)
            continue
        if status != 201:  # RFC 9110
            raise SystemExit(f"the inside door answered {status}")
        return str(told["token"])
    raise SystemExit("the inside door does not answer")


def done(method: str, path: str, body: Any = None, *, session: str, raw: "bytes | None" = None) -> Any:
    """Make a call that must succeed, again where a part does not answer for a moment, and return its document."""
    status, told = 0, None
    for _ in range(AGAIN):
        status, told = ask(method, path, body, session=session, raw=raw)
        if status != 503:  # RFC 9110
            break
        time.sleep(1)
    if status >= 400:  # RFC 9110
        raise SystemExit(f"the inside door answered {status} to {method} {path}")
    return told


def handed_in(session: str, project: str, title: str, text: str) -> "tuple[str, str]":
    """Make a request of one file and hand it in; return the numbers of both."""
    body = {"project": project, "direction": "output", "title": title, "purpose": "Verification."}
    request = str(done("POST", "/requests", body, session=session)["id"])
    file = {"path": "table.csv", "expected_size": len(text)}
    number = str(done("POST", f"/requests/{request}/files", file, session=session)["id"])
    path = f"/requests/{request}/files/{number}/content?offset=0&last=true"
    done("PUT", path, session=session, raw=text.encode())
    done("POST", f"/requests/{request}/submit", {}, session=session)
    return request, number


def main() -> None:
    """Hand in what the attempts outside need, and try what the inside door must refuse."""
    told = json.loads(sys.argv[1])
    session = signed_in(told["pass"])
    made = {
        "release": handed_in(session, told["project"], "Verification: to be changed", TABLE),
        "reject": handed_in(session, told["project"], "Verification: to be turned down", TABLE),
        "scan": handed_in(session, told["project"], "Verification: harmless test virus", EICAR),
    }
    request, file = made["reject"]
    decision = {"outcome": "approve", "manifest_sha256": "0" * 64, "reason": "Verification."}
    incoming = {"project": told["project"], "direction": "input", "title": "Verification", "purpose": ""}
    attempts = {
        "decide": ask("POST", f"/requests/{request}/decisions", decision, session=session)[0],
        "look at the content": ask("GET", f"/requests/{request}/files/{file}/preview", session=session)[0],
        "fetch what was sent": ask("POST", f"/requests/{request}/files/{file}/links", session=session)[0],
        "bring data in": ask("POST", "/requests", incoming, session=session)[0],
        "read the record": ask("GET", "/events", session=session)[0],
        "ask with nobody signed in": ask("GET", "/requests")[0],
        "the same pass again": ask("POST", "/sign-in", {"pass": told["pass"]})[0],
    }
    if told["other"]:
        attempts["another project's requests"] = len(
            ask("GET", f"/requests?project={told['other']}", session=session)[1].get("items", [])
        )
    control = ask("GET", f"/requests/{request}", session=session)[0]
    Path(MESSAGE).write_text(json.dumps({"requests": made, "attempts": attempts, "control": control}))


if __name__ == "__main__":
    try:
        main()
    except SystemExit as why:
        Path(MESSAGE).write_text(str(why))
        raise
