"""Measure, and write `docs/benchmarks.md`: `make bench`, or `python -m tests.bench [NAME...]` for some of it."""

from __future__ import annotations

import datetime
import json
import os
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from tests.bench import airlock, commands, overhead
from tests.bench.rows import Row
from tre import paths
from tre.console import say

BENCHES: Final[Mapping[str, Callable[[Path], list[Row]]]] = {
    "commands": commands.small,
    "cluster": commands.cluster,
    "demo": commands.demo,
    "overhead": overhead.rows,
    "projects": commands.projects,
    "airlock": airlock.rows,
}
PAGE: Final = paths.checkout() / "docs" / "benchmarks.md"
KEPT: Final = paths.checkout() / "docs" / "benchmarks.json"


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)))
def main(names: Sequence[str]) -> None:
    """Run the benches that are NAMES, or all, and write the page from these results and the kept ones."""
    wanted = names or list(BENCHES)
    kept: dict[str, list[dict[str, str]]] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name in wanted:
        say(f"bench {name}")
        with tempfile.TemporaryDirectory(prefix="tre-bench-") as folder:
            kept[name] = [row.document() for row in BENCHES[name](Path(folder))]
        KEPT.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
        PAGE.write_text(_page(kept))
    say(f"written: {PAGE}")


def _page(kept: Mapping[str, list[dict[str, str]]]) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; one part again with `python -m tests.bench NAME`. Ratios are of runs side by side.",
        "",
        f"Last run {datetime.datetime.now(datetime.UTC).date()} on {os.cpu_count()} cores, {platform.machine()},"
        f" Linux {platform.release().split('-')[0]}, Python {platform.python_version()}.",
        "",
        "| part | what | measured | wanted | met |",
        "|---|---|---|---|---|",
    ]
    for name in BENCHES:
        for row in kept.get(name, []):
            lines.append(f"| `{name}` | {row['what']} | {row['measured']} | {row['wanted']} | {row['met']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
