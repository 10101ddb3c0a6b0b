"""The reader: writes the list of projects and people for the registrar, from what the project stacks registered.

Runs beside the registrar and is the one part of the airlock that may ask the API server anything: it reads the
objects with one label in one namespace. It imports nothing but the standard library, and holds no other secret.
"""

import json
import os
import signal
import ssl
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

MOUNT = Path("/var/run/api")
EVERY = 5


def scopes(base: str, place: str) -> "list[Any]":
    """Return what each stack registered, in the order of the objects' names."""
    token = (MOUNT / "token").read_text().strip()
    address = f"{base}/api/v1/namespaces/{place}/configmaps?labelSelector=tre/airlock-scope"
    asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 # our own server
    trust = ssl.create_default_context(cafile=str(MOUNT / "ca.crt"))
    with urllib.request.urlopen(asked, context=trust, timeout=20) as answer:  # noqa: S310
        found: list[dict[str, Any]] = json.loads(answer.read())["items"]
    ordered = sorted(found, key=lambda each: str(each["metadata"]["name"]))
    return [json.loads(each["data"]["scope.json"]) for each in ordered]


def write(file: Path, text: str) -> None:
    """Write the list so that it is there whole."""
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(file)


def end(_signal: int, _frame: object) -> None:
    """End at once: the next start reads everything again."""
    os._exit(0)


def main() -> None:
    """Look again and again. An answer that cannot be had or read changes nothing."""
    signal.signal(signal.SIGTERM, end)
    place, file = sys.argv[1], Path(sys.argv[2])
    base = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    known, said = "", ""
    while True:
        trouble = ""
        try:
            text = json.dumps({"scopes": scopes(base, place)}, sort_keys=True)
            if text != known:
                write(file, text)
                known = text
        except (OSError, KeyError, ValueError) as error:
            trouble = f"{type(error).__name__}: {error}"
        if trouble and trouble != said:
            print(json.dumps({"message": "cannot read the list", "what": trouble}), flush=True)  # noqa: T201 # its log
        said = trouble
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
