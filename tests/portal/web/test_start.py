"""What a door loads at its start: nothing that it may never need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "opentelemetry.sdk",
    "opentelemetry.exporter",
    "alembic",
    "playwright",
    "pulumi",
    "django",
    "PIL",
    "pypdf",
    "yaml",
)


@pytest.mark.parametrize("module", ["portal.serving", "portal.embedded", "portal.__main__"])
def test_what_is_heavy_is_not_loaded_at_the_start(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {name for name in loaded if name.startswith(HEAVY)}


def test_the_command_line_loads_the_portal_only_when_it_runs_it() -> None:
    code = "import sys, tre.cli.portal, tre.cli.airlock, tre.cli.audit; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"portal", "fastapi", "sqlalchemy", "httpx"} & set(done.stdout.split())
