"""One command's hold on the engine: its tools, its state, and the environment that each backend asks for."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from tre import registry, toolchain
from tre.engine import ledger, state
from tre.engine.channels import keep_apart
from tre.engine.command import Pulumi, Running, interruptible
from tre.engine.ledger import Deployed
from tre.engine.settings import Settings, settings, site_folder
from tre.engine.stack import Stack

if TYPE_CHECKING:
    from components.backend import Target

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
PLUGINS: Final = "PULUMI_DEBUG_PROVIDERS"


@dataclass
class Session:
    """What every operation on a site's stacks needs. Made by `session`."""

    settings: Settings
    running: Running
    parallel: int
    _exits: ExitStack
    _prepared: set[str] = field(default_factory=set[str])

    @cached_property
    def command(self) -> Pulumi:
        """The Pulumi command line, found or made."""
        tool = toolchain.ensure("pulumi")["pulumi"]
        return Pulumi(str(tool.path), tool.version, self.running)

    @cached_property
    def folder(self) -> Path:
        """The private folder of what is remembered of this site."""
        return site_folder(self.settings.site)

    @cached_property
    def marks(self) -> Mapping[str, str]:
        """Every stack that the state knows, as it was when first asked."""
        return state.marks(self.settings, self.command)

    @cached_property
    def deployed(self) -> Mapping[str, Deployed]:
        """The last good deployment of each of the site's stacks, where nobody has changed the stack since."""
        found = ledger.remembered(self.folder)
        return {name: each for name, each in found.items() if self.marks.get(name) == each.mark}

    def stack(self, name: str) -> Stack:
        """Return a stack by name; it is made in the state when it is first used."""
        return Stack(name, self.settings, self.command, name in self.marks)

    def holds(self, name: str) -> bool:
        """Tell whether a stack has any resource; one whose state is not in local files is taken to have some."""
        known = name in self.marks
        return known and (self.settings.local_state is None or bool(state.resources(self.settings, name)))

    def prepare(self, targets: Mapping[str, Target]) -> None:
        """Bring in what the targets' backends need beside the engine, once each, until the session ends."""
        for name, target in targets.items():
            if name not in self._prepared:
                self._prepared.add(name)
                self._enter(target)

    def _enter(self, target: Target) -> None:
        make = registry.backend(target.backend).engine_environment
        if make is None:
            return
        added = dict(self._exits.enter_context(make(target)))
        before = self.settings.environment.get(PLUGINS)
        if before and PLUGINS in added and before != added[PLUGINS]:
            added[PLUGINS] = f"{before},{added[PLUGINS]}"
        self.settings = replace(self.settings, environment={**self.settings.environment, **added})

    def side_by_side(
        self, work: Callable[[ItemT], ResultT], items: Iterable[ItemT], stopped: Callable[[ItemT], ResultT]
    ) -> Sequence[ResultT]:
        """Return `work(item)` for each item in order, some at once; `stopped(item)` once somebody says stop."""

        def one(item: ItemT) -> ResultT:
            return stopped(item) if self.running.interrupts else work(item)

        with ThreadPoolExecutor(self.parallel, "stack") as pool:
            return [future.result() for future in [pool.submit(one, item) for item in items]]


@contextmanager
def session(site: str, folder: Path, *, parallel: int = 1) -> Generator[Session]:
    """Open the engine for a site. Ctrl-C reaches the engines once, and ends the session with an error.

    Raises:
        KeyboardInterrupt: somebody asked to stop; what ran has finished what it had begun.
        TreError: the tools or the state cannot be had.
    """
    running = Running()
    keep_apart()
    # When an engine ends early, gRPC would print the trace of each call it left behind; the engine's own words,
    # which we tell, say more.
    logging.getLogger("grpc").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"pulumi\.automation")
    with ExitStack() as exits:
        made = Session(settings(site, folder), running, max(parallel, 1), exits)
        with interruptible(running):
            yield made
