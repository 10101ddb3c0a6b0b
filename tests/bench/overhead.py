"""What our components cost above a bare Pulumi program that registers the same resources."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pulumi

from components.contract import Record
from tests.bench import sites
from tests.bench.measuring import tre
from tests.bench.rows import Row, at_most
from tre import registry
from tre.engine import deploy, session
from tre.engine.record import COMPONENT_PREFIX
from tre.engine.stack import Outcome, Stack
from tre.model.load import load_site

ROUNDS: Final = 6
PREVIEWS: Final = 3
Program = Callable[[], None]
Way = tuple[Stack, Callable[[], Program]]


class _Bare(pulumi.CustomResource):
    """A resource by its type token, as a program without components would register it."""

    def __init__(self, record: Record, opts: pulumi.ResourceOptions) -> None:
        super().__init__(record.type, record.name, dict(record.inputs), opts)


def rows(folder: Path) -> list[Row]:
    """Preview and deploy one project both ways, in turn, and compare the fastest: the others waited for the cluster."""
    tre("cluster", "up")
    files = sites.write(folder / "overhead", "benchcost", 1)
    loaded = load_site(files, "benchcost")
    with session.session("benchcost", files) as engine:
        works = deploy.works(loaded, engine.deployed)
        site, project = works[0], works[1]
        engine.prepare({"local": site.part.target})
        _done(engine.stack(site.stack).up(site.program()))
        records = project.recorded.records
        ways: Sequence[Way] = (
            (engine.stack(project.stack), lambda: project.program(erase=True)),
            (engine.stack(f"{project.stack}-bare"), lambda: _bare(project.part.target, records)),
        )
        ours, bare = _fastest(ways)
        _done(engine.stack(site.stack).up(site.program(erase=True)))
        _done(engine.stack(site.stack).destroy(keep_protected=False))
    return [
        at_most(f"{what} through components ÷ bare program", ours[what] / bare[what], 1.10, "")
        for what in ("preview", "up")
    ]


def _bare(target: Any, records: Sequence[Record]) -> Program:
    def program() -> None:
        provider = registry.backend(target.backend).provider
        assert provider is not None
        options = pulumi.ResourceOptions(provider=provider(target))
        made: dict[str, pulumi.Resource] = {}
        for record in records:
            if record.type.startswith((COMPONENT_PREFIX, "pulumi:")):
                continue
            after = pulumi.ResourceOptions(depends_on=[made[urn] for urn in record.after if urn in made])
            made[record.urn] = _Bare(record, pulumi.ResourceOptions.merge(options, after))

    return program


def _fastest(ways: Sequence[Way]) -> list[dict[str, float]]:
    """Return the seconds of the fastest preview and the fastest up, for each way."""
    took: list[dict[str, list[float]]] = [{"preview": [], "up": []} for _ in ways]
    for _ in range(ROUNDS):
        for (stack, program), seconds in zip(ways, took, strict=True):
            seconds["preview"] += [_timed(lambda: stack.preview(program())) for _ in range(PREVIEWS)]  # noqa: B023
            seconds["up"].append(_timed(lambda: stack.up(program())))  # noqa: B023
            _done(stack.destroy(keep_protected=False))
    return [{what: min(times) for what, times in seconds.items()} for seconds in took]


def _timed(run: Callable[[], Outcome]) -> float:
    began = time.monotonic()
    _done(run())
    return time.monotonic() - began


def _done(outcome: Outcome) -> None:
    if outcome.failed:
        raise RuntimeError("; ".join(str(each) for each in outcome.failed))
