"""A real `tre portal serve` in a process of its own, and people who use the command line against it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from portal.domain.clock import now
from portal.sign_in.demo import current_code
from tests.portal.web.running import WAIT
from tests.ports import free_port
from tre import cli


@dataclass
class Serve:
    """One folder's airlock, which is started, killed and started again."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    def start(self) -> dict[str, Any]:
        """Start it, and return what it says of itself."""
        arguments = ["--folder", str(self.folder), "--port", str(self.port), "--json"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tre", "portal", "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if line == "}\n":
                return dict(json.loads("".join(lines)))
        raise AssertionError(f"it ended with {self.process.wait()}")

    def end(self, with_signal: signal.Signals) -> int:
        """End it and return its exit code."""
        assert self.process
        self.process.send_signal(with_signal)
        code = self.process.wait(WAIT)
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return code

    def password(self, name: str) -> str:
        """Return a made-up person's password, from the sheet."""
        sheet = (self.folder / "how-to-sign-in.txt").read_text()
        found = re.search(rf"name +{name}\n +password +(\S+)\n", sheet)
        assert found
        return found[1]


@dataclass
class Walker:
    """A person at a command line, with a state folder of their own."""

    name: str
    serve: Serve
    state: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def outside(self) -> str:
        """Return the outside door's address."""
        return f"http://127.0.0.1:{self.serve.port}"

    @property
    def inside(self) -> str:
        """Return the inside door's address."""
        return f"http://127.0.0.1:{self.serve.port + 1}"

    def run(self, *words: str, ends: int = 0) -> Any:
        """Run `tre` with `--json`; return its document. It must end with this code."""
        before = os.environ.get("TRE_STATE")
        os.environ["TRE_STATE"] = str(self.state)
        try:
            code = cli.execute([*words, "--json"])
        finally:
            _put_back(before)
        told = self.capsys.readouterr()
        assert code == ends, told.err
        return json.loads(told.out) if told.out.strip() else None

    def sign_in(self) -> None:
        """Sign in at the outside door, with a password from a file and a code."""
        file = self.state / "password"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.serve.password(self.name))
        code = current_code(self.serve.folder / "accounts.json", self.name, now)
        given = ["--name", self.name, "--password-file", str(file), "--code", code]
        self.run("airlock", "sign-in", "--door", self.outside, *given)

    def go_inside(self, project: str) -> None:
        """Make a pass outside, and spend it in a workspace of the project."""
        made = self.run("airlock", "pass", project, "--door", self.outside)
        file = self.state / "pass"
        file.write_text(made["pass"])
        workload = str(self.serve.folder / "workspaces" / project)
        given = ["--pass-file", str(file), "--workload-file", workload]
        self.run("airlock", "sign-in", "--door", self.inside, *given)


def _put_back(before: str | None) -> None:
    if before is None:
        del os.environ["TRE_STATE"]
    else:
        os.environ["TRE_STATE"] = before


KILLED: Final = -signal.SIGKILL
