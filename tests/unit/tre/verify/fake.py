"""A TRE in memory, for the neutral side.

It answers what a test tells it to. So these tests prove what is made of a backend's answers, and nothing of whether
a real target would give them, of how a job runs, or of whether erasing really erases: that is for tests/cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.backend import Entrance, FirstSignIn, JobState, Scope
from components.contract import Verdict
from tre.errors import failure

SECRET = "what the job printed: row 17"
HOLDINGS: Mapping[str, Any] = {
    "manifest": "m" * 64,
    "data_sets": [
        {
            "data_set": "breast-cancer",
            "file": "breast-cancer/breast_cancer.csv",
            "sha256": "d" * 64,
            "bytes": 119913,
            "classification": "pseudonymised",
        }
    ],
    "volumes": [
        {"name": f"pv-{area}", "area": area, "cipher": "AES-256-GCM", "key": "f" * 32}
        for area in ("inputs", "working", "outbox")
    ],
}
NOTHING: Mapping[str, Any] = {"manifest": "", "data_sets": [], "volumes": []}


@dataclass
class FakeLive:
    """One target. `calls` tells in order what was asked of it."""

    read: dict[str, Verdict] = field(default_factory=dict[str, Verdict])
    tried: dict[str, dict[str, Verdict]] = field(default_factory=dict[str, dict[str, Verdict]])
    job: JobState = field(default_factory=lambda: JobState("run-1", "succeeded", 2.0))
    held: Mapping[str, Any] = field(default_factory=lambda: HOLDINGS)
    there: tuple[str, ...] = ("namespace",)
    sticks: tuple[str, ...] = ()
    unreachable: bool = False
    calls: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])

    def _asked(self, *call: Any) -> None:
        if self.unreachable:
            raise failure("cluster", "does not answer", "Start it.")
        self.calls.append(call)

    def identity(self) -> str:
        return "memory"

    def deployed(self, scope: Scope) -> Mapping[str, Verdict]:
        self._asked("deployed", scope)
        return self.read

    def probed(
        self, scopes: Sequence[Scope], say: Callable[[str], None]
    ) -> Mapping[str, Mapping[str, Verdict]]:
        self._asked("probed", tuple(scopes))
        return self.tried

    def run(
        self,
        scope: Scope,
        command: Sequence[str],
        say: Callable[[str], None],
        *,
        script: str = "",
        wait: bool = True,
        name: str = "",
    ) -> JobState:
        self._asked("run", scope.project, tuple(command), script, wait, name)
        return self.job

    def state(self, scope: Scope, job: str) -> JobState:
        self._asked("state", job)
        return self.job

    def output(self, scope: Scope, job: str) -> str:
        self._asked("output", job)
        return SECRET

    def entrance(self, site: str, people: Sequence[str]) -> Entrance:
        self._asked("entrance", site, tuple(people))
        return Entrance(
            "https://portal.example.org", (), {each: FirstSignIn("first", "CODE") for each in people}
        )

    def doctor(self, tier: int) -> Sequence[tuple[str, bool, str, str]]:
        return ()

    def stop(self, scope: Scope, say: Callable[[str], None]) -> None:
        self._asked("stop", scope.project)

    def holdings(self, scope: Scope) -> Mapping[str, Any]:
        self._asked("holdings", scope.project)
        return self.held

    def erase(self, scope: Scope, say: Callable[[str], None]) -> Sequence[str]:
        self._asked("erase", scope.project)
        removed, self.there, self.held = self.there, self.sticks, NOTHING
        return removed

    def remains(self, scope: Scope) -> Sequence[str]:
        self._asked("remains", scope.project)
        return self.there
