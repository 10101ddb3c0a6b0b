"""Getting tools: PATH, cache, official release, build, in this order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence

from tre import console
from tre.errors import Problem, TreError, failure
from tre.toolchain import builds, finding, golang, packages, releases, store
from tre.toolchain.store import Tool
from tre.toolchain.table import Entry, Machine, Table

Programs = dict[str, Tool]


def ensure(
    table: Table, names: Sequence[str], *, downloads: bool | None = None, build: bool = True
) -> Programs:
    """Return every program of the named tools, getting those that are not there.

    `downloads` allows or forbids official releases (by default `TRE_TOOLCHAIN_RELEASES` decides), `build` allows
    building. Raises `TreError`: one problem for each tool that cannot be had, or the first download or build that
    went wrong. What was already got stays in the cache.
    """
    entries = [table.entry(name) for name in table.expand(names)]
    found = {entry.name: finding.find(table, entry) for entry in entries}
    reasons: dict[str, str] = {}
    for step in _ways(table, releases.allowed() if downloads is None else downloads, build):
        for entry in entries:
            if not found[entry.name]:
                found[entry.name] = step(entry, reasons)
    _complain(table, [entry for entry in entries if not found[entry.name]], reasons)
    return {name: tool for tools in found.values() if tools for name, tool in tools.items()}


def install(
    table: Table, wanted: Sequence[str], consent: packages.Consent, downloads: bool | None
) -> Programs:
    """Return every program of some groups or tools, installing system packages too, once `consent` says yes to them.

    Packages come before the first build, so that nobody waits minutes to be asked, but after the releases: what was
    downloaded needs no compiler. Raises `TreError` as `ensure` and `packages.install` do.
    """
    if releases.allowed() if downloads is None else downloads:
        for entry in map(table.entry, table.expand(wanted)):
            if not finding.find(table, entry):
                _release(table, entry, {})
    packages.install(packages.missing(table, wanted, building=True), consent)
    return ensure(table, wanted, downloads=False)


_Way = Callable[[Entry, dict[str, str]], Programs | None]


def _ways(table: Table, downloads: bool, build: bool) -> list[_Way]:
    """Return the ways to get a tool. All releases come before the first build: those cost seconds, these minutes."""
    ways: list[_Way] = []
    if downloads:
        ways.append(lambda entry, reasons: _release(table, entry, reasons))
    if build:
        ways.append(lambda entry, reasons: _build(table, entry, reasons))
    return ways


def _release(table: Table, entry: Entry, reasons: dict[str, str]) -> Programs | None:
    if not entry.release:
        return None
    with _kept(entry), store.locked(entry.name) as folder:
        if there := store.cached(table, entry):
            return there
        try:
            with store.workshop(folder) as made:
                source = releases.fetch(entry, Machine.here(), made)
                store.install(made, store.home(table, entry), entry, "release", {"source": source})
        except releases.Unavailable as reason:
            reasons[entry.name] = f"release: {reason}"
            return None
    console.say(f"  {entry.name} {entry.version}: downloaded and checked")
    return store.cached(table, entry)


def _build(table: Table, entry: Entry, reasons: dict[str, str]) -> Programs | None:
    if not entry.go:
        return None
    if lacking := packages.build_needs(table, entry):
        reasons[entry.name] = f"building it needs {', '.join(lacking)} ({packages.remedy(lacking)})"
        return None
    with _kept(entry), store.locked(entry.name) as folder:
        if there := store.cached(table, entry):
            return there
        go = golang.ensure_go(table)
        with console.step(f"building {entry.name} {entry.version}"), store.workshop(folder) as made:
            facts = builds.build(table, entry, go.path, made)
            store.install(made, store.home(table, entry), entry, "build", {**facts, "go": go.version})
    return store.cached(table, entry)


@contextlib.contextmanager
def _kept(entry: Entry) -> Generator[None]:
    """Say what to do where the cache cannot be written: full, read-only, or not a folder."""
    try:
        yield
    except OSError as error:
        raise failure(
            entry.name,
            f"cannot be kept in {store.root()}: {error.strerror or error}",
            "make room or allow writing there, or name another cache folder in TRE_CACHE, then try again",
        ) from error


def _complain(table: Table, entries: Sequence[Entry], reasons: dict[str, str]) -> None:
    problems = [Problem(entry.name, *_why(entry, reasons)) for entry in entries]
    if problems:
        raise TreError(*problems, summary="Some tools are missing.")


def _why(entry: Entry, reasons: dict[str, str]) -> tuple[str, str]:
    parts = [finding.refused(entry), reasons.get(entry.name, "")]
    what = "; ".join(["cannot be had", *(part for part in parts if part)])
    return what, remedy(entry)


def remedy(entry: Entry) -> str:
    """Return what a person can do to get a tool that is missing."""
    if entry.package:
        return packages.remedy([entry.package])
    return f"run: tre toolchain install {entry.name}"
