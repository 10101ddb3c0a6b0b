"""Makes the plugin findable as a program, for engines that are started without the deployer."""

import shlex
import sys
from pathlib import Path

PROGRAM = "pulumi-resource-kubernetes"
"""What the engine looks for on PATH."""


def install(folder: Path) -> Path:
    """Write the program into `folder` (made if missing), to be put on PATH; returns the program's path.

    It runs this very checkout with this very Python, from any working directory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkout = Path(__file__).resolve().parents[3]
    program = folder / PROGRAM
    # -P keeps the working directory, which may hold a folder named providers, off the module path.
    program.write_text(
        "#!/bin/sh\n"
        f'PYTHONPATH={shlex.quote(str(checkout))}"${{PYTHONPATH:+:$PYTHONPATH}}" \\\n'
        f'exec {shlex.quote(sys.executable)} -P -m {__package__} "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program
