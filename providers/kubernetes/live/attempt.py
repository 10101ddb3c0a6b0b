"""Runs inside a pod: makes the attempts of a plan and writes what happened to the termination message.

Standard library only; sent to the pod as text. Each attempt is a dictionary with `name`, `kind` and what the
kind needs; `expect` says whether it should succeed (then it is tried again for a while) or not (then any one
success counts). The answer maps each name to `ok` or to the reason why it failed.
"""

import concurrent.futures
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

SECONDS = 2.0
PATIENCE = 10
"""How often an attempt that should succeed is tried again: policies reach a new pod with a delay."""
MESSAGE = "/dev/termination-log"


def tcp(attempt: dict[str, Any]) -> str:
    """Open a connection."""
    with socket.create_connection((attempt["host"], attempt["port"]), timeout=SECONDS):
        return "ok"


def udp(attempt: dict[str, Any]) -> str:
    """Send a datagram that asks a name server something, and wait for any answer."""
    question = (
        bytes.fromhex("000101000001000000000000") + b"\x07outside\x07example\x00" + bytes.fromhex("00010001")
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(SECONDS)
        sender.sendto(question, (attempt["host"], attempt["port"]))
        sender.recv(512)
        return "ok"


def resolve(attempt: dict[str, Any]) -> str:
    """Ask for a name's address."""
    socket.getaddrinfo(attempt["host"], 443)
    return "ok"


def write(attempt: dict[str, Any]) -> str:
    """Make a file, and take it away again."""
    file = Path(attempt["path"]) / f".probe-{os.getpid()}"
    file.write_text("probe")
    file.unlink()
    return "ok"


def root(attempt: dict[str, Any]) -> str:
    """Become the super-user."""
    os.setuid(0)
    return "ok"


def capable(attempt: dict[str, Any]) -> str:
    """Find any privilege in the process's own status."""
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
    )
    powers = int(status["CapEff"], 16) | int(status["CapBnd"], 16)
    if powers or status["NoNewPrivs"].strip() != "1":
        return "ok"
    raise PermissionError("no capability, none to gain")


def token(attempt: dict[str, Any]) -> str:
    """Find credentials of the cluster."""
    Path("/var/run/secrets/kubernetes.io/serviceaccount/token").read_text()
    return "ok"


KINDS = {each.__name__: each for each in (tcp, udp, resolve, write, root, capable, token)}


def once(attempt: dict[str, Any]) -> str:
    """Make an attempt and say how it went."""
    try:
        return KINDS[attempt["kind"]](attempt)
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror or error}"[:80]


def tried(attempt: dict[str, Any]) -> str:
    """Make an attempt as often as it deserves."""
    if "seconds" in attempt:
        return tried_for(attempt, attempt["seconds"])
    found = once(attempt)
    for _ in range(attempt.get("patience", PATIENCE) if attempt["expect"] else 1):
        if found == "ok":
            break
        time.sleep(1 if attempt["expect"] else 0.2)
        found = once(attempt)
    return found


def tried_for(attempt: dict[str, Any], seconds: float) -> str:
    """Make an attempt again and again: one that is refused at once may have come before anybody listens."""
    end = time.monotonic() + seconds
    found = once(attempt)
    while found != "ok" and time.monotonic() < end:
        time.sleep(0.2)
        found = once(attempt)
    return found


def main() -> None:
    """Make every attempt of the plan, side by side."""
    plan = json.loads(sys.argv[1])
    with concurrent.futures.ThreadPoolExecutor(max_workers=32) as pool:
        found = dict(zip([each["name"] for each in plan], pool.map(tried, plan), strict=True))
    Path(MESSAGE).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
