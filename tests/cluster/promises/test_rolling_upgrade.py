"""A door is rolled while people use it: no call is lost."""

from __future__ import annotations

import ssl
import threading
import time
import urllib.request

import pytest

from providers.kubernetes.evidence.view import at
from providers.kubernetes.live import KubernetesLive
from tests.cluster.promises.conftest import TARGET

pytestmark = pytest.mark.cluster

DEPLOYMENT = "/apis/apps/v1/namespaces/tre-s-proof--airlock/deployments/outside"
CALLERS = 4
PATIENCE = 240.0


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


def _rolled(live: KubernetesLive) -> bool:
    found = live.connection.get(DEPLOYMENT)
    wanted = at(found, "spec", "replicas")
    same = at(found, "metadata", "generation") == at(found, "status", "observedGeneration")
    counts = {at(found, "status", each) for each in ("replicas", "updatedReplicas", "readyReplicas")}
    return bool(same) and counts == {wanted}


def test_rolling_the_outside_door_loses_no_call(live: KubernetesLive) -> None:
    entrance = live.entrance("proof", [])
    assert entrance.portal.endswith(str(TARGET.services.outside_port))
    trust = ssl.create_default_context(cadata="\n".join(entrance.authorities))
    note = {"metadata": {"annotations": {"tests/rolled": str(time.time_ns())}}}
    end = time.monotonic() + PATIENCE
    with Callers(f"{entrance.portal}/sign-in", trust) as callers:
        live.connection.merge(DEPLOYMENT, {"spec": {"template": note}})
        time.sleep(1)
        while not _rolled(live) and time.monotonic() < end:
            time.sleep(0.5)
        rolled, answered = _rolled(live), callers.answered
        while callers.answered < answered + CALLERS and time.monotonic() < end:
            time.sleep(0.1)
    assert rolled
    assert callers.lost == []
    assert callers.answered > CALLERS * 10
