"""A laptop's airlock as a process of its own, without limits on how often one may ask and without checks that block.

Started by `tests.bench.airlock` as `python -m tests.bench.airlock_server FOLDER PORT`; prints one line once it answers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from portal.domain.policy import Rules
from portal.embedded import Laptop
from portal.serving import run
from portal.settings import Rate, Rates, RunAs
from tre.console import emit

MANY = Rate(burst=1_000_000, each_second=1_000_000)


def main(folder: str, port: str) -> None:
    """Serve both doors and the worker until SIGTERM."""
    laptop = Laptop(Path(folder), int(port))
    settings = laptop.prepared()
    free = Rules(blocking=frozenset())
    changed = {
        "rates": Rates(person=MANY, address=MANY, sign_in=MANY),
        "projects": tuple(each.model_copy(update={"rules": free}) for each in settings.projects),
        "log_level": "WARNING",
    }
    settings = settings.model_copy(update=changed)
    with (Path(folder) / "log").open("a") as log:
        run(settings, RunAs.BOTH, lambda: emit("ready", {"outside": laptop.outside}), log)


if __name__ == "__main__":
    main(*sys.argv[1:])
