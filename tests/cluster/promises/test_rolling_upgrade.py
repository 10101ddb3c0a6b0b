"""Doors are rolled while they are used, from outside and from a workspace: no call is lost."""

from __future__ import annotations

import json
import ssl
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from providers.kubernetes.evidence.view import at
from providers.kubernetes.live import KubernetesLive
from tests.cluster.promises.conftest import TARGET
from tre import cli

pytestmark = pytest.mark.cluster

DEPLOYMENTS = "/apis/apps/v1/namespaces/tre-s-proof--airlock/deployments"
CALLERS = 4
PATIENCE = 240.0
CALLING = 75
"""Seconds for which a workspace calls."""
FROM_A_WORKSPACE = f"""\
import os, ssl, time, urllib.error, urllib.request
trust = ssl.create_default_context(cafile="/run/tre/airlock/ca.crt")
end, answered = time.monotonic() + {CALLING}, 0
while time.monotonic() < end:
    try:
        urllib.request.urlopen(os.environ["TRE_AIRLOCK"] + "/sign-in", timeout=30, context=trust).read()
        answered += 1
    except urllib.error.HTTPError:
        answered += 1
    except OSError:
        # The first calls of a new pod may come before the policies know it.
        if answered:
            raise
    time.sleep(0.02)
assert answered > 100, answered
"""


class Callers:
    """People who ask the outside door without pause, each call on a connection of its own."""

    def __init__(self, address: str, trust: ssl.SSLContext) -> None:
        self._address, self._trust = address, trust
        self._ended = threading.Event()
        self.answered, self.lost = 0, list[str]()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]

    def __enter__(self) -> Callers:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for each in self._threads:
            each.join()

    def _call(self) -> None:
        while not self._ended.is_set():
            try:
                urllib.request.urlopen(self._address, timeout=30, context=self._trust).read()
                self.answered += 1
            except OSError as error:
                self.lost.append(str(error))
            time.sleep(0.02)


def _roll(live: KubernetesLive, door: str) -> None:
    note = {"metadata": {"annotations": {"tests/rolled": str(time.time_ns())}}}
    live.connection.merge(f"{DEPLOYMENTS}/{door}", {"spec": {"template": note}})
    time.sleep(1)


def _rolled(live: KubernetesLive, door: str) -> bool:
    found = live.connection.get(f"{DEPLOYMENTS}/{door}")
    wanted = at(found, "spec", "replicas")
    same = at(found, "metadata", "generation") == at(found, "status", "observedGeneration")
    counts = {at(found, "status", each) for each in ("replicas", "updatedReplicas", "readyReplicas")}
    return bool(same) and counts == {wanted}


def test_rolling_the_outside_door_loses_no_call(live: KubernetesLive) -> None:
    entrance = live.entrance("proof", [])
    assert entrance.portal.endswith(str(TARGET.services.outside_port))
    trust = ssl.create_default_context(cadata="\n".join(entrance.authorities))
    end = time.monotonic() + PATIENCE
    with Callers(f"{entrance.portal}/sign-in", trust) as callers:
        _roll(live, "outside")
        while not _rolled(live, "outside") and time.monotonic() < end:
            time.sleep(0.5)
        rolled, answered = _rolled(live, "outside"), callers.answered
        while callers.answered < answered + CALLERS and time.monotonic() < end:
            time.sleep(0.1)
    assert rolled
    assert callers.lost == []
    assert callers.answered > CALLERS * 10


def test_rolling_the_inside_door_loses_no_call_of_a_workspace(
    live: KubernetesLive, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "call.py"
    script.write_text(FROM_A_WORKSPACE)
    job = _job(site, capsys, "--detach", "--script", str(script))["name"]
    end = time.monotonic() + PATIENCE
    while (state := _job(site, capsys, "--job", job)["state"]) != "running":
        assert state not in ("failed", "succeeded") and time.monotonic() < end, state
        time.sleep(0.5)
    time.sleep(5)
    _roll(live, "inside")
    while not _rolled(live, "inside") and time.monotonic() < end:
        time.sleep(0.5)
    assert _rolled(live, "inside")
    assert _job(site, capsys, "--job", job)["state"] == "running", (
        "it must call for longer than the roll takes"
    )
    while (ended := _job(site, capsys, "--job", job))["state"] == "running" and time.monotonic() < end:
        time.sleep(1)
    assert ended["state"] == "succeeded", ended


def _job(site: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    cli.execute(["run", "proof", "alpha", "--json", "--folder", str(site), *words])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["job"]
    return found
