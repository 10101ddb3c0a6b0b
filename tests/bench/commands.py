"""Figures of whole commands, run as a user runs them."""

from __future__ import annotations

import statistics
from pathlib import Path

from tests.bench import sites
from tests.bench.measuring import tre
from tests.bench.rows import Row, at_most, told

MANY = 100


def small(folder: Path) -> list[Row]:
    """Measure the commands that must feel instant: the median of seven runs."""
    many = sites.write(folder / "many", "bench", MANY)
    helped = statistics.median(tre("--help").seconds for _ in range(7))
    checked = statistics.median(tre("validate", "bench", "--folder", str(many)).seconds for _ in range(7))
    return [
        at_most("`tre --help`", helped, 0.3, "s"),
        at_most(f"`tre validate` of {MANY} projects", checked, 1, "s"),
    ]


def cluster(folder: Path) -> list[Row]:
    """Measure the local cluster's start and end, everything built."""
    tre("cluster", "up")
    ended = tre("cluster", "down", "--yes")
    started = tre("cluster", "up")
    again = tre("cluster", "up")
    return [
        at_most("`tre cluster up`, once built", started.seconds, 45, "s"),
        told("`tre cluster up`, already up", f"{again.seconds:.1f} s"),
        told("`tre cluster down`", f"{ended.seconds:.1f} s"),
    ]


def demo(folder: Path) -> list[Row]:
    """Measure a site with two projects, loaders included, on a warm cluster."""
    tre("cluster", "up")
    files = str(sites.write(folder / "pair", "benchpair", 2, source=sites.FROM_IMAGE))
    _gone("benchpair", files)
    up = tre("up", "benchpair", "--yes", "--folder", files)
    again = tre("up", "benchpair", "--yes", "--folder", files)
    verified = tre("verify", "benchpair", "--folder", files)
    _gone("benchpair", files)
    return [
        at_most("site and two projects up, warm cluster", up.seconds, 60, "s"),
        at_most("peak memory of that `tre up`, with engine and plugin", up.peak_mb, 400, "MB"),
        told("the same `tre up` again, nothing to do", f"{again.seconds:.1f} s"),
        told("`tre verify` of both, probes included", f"{verified.seconds:.1f} s"),
    ]


def projects(folder: Path) -> list[Row]:
    """Measure how the price of one more project grows, and how long a hundred take to go."""
    tre("cluster", "up")
    files = sites.write(folder / "hundred", "bench", 1)
    _gone("bench", str(files))
    tre("up", "bench", "--yes", "--folder", str(files))
    second = _one_more(files, 1)
    for number in range(2, MANY):
        sites.add(files, "bench", number)
    hundred = tre("up", "bench", "--yes", "--skip-preview", "--folder", str(files))
    unchanged = tre("up", "bench", "--yes", "--folder", str(files))
    another = _one_more(files, MANY)
    (files / f"Pulumi.bench-p{MANY:03}.yaml").unlink()
    destroyed = _gone("bench", str(files), check=True)
    return [
        told("the second project of a site", f"{second:.1f} s"),
        told("one more project in a site of 100", f"{another:.1f} s"),
        at_most("ratio of the two", another / second, 1.2, ""),
        told("98 projects up at once", f"{hundred.seconds:.0f} s, peak {hundred.peak_mb:.0f} MB"),
        told("`tre up` of 100 projects, nothing to do", f"{unchanged.seconds:.1f} s"),
        at_most("100 projects destroyed, data erased", destroyed, 60, "s"),
    ]


def _one_more(files: Path, number: int) -> float:
    name = sites.add(files, "bench", number)
    return tre("up", "bench", "--yes", "--project", name, "--folder", str(files)).seconds


def _gone(site: str, files: str, *, check: bool = False) -> float:
    arguments = ("--yes", "--erase-data", "--confirm-erase", site, "--folder", files)
    return tre("destroy", site, *arguments, check=check).seconds
